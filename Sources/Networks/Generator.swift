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

  package init(_ arena: ParameterArena, sizes: ModelSizes) {
    first = LinearLayer(arena, "generator.fc1")
    second = LinearLayer(arena, "generator.fc2")
    noiseColumns = 0..<sizes.noise
    attributeColumns = sizes.noise..<(sizes.noise + sizes.attribute)
  }

  /// base [C×G] ← W_a·a + b₁ for every class; descriptors are C×A.
  package func classBase(into base: Matrix, descriptors: Matrix) {
    multiply(into: base, descriptors, first.weight.columns(attributeColumns).transposed)
    addRow(base, first.bias)
  }

  /// output [N×X] ← G(noise, descriptor of label); hidden [N×G] is kept for `backward`.
  package func forward(output: Matrix, hidden: Matrix, noise: Matrix, base: Matrix, labels: [Int]) {
    multiply(into: hidden, noise, first.weight.columns(noiseColumns).transposed)
    addClassAndLeakyReLU(hidden, base: base, labels: labels)
    multiply(into: output, hidden, second.weight.transposed)
    addBias(output, bias: second.bias, relu: true)
  }

  /// Overwrites G's gradients, from the gradient of the output.
  ///
  /// - Parameters:
  ///   - dOutput: N×X; consumed.
  ///   - dHidden: N×G scratch.
  ///   - classGradient: C×G scratch.
  package func backward(
    dOutput: Matrix, output: Matrix, hidden: Matrix, noise: Matrix, labels: [Int], descriptors: Matrix,
    dHidden: Matrix, classGradient: Matrix
  ) {
    reluBackward(dOutput, output: output, dBias: second.dBias)
    multiply(into: second.dWeight, dOutput.transposed, hidden)
    multiply(into: dHidden, dOutput, second.weight)
    leakyReLUBackward(dHidden, output: hidden)
    multiply(into: first.dWeight.columns(noiseColumns), dHidden.transposed, noise)
    classSums(of: dHidden, labels: labels, into: classGradient)
    multiply(into: first.dWeight.columns(attributeColumns), classGradient.transposed, descriptors)
    columnSums(of: classGradient, into: first.dBias)
  }
}
