// E(x): h = ReLU(W·x + b), and H(h): z = (W·h + b) / max(‖W·h + b‖, 1e-12).
// N rows, X feature, H embedding, Z projection. The semantic baseline's E is linear, into descriptor space.
import Kernels
import Matrices

package struct Embedding: Sendable {
  package let layer: LinearLayer
  /// Whether a ReLU follows: the contrastive embedding's hidden h, rather than the semantic baseline's linear map.
  package let isHidden: Bool

  package init(_ arena: ParameterArena, isHidden: Bool, context: ProductContext) {
    layer = LinearLayer(arena, "embedding.fc", context)
    self.isHidden = isHidden
  }

  /// h [N×H] ← E(x), x is N×X.
  package func forward(h: Matrix, x: Matrix) {
    layer.context.multiply(
      into: h, x, layer.weight.transposed, finish: isHidden ? .biasReLU(layer.bias) : .bias(layer.bias))
  }

  /// The gradient before the activation, from the parts of the gradient of h [N×H].
  ///
  /// - Parameter sum: N×H, where the parts are added up, and the result lies.
  package func backward(_ parts: [GradientPart], in sum: Matrix, h: Matrix) -> Delta {
    GradientPart.delta(of: parts, in: sum, finish: isHidden ? .reluBackward(output: h) : .none)
  }

  /// dx [N×X] ← dx + the gradient through E; then `finish`, which makes it the delta of the layer that made x.
  package func inputBackward(addingTo dx: Matrix, delta: Delta, finish: ProductFinish) -> Delta {
    layer.context.multiply(into: dx, delta.matrix, layer.weight, accumulate: true, finish: finish)
    return Delta(dx)
  }

  /// The sums over some rows: delta N×H, x N×X.
  package func sums(delta: Delta, x: Matrix, tree: BatchTree, into sums: NamedMatrices) {
    layer.weightSums(into: sums, delta: delta, input: x, order: tree.order)
    layer.biasSums(into: sums, delta: delta, order: tree.order)
  }
}

package struct Projection: Sendable {
  package let layer: LinearLayer

  package init(_ arena: ParameterArena, context: ProductContext) {
    layer = LinearLayer(arena, "projection.fc", context)
  }

  /// z [N×Z] ← H(h), unit rows; norms [1×N] ← their norms before normalisation, for `backward`.
  package func forward(z: Matrix, norms: Matrix, h: Matrix) {
    layer.context.multiply(into: z, h, layer.weight.transposed, finish: .bias(layer.bias))
    normaliseRows(z, norms: norms)
  }

  /// The gradient before normalisation, from the gradient dz [N×Z] of z, in its place.
  package func backward(dz: Matrix, z: Matrix, norms: Matrix) -> Delta {
    normaliseRowsBackward(dz, z: z, norms: norms)
    return Delta(dz)
  }

  /// The gradient of h [N×H] through H.
  package func inputGradient(_ delta: Delta) -> GradientPart {
    GradientPart { sum, accumulate, finish in
      layer.context.multiply(into: sum, delta.matrix, layer.weight, accumulate: accumulate, finish: finish)
    }
  }

  /// The sums over some rows: delta N×Z, h N×H.
  package func sums(delta: Delta, h: Matrix, tree: BatchTree, into sums: NamedMatrices) {
    layer.weightSums(into: sums, delta: delta, input: h, order: tree.order)
    layer.biasSums(into: sums, delta: delta, order: tree.order)
  }
}
