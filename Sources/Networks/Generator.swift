// G(ε, a) = ReLU(W₂·LeakyReLU(W₁[ε; a] + b₁) + b₂).
// N rows, E noise, A descriptor, G hidden width, X feature, C classes of the descriptor table.
import Kernels
import Matrices

/// The feature generator. The descriptor's half of the first layer is computed once per class and gathered by label
/// (Method.md, identity 1).
package struct Generator: Sendable {
  /// S×G: the gradient before the LeakyReLU, summed by class.
  package static let classSumsName = "generator.class_sums"
  package let first: LinearLayer
  package let second: LinearLayer
  private let noiseColumns: Range<Int>
  private let attributeColumns: Range<Int>

  package init(_ arena: ParameterArena, sizes: ModelSizes, context: ProductContext) {
    first = LinearLayer(arena, "generator.fc1", context)
    second = LinearLayer(arena, "generator.fc2", context)
    noiseColumns = 0..<sizes.noise
    attributeColumns = sizes.noise..<(sizes.noise + sizes.attribute)
  }

  /// base [C×G], the columns of some units ← W_a·a + b₁ for every class; descriptors are C×A.
  ///
  /// - Parameter units: nil: all.
  package func classBase(into base: Matrix, units: Range<Int>? = nil, descriptors: Matrix) {
    first.classBase(
      into: base, units: units ?? 0..<first.unitCount, descriptors: descriptors, columns: attributeColumns)
  }

  /// output [N×X] ← G(noise, descriptor of label); hidden [N×G] is kept for `backward`.
  package func forward(output: Matrix, hidden: Matrix, noise: Matrix, base: Matrix, labels: [Int]) {
    first.context.multiply(
      into: hidden, noise, first.weight.columns(noiseColumns).transposed,
      finish: .classLeakyReLU(base: base, labels: labels))
    second.context.multiply(into: output, hidden, second.weight.transposed, finish: .biasReLU(second.bias))
  }

  /// The delta of the first layer, in dHidden [N×G], from that of the second [N×X].
  package func backward(delta: Delta, hidden: Matrix, into dHidden: Matrix) -> Delta {
    second.context.multiply(
      into: dHidden, delta.matrix, second.weight, finish: .leakyReLUBackward(output: hidden))
    return Delta(dHidden)
  }

  package var summed: [SummedLayer] {
    [
      second.summed,
      SummedLayer(
        name: first.name, unitCount: first.unitCount,
        blocks: [.rows(first.weightName, columns: noiseColumns), .columns(Self.classSumsName)],
        parameters: [first.weightName, first.biasName]),
    ]
  }

  /// The second layer's sums over some rows: delta N×X, the gradient before the ReLU; hidden N×G.
  package func secondSums(delta: Delta, hidden: Matrix, tree: BatchTree, into sums: NamedMatrices) {
    second.weightSums(into: sums, delta: delta, input: hidden, order: tree.order)
    second.biasSums(into: sums, delta: delta, order: tree.order)
  }

  /// The first layer's sums over some rows: delta N×G, the gradient before the LeakyReLU; noise N×E.
  package func firstSums(delta: Delta, noise: Matrix, labels: [Int], tree: BatchTree, into sums: NamedMatrices) {
    first.weightSums(into: sums, delta: delta, input: noise, columns: noiseColumns, order: tree.order)
    classSums(of: delta.matrix, labels: labels, into: sums[Self.classSumsName], order: tree.order)
  }

  /// From the sums over all rows of the batch to the first layer's gradients of some units, in the same place.
  package func finish(_ sums: NamedMatrices, units: Range<Int>, descriptors: Matrix) {
    guard !units.isEmpty else { return }
    let classDelta = sums[Self.classSumsName].columns(units)
    first.finishClasses(
      sums, units: units, classDelta: classDelta, descriptors: descriptors, columns: attributeColumns)
    columnSums(of: classDelta, into: sums[first.biasName].columns(units), order: .chain)
  }
}
