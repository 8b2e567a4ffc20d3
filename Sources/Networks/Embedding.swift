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

  /// What makes the gradient of h [N×H] the one before the activation; for the product that adds the last part of it.
  package func backward(h: Matrix) -> ProductFinish { isHidden ? .reluBackward(output: h) : .none }

  /// dx [N×X] ← dx + the gradient through E, from the gradient before the activation; then `finish`.
  package func inputBackward(addingTo dx: Matrix, delta: Matrix, finish: ProductFinish) {
    layer.context.multiply(into: dx, delta, layer.weight, accumulate: true, finish: finish)
  }

  /// The sums over some rows: delta N×H, x N×X.
  package func sums(delta: Matrix, x: Matrix, tree: BatchTree, into sums: NamedMatrices) {
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

  /// dz [N×Z] becomes the gradient before normalisation; dh [N×H] ← the gradient of h (overwritten), then `finish`.
  package func backward(dh: Matrix, dz: Matrix, z: Matrix, norms: Matrix, finish: ProductFinish = .none) {
    normaliseRowsBackward(dz, z: z, norms: norms)
    layer.context.multiply(into: dh, dz, layer.weight, finish: finish)
  }

  /// The sums over some rows: delta N×Z, h N×H.
  package func sums(delta: Matrix, h: Matrix, tree: BatchTree, into sums: NamedMatrices) {
    layer.weightSums(into: sums, delta: delta, input: h, order: tree.order)
    layer.biasSums(into: sums, delta: delta, order: tree.order)
  }
}
