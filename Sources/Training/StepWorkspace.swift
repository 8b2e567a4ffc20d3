// N local rows, B global rows, X feature, Z noise, G generator width, H embedding, P projection, S seen classes.
import Kernels
import Matrices
import Networks

/// Every buffer of an iteration, made once. Rows 0..<N of a stacked buffer are real, rows N..<2N fake.
package struct StepWorkspace: Sendable {
  package let rowCount: Int
  /// Real features (filled by the caller), fakes and penalty rows: see `CriticWorkspace.rows`.
  package let critic: CriticWorkspace
  /// N×Z and 1×N: the draws of the step, filled by the caller.
  package let noise: Matrix
  package let alpha: Matrix
  /// S×G, N×G, N×G: the generator's class part, its hidden layer, and that one's gradient.
  package let generatorBase: Matrix
  package let generatorHidden: Matrix
  package let generatorHiddenGradient: Matrix
  /// 2N×H.
  package let embedded: Matrix
  /// N×H.
  package let embeddedGradient: Matrix
  /// 2N×P, 1×2N, N×P.
  package let projected: Matrix
  package let norms: Matrix
  package let projectedGradient: Matrix
  /// 2B×P: projections of all ranks, real rows first.
  package let allProjected: Matrix
  /// N×1 and 2B×1: log-sum-exps.
  package let localLogSumExps: Matrix
  package let allLogSumExps: Matrix
  package let comparator: ComparatorWorkspace
  /// 1×N.
  package let rowLosses: Matrix

  package init(sizes: ModelSizes, rowCount: Int, batchSize: Int, classCount: Int) {
    self.rowCount = rowCount
    let (n, b) = (rowCount, batchSize)
    let hidden = sizes.kind == .none ? 0 : sizes.classifierInput
    let projection = sizes.kind.hasProjection ? sizes.projection : 0
    let allRows = sizes.kind.hasProjection ? 2 * b : 0
    critic = CriticWorkspace(rowCount: n, classCount: classCount, sizes: sizes)
    noise = Matrix(rows: n, columns: sizes.noise)
    alpha = Matrix(rows: 1, columns: n)
    generatorBase = Matrix(rows: classCount, columns: sizes.generatorWidth)
    generatorHidden = Matrix(rows: n, columns: sizes.generatorWidth)
    generatorHiddenGradient = Matrix(rows: n, columns: sizes.generatorWidth)
    embedded = Matrix(rows: 2 * n, columns: hidden)
    embeddedGradient = Matrix(rows: n, columns: hidden)
    projected = Matrix(rows: 2 * n, columns: projection)
    norms = Matrix(rows: 1, columns: 2 * n)
    projectedGradient = Matrix(rows: n, columns: projection)
    allProjected = Matrix(rows: allRows, columns: projection)
    localLogSumExps = Matrix(rows: n, columns: 1)
    allLogSumExps = Matrix(rows: allRows, columns: 1)
    comparator = ComparatorWorkspace(
      rowCount: sizes.kind.hasComparator ? n : 0, classCount: classCount, sizes: sizes)
    rowLosses = Matrix(rows: 1, columns: n)
  }

  /// N×X: this rank's rows of the batch.
  package var real: Matrix { critic.rows.rows(0..<rowCount) }
  package var fake: Matrix { critic.rows.rows(rowCount..<2 * rowCount) }
  /// N×X scratch of the generator step: the gradient of the fakes.
  package var fakeGradient: Matrix { critic.rows.rows(2 * rowCount..<3 * rowCount) }
  package var bothRows: Matrix { critic.rows.rows(0..<2 * rowCount) }
  package var realRows: Range<Int> { 0..<rowCount }
  package var fakeRows: Range<Int> { rowCount..<2 * rowCount }
}
