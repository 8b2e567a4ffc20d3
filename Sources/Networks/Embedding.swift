// E(x): h = ReLU(W·x + b), and H(h): z = (W·h + b) / max(‖W·h + b‖, 1e-12).
// N rows, X feature, H embedding, Z projection. The semantic baseline's E is linear, into descriptor space.
import Kernels
import Matrices

package struct Embedding: Sendable {
  package let layer: LinearLayer
  /// Whether a ReLU follows: the contrastive embedding's hidden h, rather than the semantic baseline's linear map.
  package let isHidden: Bool

  package init(_ arena: ParameterArena, isHidden: Bool) {
    layer = LinearLayer(arena, "embedding.fc")
    self.isHidden = isHidden
  }

  /// h [N×H] ← E(x), x is N×X.
  package func forward(h: Matrix, x: Matrix) {
    multiply(into: h, x, layer.weight.transposed)
    addBias(h, bias: layer.bias, relu: isHidden)
  }

  /// Overwrites E's gradients from dh [N×H], which is turned into the gradient before the activation.
  package func backward(dh: Matrix, h: Matrix, x: Matrix) {
    preActivationGradient(dh: dh, h: h, dBias: layer.dBias)
    multiply(into: layer.dWeight, dh.transposed, x)
  }

  /// dx [N×X] ← dx + the gradient through E; dh is turned into the gradient before the activation.
  package func inputBackward(addingTo dx: Matrix, dh: Matrix, h: Matrix) {
    preActivationGradient(dh: dh, h: h, dBias: nil)
    multiply(into: dx, dh, layer.weight, accumulate: true)
  }

  private func preActivationGradient(dh: Matrix, h: Matrix, dBias: Matrix?) {
    if isHidden {
      reluBackward(dh, output: h, dBias: dBias)
    } else if let dBias {
      columnSums(of: dh, into: dBias)
    }
  }
}

package struct Projection: Sendable {
  package let layer: LinearLayer

  package init(_ arena: ParameterArena) { layer = LinearLayer(arena, "projection.fc") }

  /// z [N×Z] ← H(h), unit rows; norms [1×N] ← their norms before normalisation, for `backward`.
  package func forward(z: Matrix, norms: Matrix, h: Matrix) {
    multiply(into: z, h, layer.weight.transposed)
    addBias(z, bias: layer.bias, relu: false)
    normaliseRows(z, norms: norms)
  }

  /// dz [N×Z] becomes the gradient before normalisation; dh [N×H] ← the gradient of h (overwritten). H's own gradients
  /// are overwritten when `updatesParameters`.
  package func backward(dh: Matrix, dz: Matrix, z: Matrix, norms: Matrix, h: Matrix, updatesParameters: Bool) {
    normaliseRowsBackward(dz, z: z, norms: norms)
    if updatesParameters {
      multiply(into: layer.dWeight, dz.transposed, h)
      columnSums(of: dz, into: layer.dBias)
    }
    multiply(into: dh, dz, layer.weight)
  }
}
