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
  /// N×K padded: W_h·h + b₁; `backward` puts its delta there.
  let u: Matrix
  /// N×S: scores up to a term common to a row; a loss puts their delta there.
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

  /// From the delta of the scores [N×S], rows summing to 0, to that of the first layer [N×K], without any sums.
  package func backward(_ workspace: ComparatorWorkspace, _ classes: ComparatorClasses, scores: Delta) -> Delta {
    comparatorRowGradient(u: workspace.u, v: classes.v, weight: classes.weight, c: scores.matrix)
    return Delta(workspace.u)
  }

  /// The same with the class sums of each of the workspace's nodes of the tree; `sums` adds the rest.
  ///
  /// - Parameter nodes: rows that together are all of the workspace's, and where their sums go.
  package func backward(
    _ workspace: ComparatorWorkspace, _ classes: ComparatorClasses, scores: Delta, tree: BatchTree,
    nodes: [(rows: Range<Int>, sums: NamedMatrices)]
  ) -> Delta {
    for (rows, sums) in nodes {
      comparatorBackward(
        u: workspace.u.rows(rows), v: classes.v, weight: classes.weight, c: scores.rows(rows).matrix,
        into: ComparatorSums(classes: sums[Self.classSumsName], rowProducts: sums[second.weightName]),
        order: tree.order)
    }
    return Delta(workspace.u)
  }

  /// The first layer's sums over some rows: delta N×K, h N×H.
  package func sums(delta: Delta, h: Matrix, tree: BatchTree, into sums: NamedMatrices) {
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

  /// The gradient of h [N×H] through F.
  package func inputGradient(_ delta: Delta) -> GradientPart {
    GradientPart { sum, accumulate, finish in
      first.context.multiply(
        into: sum, delta.matrix, first.weight.columns(embeddingColumns), accumulate: accumulate, finish: finish)
    }
  }
}
