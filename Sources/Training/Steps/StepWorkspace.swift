// N rows of a group, X feature, E noise, G generator width, H embedding, Z projection, S seen classes.
import Kernels
import Matrices
import Networks

/// Fakes of several steps, generated in one product: G does not move before the end of the iteration (Method.md, identity 7).
package struct FakesAhead: Sendable {
  /// Steps whose fakes are held.
  package let stepCount: Int
  /// stepCount·N×E, ·N×G, ·N×X.
  package let noise: Matrix
  package let hidden: Matrix
  package let output: Matrix

  /// Enough steps for products at full speed, no more: beyond so many rows they are as fast one by one.
  package static let enoughRows = 4096

  /// - Parameters:
  ///   - stepCount: see the function of this name.
  ///   - reservedRows: of the pool's sets that hold several steps, the most rows of all steps together.
  ///   - fake: N×X, where a step wants its fakes; it is the output itself if only one step's are held.
  init(sizes: ModelSizes, rowCount: Int, stepCount: Int, reservedRows: Int, fake: Matrix, pool: MatrixPool) {
    self.stepCount = stepCount
    let rows = 0..<stepCount * rowCount
    precondition(stepCount == 1 || rows.count <= reservedRows)
    // A set of fewer rows may hold more steps than the first one: the same memory is asked for in all of them.
    let held = max(rows.count, reservedRows)
    noise = pool.matrix(rows: held, columns: sizes.noise).rows(rows)
    hidden = pool.matrix(rows: held, columns: sizes.generatorWidth).rows(rows)
    let several = pool.matrix(rows: reservedRows, columns: sizes.feature)
    output = stepCount == 1 ? fake : several.rows(rows)
  }

  /// Of how many steps the fakes are held.
  package static func stepCount(rowCount: Int, mostSteps: Int, mostRows: Int) -> Int {
    max(1, min(mostSteps, mostRows / max(rowCount, 1)))
  }
}

/// Every buffer of a group's rows, made once. Rows 0..<N of a stacked buffer are real, rows N..<2N fake.
package struct StepWorkspace: Sendable {
  package let rowCount: Int
  /// Real features (filled by the caller), fakes and penalty rows: see `CriticWorkspace.rows`.
  package let critic: CriticWorkspace
  /// 1×N: the interpolation draws of the step, filled by the caller.
  package let alpha: Matrix
  package let ahead: FakesAhead
  /// N×G: the gradient of the generator's hidden layer.
  package let generatorHiddenGradient: Matrix
  /// 2N×H.
  package let embedded: Matrix
  /// N×H.
  package let embeddedGradient: Matrix
  package let comparator: ComparatorWorkspace
  /// 1×N.
  package let rowLosses: Matrix

  /// - Parameters:
  ///   - stepsAhead, reservedRows: see `FakesAhead`.
  ///   - pool: memory; that of a workspace with at least as many rows, rewound, to lie in its place.
  package init(
    sizes: ModelSizes, rowCount: Int, classCount: Int, stepsAhead: Int, reservedRows: Int, pool: MatrixPool
  ) {
    self.rowCount = rowCount
    let n = rowCount
    let hidden = sizes.kind == .none ? 0 : sizes.classifierInput
    critic = CriticWorkspace(rowCount: n, sizes: sizes, pool: pool)
    ahead = FakesAhead(
      sizes: sizes, rowCount: n, stepCount: stepsAhead, reservedRows: reservedRows, fake: critic.rows.rows(n..<2 * n),
      pool: pool)
    alpha = pool.matrix(rows: 1, columns: n)
    generatorHiddenGradient = pool.spreadMatrix(rows: n, columns: sizes.generatorWidth)
    embedded = pool.matrix(rows: 2 * n, columns: hidden)
    embeddedGradient = pool.spreadMatrix(rows: n, columns: hidden)
    comparator = ComparatorWorkspace(
      rowCount: sizes.kind.hasComparator ? n : 0, classCount: classCount, sizes: sizes, pool: pool)
    rowLosses = pool.matrix(rows: 1, columns: n)
  }

  /// N×E and N×G: noise and the generator's hidden layer of one of the steps whose fakes are held.
  func noise(_ place: Int) -> Matrix { ahead.noise.rows(place * rowCount..<(place + 1) * rowCount) }
  func generatorHidden(_ place: Int) -> Matrix { ahead.hidden.rows(place * rowCount..<(place + 1) * rowCount) }
  /// N×X: this rank's rows of the batch.
  package var real: Matrix { critic.rows.rows(0..<rowCount) }
  package var fake: Matrix { critic.rows.rows(rowCount..<2 * rowCount) }
  /// N×X scratch of the generator step: the gradient of the fakes.
  package var fakeGradient: Matrix { critic.rows.rows(2 * rowCount..<3 * rowCount) }
  package var bothRows: Matrix { critic.rows.rows(0..<2 * rowCount) }
  package var realRows: Range<Int> { 0..<rowCount }
  package var fakeRows: Range<Int> { rowCount..<2 * rowCount }
}
