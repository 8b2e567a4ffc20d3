// D(x, a) = w·LeakyReLU(W_x·x + W_a·a + b₁) + b₂ and its gradient penalty, Method.md, identities 1, 3, 4, 5.
// N local rows, B global rows, X feature, A descriptor, D hidden width, S seen classes.
import Kernels
import Matrices

/// Buffers of one critic step.
package struct CriticWorkspace: Sendable {
  /// 3N×X: real rows, fake rows, and what the penalty needs of the interpolates.
  package let rows: Matrix
  /// 2N×D: the products of real and fake rows with W_x.
  package let products: Matrix
  /// N×D: which side of their kinks the hidden units are on.
  package let slopes: SlopeMatrix
  /// 2×N, D less its last bias, of the real and of the fake rows.
  package let scores: Matrix
  /// 1×N, (‖g_b‖ − 1)².
  package let deviations: Matrix

  /// N×X: where ∇D at the interpolates lies, and then the penalty's rows.
  var interpolateGradients: Matrix { rows.rows(rows.rowCount / 3 * 2..<rows.rowCount) }

  package init(rowCount: Int, sizes: ModelSizes, pool: MatrixPool) {
    rows = pool.matrix(rows: 3 * rowCount, columns: sizes.feature)
    products = pool.matrix(rows: 2 * rowCount, columns: sizes.criticWidth)
    slopes = SlopeMatrix(
      words: pool.matrix(rows: rowCount, columns: SlopeMatrix.wordCount(sizes.criticWidth)),
      unitCount: sizes.criticWidth)
    scores = pool.matrix(rows: 2, columns: rowCount)
    deviations = pool.matrix(rows: 1, columns: rowCount)
  }
}

package struct Critic: Sendable {
  /// S×D: how the sides of real and fake rows differ, see `criticClassCounts`.
  package static let classSumsName = "critic.class_sums"
  package let first: LinearLayer
  package let second: LinearLayer
  private let featureColumns: Range<Int>
  private let attributeColumns: Range<Int>

  package init(_ arena: ParameterArena, sizes: ModelSizes, context: ProductContext) {
    first = LinearLayer(arena, "critic.fc1", context)
    second = LinearLayer(arena, "critic.fc2", context)
    featureColumns = 0..<sizes.feature
    attributeColumns = sizes.feature..<(sizes.feature + sizes.attribute)
  }

  private var featureWeight: Matrix { first.weight.columns(featureColumns) }

  /// base [S×D], the columns of some units ← W_a·a_s + b₁.
  package func classBase(into base: Matrix, units: Range<Int>, descriptors: Matrix) {
    first.classBase(into: base, units: units, descriptors: descriptors, columns: attributeColumns)
  }

  package var summed: [SummedLayer] {
    [
      SummedLayer(
        name: first.name, unitCount: first.unitCount,
        blocks: [.rows(first.weightName, columns: featureColumns), .columns(Self.classSumsName)],
        parameters: [first.weightName, first.biasName, second.weightName])
    ]
  }

  /// D of the real and fake rows in `workspace.rows`: fills the slopes, also those of the interpolates, and `scores`.
  ///
  /// - Parameters:
  ///   - base: S×D, `classBase`.
  ///   - alpha: 1×N interpolation draws.
  package func forward(_ workspace: CriticWorkspace, base: Matrix, labels: [Int], alpha: Matrix) {
    let bothRows = workspace.rows.rows(0..<2 * labels.count)
    first.context.multiply(into: workspace.products, bothRows, featureWeight.transposed)
    criticSlopes(
      workspace.slopes, products: workspace.products, ClassPart(base: base, labels: labels), alpha: alpha,
      weight: second.weight, scores: workspace.scores)
  }

  /// g_b = W_xᵀ(m̂_b ⊙ w) = ∇D(x̂_b) [N×X] (Method.md, identity 4).
  package func interpolateGradient(_ workspace: CriticWorkspace) -> Matrix {
    first.context.slopeInputGradient(
      into: workspace.interpolateGradients, workspace.slopes, .interpolate, weight: second.weight,
      matrix: featureWeight,
      factor: 1)
    return workspace.interpolateGradients
  }

  /// The sums over some rows of the workspace (Method.md, identities 4 and 5). There is no second backward pass: the
  /// penalty's gradient is one more block of rows in the one weight-gradient product.
  ///
  /// - Parameters:
  ///   - penalty: of all rows of the workspace.
  ///   - rows: N of the workspace's rows; the first begins a leaf.
  ///   - labels: of those rows.
  ///   - tree: of the B rows of the batch.
  package func sums(
    _ workspace: CriticWorkspace, penalty: PenaltyRows, rows: Range<Int>, labels: [Int], tree: BatchTree,
    into sums: NamedMatrices
  ) {
    let slopes = workspace.slopes.rows(rows)
    criticClassCounts(sums[Self.classSumsName], slopes, labels: labels)
    let n = workspace.rows.rowCount / 3
    let blocks = SlopeRows(
      real: workspace.rows.rows(rows), fake: workspace.rows.rows(n + rows.lowerBound..<n + rows.upperBound),
      penalty: PenaltyRows(penalty.matrix.rows(rows)))
    first.context.slopeWeightSums(
      into: sums[first.weightName].columns(featureColumns), slopes, rows: blocks,
      inverseBatch: 1 / Float(tree.rowCount),
      leafRows: tree.leafRows)
  }

  /// From the sums over all rows of the batch to D's gradients of some units, in the same place. The gradient of b₂ is exactly 0 and
  /// never written.
  ///
  /// - Parameters:
  ///   - base: S×D, `classBase` of this step.
  ///   - batchSize: B.
  package func finish(
    _ sums: NamedMatrices, units: Range<Int>, base: Matrix, descriptors: Matrix, batchSize: Int
  ) {
    guard !units.isEmpty else { return }
    let weight = second.weight.columns(units)
    let classDelta = sums[Self.classSumsName].columns(units)
    let dWeight = sums[second.weightName].columns(units)
    finishCriticClasses(
      classDelta, base: base.columns(units), weight: weight, inverseBatch: 1 / Float(batchSize), dWeight: dWeight)
    first.finishClasses(
      sums, units: units, classDelta: classDelta, descriptors: descriptors, columns: attributeColumns)
    columnSums(of: classDelta, into: sums[first.biasName].columns(units), order: .chain)
    scaleByUnit(
      sums[first.weightName].rows(units).columns(featureColumns), weight: weight, matrix: featureWeight.rows(units),
      dWeight: dWeight)
  }

  /// dFake [N×X] ← gradient of −mean D(x̃, a) with respect to x̃ (overwritten). `workspace.scores` gets D(x̃, a) less
  /// b₂ in its first row. Uses `workspace.products` and `.slopes` as scratch.
  ///
  /// - Parameter base: S×D, `classBase`.
  package func generatorBackward(
    _ workspace: CriticWorkspace, base: Matrix, dFake: Matrix, fake: Matrix, labels: [Int], batchSize: Int
  ) {
    let products = workspace.products.rows(0..<labels.count)
    first.context.multiply(into: products, fake, featureWeight.transposed)
    criticFakeSlopes(
      workspace.slopes, products: products, ClassPart(base: base, labels: labels), weight: second.weight,
      scores: workspace.scores.rows(0..<1))
    first.context.slopeInputGradient(
      into: dFake, workspace.slopes, .fake, weight: second.weight, matrix: featureWeight,
      factor: -1 / Float(batchSize))
  }
}
