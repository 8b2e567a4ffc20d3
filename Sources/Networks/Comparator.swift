// F(h, a) = w·LeakyReLU(W_h·h + W_a·a + b₁) + b₂ for every pair of a row and a seen class, without pairs (Method.md, identity 2).
// N rows, S seen classes, H embedding, A descriptor, K comparator width.
import Kernels
import Matrices

/// What F makes of the classes, once a step: the same for all rows. Those over K are padded (see `paddedMatrix`).
package struct ComparatorClasses: Sendable {
  /// S×K: W_a·a. Given, for ranks share it.
  package let v: Matrix
  /// 1×K: w.
  package let weight: Matrix
  /// 1×S.
  let linear: Matrix
  /// Scratch of the scores, see `comparatorScores`.
  let packed: Matrix

  package init(v: Matrix, classCount: Int, sizes: ModelSizes) {
    self.v = v
    weight = paddedMatrix(rows: 1, columns: sizes.comparatorWidth)
    linear = Matrix(rows: 1, columns: classCount)
    packed = Matrix(rows: 1, columns: (classCount + 3) / 4 * 4 * v.rowStride)
  }
}

/// Buffers of the comparator's rows.
package struct ComparatorWorkspace: Sendable {
  /// N×K padded: W_h·h + b₁, later its gradient.
  package let u: Matrix
  /// N×S: scores up to a term common to a row, later the gradient of the loss with respect to them.
  package let scores: Matrix

  package init(rowCount: Int, classCount: Int, sizes: ModelSizes, pool: MatrixPool) {
    u = paddedMatrix(rows: rowCount, columns: sizes.comparatorWidth, in: pool)
    scores = pool.matrix(rows: rowCount, columns: classCount)
  }
}

package struct Comparator: Sendable {
  /// S×K: Q of `comparatorBackward`.
  package static let classSumsName = "comparator.class_sums"
  package let first: LinearLayer
  package let second: LinearLayer
  private let embeddingColumns: Range<Int>
  private let attributeColumns: Range<Int>

  package init(_ arena: ParameterArena, sizes: ModelSizes, context: ProductContext) {
    first = LinearLayer(arena, "comparator.fc1", context)
    second = LinearLayer(arena, "comparator.fc2", context)
    embeddingColumns = 0..<sizes.embedding
    attributeColumns = sizes.embedding..<(sizes.embedding + sizes.attribute)
  }

  /// v [S×K], the columns of some units ← W_a·a of the descriptors [S×A].
  package func classTerm(into v: Matrix, units: Range<Int>, descriptors: Matrix) {
    guard !units.isEmpty else { return }
    first.context.float32.multiply(
      into: v.columns(units), descriptors, first.weight.rows(units).columns(attributeColumns).transposed)
  }

  /// The rest of classes, from v and the second layer.
  package func prepare(_ classes: ComparatorClasses) {
    classes.weight.copy(from: second.weight)
    comparatorLinearPart(classes.linear, v: classes.v, weight: classes.weight)
  }

  /// workspace.scores [N×S] ← F(h_i, a_s) up to a term common to row i; h is N×H.
  package func forward(_ workspace: ComparatorWorkspace, _ classes: ComparatorClasses, h: Matrix) {
    first.context.multiply(
      into: workspace.u, h, first.weight.columns(embeddingColumns).transposed, finish: .bias(first.bias))
    comparatorScores(
      workspace.scores, u: workspace.u, v: classes.v, weight: classes.weight, linear: classes.linear,
      packed: classes.packed)
  }

  package var summed: [SummedLayer] {
    [
      SummedLayer(
        name: first.name, unitCount: first.unitCount,
        blocks: [
          .rows(first.weightName, columns: embeddingColumns), .columns(first.biasName), .columns(Self.classSumsName),
          .columns(second.weightName),
        ], parameters: [first.weightName, first.biasName, second.weightName])
    ]
  }

  /// From the gradient of the scores (in `workspace.scores`, rows summing to 0) to that of u, in place of u, without any sums.
  package func backward(_ workspace: ComparatorWorkspace, _ classes: ComparatorClasses) {
    comparatorRowGradient(u: workspace.u, v: classes.v, weight: classes.weight, c: workspace.scores)
  }

  /// The same for some rows of the workspace, and their class sums; `sums` adds the rest.
  ///
  /// - Parameter rows: N of the workspace's rows; the first begins a leaf.
  package func backward(
    _ workspace: ComparatorWorkspace, _ classes: ComparatorClasses, rows: Range<Int>, tree: BatchTree,
    into sums: NamedMatrices
  ) {
    comparatorBackward(
      u: workspace.u.rows(rows), v: classes.v, weight: classes.weight, c: workspace.scores.rows(rows),
      into: ComparatorSums(classes: sums[Self.classSumsName], rowProducts: sums[second.weightName]), order: tree.order)
  }

  /// The sums over some rows, after `backward` has made du of u.
  ///
  /// - Parameter h: N×H, those rows.
  package func sums(
    _ workspace: ComparatorWorkspace, rows: Range<Int>, h: Matrix, tree: BatchTree, into sums: NamedMatrices
  ) {
    let delta = workspace.u.rows(rows)
    first.weightSums(into: sums, delta: delta, input: h, columns: embeddingColumns, order: tree.order)
    first.biasSums(into: sums, delta: delta, order: tree.order)
  }

  /// From the sums over all rows of the batch to F's gradients of some units, in the same place. The gradient of b₂ is exactly 0 and
  /// never written.
  package func finish(
    _ sums: NamedMatrices, units: Range<Int>, _ classes: ComparatorClasses, descriptors: Matrix
  ) {
    guard !units.isEmpty else { return }
    let classDelta = sums[Self.classSumsName].columns(units)
    finishComparator(
      classSums: classDelta, v: classes.v.columns(units), weight: classes.weight.columns(units),
      dWeight: sums[second.weightName].columns(units))
    first.finishClasses(
      sums, units: units, classDelta: classDelta, descriptors: descriptors, columns: attributeColumns)
  }

  /// dh [N×H], overwritten or added to, from the gradient in `workspace.u`; then `finish`, where it is the last to be added.
  package func inputBackward(
    _ workspace: ComparatorWorkspace, dh: Matrix, accumulate: Bool, finish: ProductFinish = .none
  ) {
    first.context.multiply(
      into: dh, workspace.u, first.weight.columns(embeddingColumns), accumulate: accumulate, finish: finish)
  }
}
