// D(x, a) = w·LeakyReLU(W_x·x + W_a·a + b₁) + b₂ and its gradient penalty, method.md items 1, 3, 4, 5.
// N local rows, B global rows, X feature, A descriptor, D hidden width, S seen classes.
import Kernels
import Matrices

/// Buffers of one critic step.
package struct CriticWorkspace: Sendable {
  /// 3N×X: real rows, fake rows, and the penalty's rows c_b·g_b.
  package let rows: Matrix
  /// 2N×D: the products of real and fake rows with W_x.
  package let products: Matrix
  /// N×D: which side of their kinks the hidden units are on.
  package let slopes: SlopeMatrix
  /// S×D, W_a·a_s + b₁.
  package let base: Matrix
  /// 2×N, D less its last bias, of the real and of the fake rows.
  package let scores: Matrix
  /// 1×N, (‖g_b‖ − 1)².
  package let deviations: Matrix
  /// S×D scratch of the parameters' gradients.
  package let classMasks: Matrix

  package init(rowCount: Int, classCount: Int, sizes: ModelSizes, pool: MatrixPool) {
    rows = pool.matrix(rows: 3 * rowCount, columns: sizes.feature)
    products = pool.matrix(rows: 2 * rowCount, columns: sizes.criticWidth)
    slopes = SlopeMatrix(
      words: pool.matrix(rows: rowCount, columns: SlopeMatrix.wordCount(sizes.criticWidth)),
      unitCount: sizes.criticWidth)
    base = pool.matrix(rows: classCount, columns: sizes.criticWidth)
    scores = pool.matrix(rows: 2, columns: rowCount)
    deviations = pool.matrix(rows: 1, columns: rowCount)
    classMasks = pool.matrix(rows: classCount, columns: sizes.criticWidth)
  }
}

/// Sums over local rows; the global means are their sums over ranks divided by B.
package struct CriticSums: Sendable {
  /// Σ D(x, a) − Σ D(x̃, a) (b₂ cancels).
  package let wasserstein: Double
  /// Σ (‖∇D(x̂)‖ − 1)².
  package let penalty: Double
}

package struct Critic: Sendable {
  package let first: LinearLayer
  package let second: LinearLayer
  private let featureColumns: Range<Int>
  private let attributeColumns: Range<Int>

  package init(_ arena: ParameterArena, sizes: ModelSizes, precision: ProductPrecision) {
    first = LinearLayer(arena, "critic.fc1", precision)
    second = LinearLayer(arena, "critic.fc2", precision)
    featureColumns = 0..<sizes.feature
    attributeColumns = sizes.feature..<(sizes.feature + sizes.attribute)
  }

  private var featureWeight: Matrix { first.weight.columns(featureColumns) }

  /// base [S×D] ← W_a·a_s + b₁.
  package func classBase(into base: Matrix, descriptors: Matrix) {
    multiply(into: base, descriptors, first.weight.columns(attributeColumns).transposed, finish: .bias(first.bias))
  }

  /// The local half of the step on −V = −mean D(x) + mean D(x̃) + λ·mean(‖∇D(x̂)‖ − 1)², for the real and fake rows in
  /// `workspace.rows`: fills the penalty's rows and the slopes. There is no second backward pass: with
  /// g_b = W_xᵀ(m̂_b ⊙ w) the penalty's gradient is one more block of rows in the one weight-gradient product.
  ///
  /// - Parameters:
  ///   - alpha: 1×N interpolation draws.
  ///   - descriptors: S×A.
  package func backward(
    _ workspace: CriticWorkspace, labels: [Int], alpha: Matrix, descriptors: Matrix, penaltyWeight: Float,
    batchSize: Int
  ) -> CriticSums {
    let n = labels.count
    let inverseBatch = 1 / Float(batchSize)
    let (rows, products) = (workspace.rows, workspace.products)
    classBase(into: workspace.base, descriptors: descriptors)
    multiply(into: products, rows.rows(0..<2 * n), featureWeight.transposed, precision: first.precision)
    criticSlopes(
      workspace.slopes, products: products, base: workspace.base, labels: labels, alpha: alpha, weight: second.weight,
      scores: workspace.scores)

    let penaltyGradients = rows.rows(2 * n..<3 * n)
    slopeInputGradient(
      into: penaltyGradients, workspace.slopes, .interpolate, weight: second.weight, matrix: featureWeight, factor: 1,
      precision: first.precision)
    penaltyRows(
      penaltyGradients, penaltyWeight: penaltyWeight, inverseBatch: inverseBatch, deviations: workspace.deviations)

    var (wasserstein, penalty) = (0.0, 0.0)
    for r in 0..<n {
      wasserstein += Double(workspace.scores[0, r]) - Double(workspace.scores[1, r])
      penalty += Double(workspace.deviations[0, r])
    }
    return CriticSums(wasserstein: wasserstein, penalty: penalty)
  }

  /// Overwrites D's gradients for some units of the hidden layer, from the rows of all ranks (method.md items 4 and 5). The
  /// gradient of b₂ is exactly 0 and never written.
  ///
  /// - Parameters:
  ///   - slopes: M×units, of all ranks' rows of the micro-batch.
  ///   - rows: 3M×X: real, fake, penalty.
  ///   - labels: of all M rows.
  ///   - batchSize: B.
  package func gradients(
    _ workspace: CriticWorkspace, units: Range<Int>, slopes: SlopeMatrix, rows: Matrix, labels: [Int],
    descriptors: Matrix, batchSize: Int
  ) {
    guard !units.isEmpty else { return }
    let dFeatureWeight = first.dWeight.rows(units).columns(featureColumns)
    let weight = second.weight.columns(units)
    let classMasks = workspace.classMasks.columns(units)
    let inverseBatch = 1 / Float(batchSize)
    // The class part and its share of dw, then the features' part, which takes the caches.
    let dWeight = second.dWeight.columns(units)
    criticClassMasks(classMasks, slopes, labels: labels, inverseBatch: inverseBatch)
    columnProducts(workspace.base.columns(units), classMasks, into: dWeight)
    scaleColumns(classMasks, by: weight)
    first.classGradient(units: units, classDelta: classMasks, descriptors: descriptors, columns: attributeColumns)
    slopeWeightGradient(
      into: dFeatureWeight, slopes, rows: rows, inverseBatch: inverseBatch, weight: weight,
      matrix: featureWeight.rows(units), dWeight: dWeight, precision: first.precision)
  }

  /// dFake [N×X] ← gradient of −mean D(x̃, a) with respect to x̃ (overwritten). Returns Σ D(x̃, a) over the local rows.
  /// Uses `workspace.products` and `.slopes` as scratch; `workspace.base` must not be older than D's parameters.
  package func generatorLoss(_ workspace: CriticWorkspace, dFake: Matrix, fake: Matrix, labels: [Int], batchSize: Int)
    -> Double
  {
    let products = workspace.products.rows(0..<labels.count)
    multiply(into: products, fake, featureWeight.transposed, precision: first.precision)
    criticFakeSlopes(
      workspace.slopes, products: products, base: workspace.base, labels: labels, weight: second.weight,
      scores: workspace.scores.rows(0..<1))
    slopeInputGradient(
      into: dFake, workspace.slopes, .fake, weight: second.weight, matrix: featureWeight,
      factor: -1 / Float(batchSize), precision: first.precision)
    var total = Double(second.bias[0, 0]) * Double(labels.count)
    for r in labels.indices { total += Double(workspace.scores[0, r]) }
    return total
  }
}
