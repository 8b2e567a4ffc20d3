import Matrices
import Networks
import TestSupport
import Testing

/// E and H against their definition in Double.
@Suite struct EmbeddingTests {
  /// From a feature to the unit sphere and back: z, the gradients of both layers, and that of the feature.
  @Test(arguments: 1...16) func embeddingAndProjectionAreTheirDefinition(seed: Int) throws {
    let small = SmallModel(seed: seed)
    let (draws, sizes, layers, rows) = (small.draws, small.sizes, small.layers, small.rowCount)
    let embedding = try #require(small.model.embedding)
    let projection = try #require(small.model.projection)
    let x = draws.matrix(rows, sizes.feature)
    let (h, z) = (draws.empty(rows, sizes.embedding), draws.empty(rows, sizes.projection))
    let norms = Matrix(rows: 1, columns: rows)
    embedding.forward(h: h, x: x)
    projection.forward(z: z, norms: norms, h: h)

    let inputs = doubles(x).map(layers.constants)
    let hidden = inputs.map { layers.linear("embedding.fc", $0).map(\.relu) }
    let before = hidden.map { layers.linear("projection.fc", $0) }
    #expect(compare(h.copied(), hidden.flatMap { $0.map(\.value) }).passes(1e-5), "\(small.place)")
    #expect(compare(z.copied(), before.map(layers.unit).flatMap { $0.map(\.value) }).passes(1e-5), "\(small.place)")
    let lengths = before.map { $0.reduce(0) { $0 + $1.value * $1.value }.squareRoot() }
    #expect(compare(norms, lengths).passes(1e-5), "\(small.place)")

    let factors = draws.matrix(rows, sizes.projection)
    let loss = small.weighted(before.map(layers.unit), factors)
    let dx = draws.matrix(rows, sizes.feature)
    let given = doubles(dx)
    let sums = small.emptySums(sizes.criticGroupShapes)
    let dz = projection.backward(dz: factors.copied(), z: z, norms: norms)
    let dh = embedding.backward([projection.inputGradient(dz)], in: draws.empty(rows, sizes.embedding), h: h)
    projection.sums(delta: dz, h: h, tree: small.tree, into: sums)
    embedding.sums(delta: dh, x: x, tree: small.tree, into: sums)
    #expect(embedding.inputBackward(addingTo: dx, delta: dh, finish: .none).matrix.elements == dx.elements)
    // A projection of one element is 1 or −1, and its gradient 0 but for rounding.
    let exact = sizes.projection > 1
    for name in ["projection.fc.weight", "projection.fc.bias", "embedding.fc.weight", "embedding.fc.bias"] where exact {
      let result = compare(sums[name], layers.gradient(of: loss, name))
      #expect(result.passes(2e-5), "\(name): \(result), \(small.place)")
    }
    let through = zip(inputs, given).flatMap { row, given in
      zip(layers.tape.gradient(of: loss, row), given).map { $0 + $1 }
    }
    #expect(compare(dx.copied(), through).passes(2e-5), "\(small.place)")
  }

  /// The semantic baseline's E is linear.
  @Test(arguments: 1...8) func theSemanticEmbeddingIsLinear(seed: Int) throws {
    let small = SmallModel(seed: seed, kind: .semantic)
    let (draws, sizes, layers, rows) = (small.draws, small.sizes, small.layers, small.rowCount)
    let embedding = try #require(small.model.embedding)
    let x = draws.matrix(rows, sizes.feature)
    let h = draws.empty(rows, sizes.attribute)
    embedding.forward(h: h, x: x)
    let expected = doubles(x).map { layers.linear("embedding.fc", layers.constants($0)) }
    #expect(compare(h.copied(), expected.flatMap { $0.map(\.value) }).passes(1e-5), "\(small.place)")
    // Two parts of the gradient of h, in either order: no activation follows.
    let (factors, half) = (draws.matrix(rows, sizes.attribute), draws.matrix(rows, sizes.attribute))
    let parts = [factors, half].map { matrix in
      GradientPart { sum, accumulate, _ in
        for r in 0..<rows {
          for c in 0..<sizes.attribute { sum[r, c] = (accumulate ? sum[r, c] : 0) + matrix[r, c] }
        }
      }
    }
    let delta = embedding.backward(parts, in: draws.empty(rows, sizes.attribute), h: h)
    let turned = embedding.backward(parts.reversed(), in: draws.empty(rows, sizes.attribute), h: h)
    #expect(delta.matrix.elements == turned.matrix.elements)
    for r in 0..<rows { for c in 0..<sizes.attribute { factors[r, c] += half[r, c] } }
    #expect(delta.matrix.elements == factors.elements)
    let sums = small.emptySums(sizes.criticGroupShapes)
    embedding.sums(delta: delta, x: x, tree: small.tree, into: sums)
    for name in ["embedding.fc.weight", "embedding.fc.bias"] {
      let result = compare(sums[name], layers.gradient(of: small.weighted(expected, factors), name))
      #expect(result.passes(1e-5), "\(name): \(result), \(small.place)")
    }
  }

  /// Before normalisation a row may be zero: it stays so, and nothing goes back through it.
  @Test func aProjectionOfZeroStaysZero() throws {
    let small = SmallModel(seed: 5)
    let projection = try #require(small.model.projection)
    projection.layer.bias.fill(0)
    let h = Matrix(rows: 3, columns: small.sizes.embedding)
    for c in 0..<h.columnCount { (h[0, c], h[2, c]) = (1, -0.5) }
    let (z, norms) = (Matrix(rows: 3, columns: small.sizes.projection), Matrix(rows: 1, columns: 3))
    projection.forward(z: z, norms: norms, h: h)
    #expect(norms[0, 1] == 0 && z.rows(1..<2).elements.allSatisfy { $0 == 0 })
    #expect(norms[0, 0] > 0 && norms[0, 2] > 0)
    let dz = Matrix(rows: 3, columns: z.columnCount)
    for r in 0..<3 { dz[r, 0] = 1 }
    let delta = projection.backward(dz: dz, z: z, norms: norms).matrix
    #expect(delta.rows(1..<2).elements.allSatisfy { $0 == 0 })
    #expect(delta.elements.allSatisfy { $0.isFinite } && delta.elements.contains { $0 != 0 })
  }
}
