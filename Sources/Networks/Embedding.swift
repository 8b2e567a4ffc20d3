// E(x): h = ReLU(W·x + b), and H(h): z = (W·h + b) / max(‖W·h + b‖, 1e-12).
// N rows, X feature, H embedding, Z projection. The semantic baseline's E is linear, into descriptor space.
import Kernels
import Matrices

package struct Embedding: Sendable {
  package let layer: LinearLayer
  /// Whether a ReLU follows: the contrastive embedding's hidden h, rather than the semantic baseline's linear map.
  package let isHidden: Bool

  package init(_ arena: ParameterArena, isHidden: Bool, precision: ProductPrecision) {
    layer = LinearLayer(arena, "embedding.fc", precision)
    self.isHidden = isHidden
  }

  /// h [N×H] ← E(x), x is N×X.
  package func forward(h: Matrix, x: Matrix) {
    multiply(into: h, x, layer.weight.transposed, precision: layer.precision)
    addBias(h, bias: layer.bias, relu: isHidden)
  }

  /// dh [N×H] becomes the gradient before the activation.
  package func backward(dh: Matrix, h: Matrix) {
    if isHidden { reluBackward(dh, output: h) }
  }

  /// dx [N×X] ← dx + the gradient through E, from the gradient before the activation.
  package func inputBackward(addingTo dx: Matrix, delta: Matrix) {
    multiply(into: dx, delta, layer.weight, accumulate: true, precision: layer.precision)
  }

  /// Overwrites the gradients of some units, from the rows of all ranks: delta B×units, x B×X.
  package func gradients(units: Range<Int>, delta: Matrix, x: Matrix) {
    layer.weightGradient(units: units, delta: delta, input: x, columns: 0..<x.columnCount)
    layer.biasGradient(units: units, delta: delta)
  }
}

package struct Projection: Sendable {
  package let layer: LinearLayer

  package init(_ arena: ParameterArena, precision: ProductPrecision) {
    layer = LinearLayer(arena, "projection.fc", precision)
  }

  /// z [N×Z] ← H(h), unit rows; norms [1×N] ← their norms before normalisation, for `backward`.
  package func forward(z: Matrix, norms: Matrix, h: Matrix) {
    multiply(into: z, h, layer.weight.transposed, precision: layer.precision)
    addBias(z, bias: layer.bias, relu: false)
    normaliseRows(z, norms: norms)
  }

  /// dz [N×Z] becomes the gradient before normalisation; dh [N×H] ← the gradient of h (overwritten).
  package func backward(dh: Matrix, dz: Matrix, z: Matrix, norms: Matrix) {
    normaliseRowsBackward(dz, z: z, norms: norms)
    multiply(into: dh, dz, layer.weight, precision: layer.precision)
  }

  /// Overwrites the gradients of some units, from the rows of all ranks: delta B×units, h B×H.
  package func gradients(units: Range<Int>, delta: Matrix, h: Matrix) {
    layer.weightGradient(units: units, delta: delta, input: h, columns: 0..<h.columnCount)
    layer.biasGradient(units: units, delta: delta)
  }
}
