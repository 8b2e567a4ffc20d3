// F(h, a) = w·LeakyReLU(W_h·h + W_a·a + b₁) + b₂ for every pair of a row and a seen class, without pairs (method.md item 2).
// N rows, S seen classes, H embedding, A descriptor, K comparator width.
import Kernels
import Matrices

/// Buffers of one pass of the comparator; those over K are padded (see `paddedMatrix`).
package struct ComparatorWorkspace: Sendable {
  /// N×K: W_h·h + b₁, later its gradient.
  package let u: Matrix
  /// S×K: W_a·a.
  package let v: Matrix
  /// 1×K: w.
  package let weight: Matrix
  /// N×S: scores up to a term common to a row, later the gradient of the loss with respect to them.
  package let scores: Matrix
  /// 1×S.
  package let linear: Matrix
  /// S×K and 1×S scratch of the parameters' gradients.
  package let classDelta: Matrix
  package let classSums: Matrix
  /// Scratch of the scores, see `comparatorScores`.
  package let packed: Matrix

  package init(rowCount: Int, classCount: Int, sizes: ModelSizes, pool: MatrixPool) {
    u = paddedMatrix(rows: rowCount, columns: sizes.comparatorWidth, in: pool)
    v = paddedMatrix(rows: classCount, columns: sizes.comparatorWidth, in: pool)
    weight = paddedMatrix(rows: 1, columns: sizes.comparatorWidth, in: pool)
    scores = pool.matrix(rows: rowCount, columns: classCount)
    linear = pool.matrix(rows: 1, columns: classCount)
    classDelta = paddedMatrix(rows: classCount, columns: sizes.comparatorWidth, in: pool)
    classSums = pool.matrix(rows: 1, columns: classCount)
    packed = pool.matrix(rows: 1, columns: (classCount + 3) / 4 * 4 * v.rowStride)
  }
}

package struct Comparator: Sendable {
  package let first: LinearLayer
  package let second: LinearLayer
  private let embeddingColumns: Range<Int>
  private let attributeColumns: Range<Int>

  package init(_ arena: ParameterArena, sizes: ModelSizes, precision: ProductPrecision) {
    first = LinearLayer(arena, "comparator.fc1", precision)
    second = LinearLayer(arena, "comparator.fc2", precision)
    embeddingColumns = 0..<sizes.embedding
    attributeColumns = sizes.embedding..<(sizes.embedding + sizes.attribute)
  }

  /// workspace.scores [N×S] ← F(h_i, a_s) up to a term common to row i; h is N×H, descriptors S×A.
  package func forward(_ workspace: ComparatorWorkspace, h: Matrix, descriptors: Matrix) {
    multiply(
      into: workspace.u, h, first.weight.columns(embeddingColumns).transposed, finish: .bias(first.bias),
      precision: first.precision)
    multiply(into: workspace.v, descriptors, first.weight.columns(attributeColumns).transposed)
    workspace.weight.copy(from: second.weight)
    comparatorLinearPart(workspace.linear, v: workspace.v, weight: workspace.weight)
    comparatorScores(
      workspace.scores, u: workspace.u, v: workspace.v, weight: workspace.weight, linear: workspace.linear,
      packed: workspace.packed)
  }

  /// From the gradient of the scores (in `workspace.scores`, rows summing to 0) to that of u, in place of u.
  package func backward(_ workspace: ComparatorWorkspace) {
    comparatorRowGradient(u: workspace.u, v: workspace.v, weight: workspace.weight, c: workspace.scores)
  }

  /// dh [N×H], overwritten or added to, from the gradient in `workspace.u`; then `finish`, where it is the last to be added.
  package func inputBackward(
    _ workspace: ComparatorWorkspace, dh: Matrix, accumulate: Bool, finish: ProductFinish = .none
  ) {
    multiply(
      into: dh, workspace.u, first.weight.columns(embeddingColumns), accumulate: accumulate, finish: finish,
      precision: first.precision)
  }

  /// Overwrites F's gradients for some units of the hidden layer, from the rows of all ranks (that of b₂ is exactly 0 and
  /// never written).
  ///
  /// - Parameters:
  ///   - u: B×units, padded; W_h·h + b₁ on entry, its gradient on exit.
  ///   - scoreGradients: B×S.
  ///   - h: B×H.
  package func gradients(
    _ workspace: ComparatorWorkspace, units: Range<Int>, u: Matrix, scoreGradients: Matrix, h: Matrix,
    descriptors: Matrix
  ) {
    guard !units.isEmpty else { return }
    let classDelta = workspace.classDelta.columns(units)
    classDelta.copy(from: workspace.v.columns(units))
    let classSums = workspace.classSums
    columnSums(of: scoreGradients, into: classSums)
    comparatorBackward(
      u: u, v: classDelta, weight: workspace.weight.columns(units), c: scoreGradients, classSums: classSums,
      dWeight: second.dWeight.columns(units))
    first.weightGradient(units: units, delta: u, input: h, columns: embeddingColumns)
    multiply(
      into: first.dWeight.rows(units).columns(attributeColumns), classDelta.transposed, descriptors)
    first.biasGradient(units: units, delta: u)
  }
}
