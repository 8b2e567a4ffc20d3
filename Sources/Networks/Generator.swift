// G(ε, a) = ReLU(W₂·LeakyReLU(W₁[ε; a] + b₁) + b₂).
// N rows, Z noise, A descriptor, G hidden width, X feature, C classes of the descriptor table.
import Kernels
import Matrices

/// The feature generator. The descriptor's half of the first layer is computed once per class and gathered by label
/// (method.md item 1).
package struct Generator: Sendable {
  package let first: LinearLayer
  package let second: LinearLayer
  private let noiseColumns: Range<Int>
  private let attributeColumns: Range<Int>

  package init(_ arena: ParameterArena, sizes: ModelSizes, precision: ProductPrecision) {
    first = LinearLayer(arena, "generator.fc1", precision)
    second = LinearLayer(arena, "generator.fc2", precision)
    noiseColumns = 0..<sizes.noise
    attributeColumns = sizes.noise..<(sizes.noise + sizes.attribute)
  }

  /// base [C×G] ← W_a·a + b₁ for every class; descriptors are C×A.
  package func classBase(into base: Matrix, descriptors: Matrix) {
    multiply(into: base, descriptors, first.weight.columns(attributeColumns).transposed, finish: .bias(first.bias))
  }

  /// output [N×X] ← G(noise, descriptor of label); hidden [N×G] is kept for `backward`.
  package func forward(output: Matrix, hidden: Matrix, noise: Matrix, base: Matrix, labels: [Int]) {
    multiply(
      into: hidden, noise, first.weight.columns(noiseColumns).transposed,
      finish: .classLeakyReLU(base: base, labels: labels), precision: first.precision)
    multiply(
      into: output, hidden, second.weight.transposed, finish: .biasReLU(second.bias), precision: second.precision)
  }

  /// The local half of the backward pass: dHidden [N×G] ← the gradient before the LeakyReLU (overwritten), from that before the
  /// ReLU, delta [N×X].
  package func backward(delta: Matrix, hidden: Matrix, dHidden: Matrix) {
    multiply(
      into: dHidden, delta, second.weight, finish: .leakyReLUBackward(output: hidden), precision: second.precision)
  }

  /// Overwrites the gradients of some units of the second layer, from the rows of all ranks.
  ///
  /// - Parameters:
  ///   - delta: B×units, columns of `dOutput`.
  ///   - hidden: B×G.
  package func secondGradients(units: Range<Int>, delta: Matrix, hidden: Matrix) {
    second.weightGradient(units: units, delta: delta, input: hidden, columns: 0..<hidden.columnCount)
    second.biasGradient(units: units, delta: delta)
  }

  /// Overwrites the gradients of some units of the first layer, from the rows of all ranks.
  ///
  /// - Parameters:
  ///   - delta: B×units, columns of `dHidden`.
  ///   - noise: B×Z.
  ///   - labels: of all B rows.
  ///   - scratch: S×G.
  package func firstGradients(
    units: Range<Int>, delta: Matrix, noise: Matrix, labels: [Int], descriptors: Matrix, scratch: Matrix
  ) {
    first.weightGradient(units: units, delta: delta, input: noise, columns: noiseColumns)
    let classDelta = scratch.columns(units)
    classSums(of: delta, labels: labels, into: classDelta)
    first.classGradient(units: units, classDelta: classDelta, descriptors: descriptors, columns: attributeColumns)
  }
}
