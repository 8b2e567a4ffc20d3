import Matrices
import Networks
import TestSupport
import Testing

/// G against its definition in Double: what it gives, and the gradients of all its parameters.
@Suite struct GeneratorTests {
  @Test(arguments: 1...16) func isItsDefinition(seed: Int) {
    let small = SmallModel(seed: seed)
    let (draws, sizes, generator, layers) = (small.draws, small.sizes, small.model.generator, small.layers)
    let rows = small.rowCount
    let noise = draws.matrix(rows, sizes.noise)
    let (output, hidden) = (draws.empty(rows, sizes.feature), draws.empty(rows, sizes.generatorWidth))
    let base = draws.empty(small.classCount, sizes.generatorWidth)
    for units in small.shares(sizes.generatorWidth) {
      generator.classBase(into: base, units: units, descriptors: small.descriptors)
    }
    generator.forward(output: output, hidden: hidden, noise: noise, base: base, labels: small.labels)

    let made = zip(doubles(noise), small.labels).map { noise, label in
      layers.linear(
        "generator.fc2",
        layers.linear("generator.fc1", small.input(layers.constants(noise), label: label)).map(\.leaky)
      ).map(\.relu)
    }
    // A few hundred terms in float32, here and below.
    let outputs = compare(output.copied(), made.flatMap { $0.map(\.value) })
    #expect(outputs.passes(1e-5), "\(outputs), \(small.place)")

    let factors = draws.matrix(rows, sizes.feature)
    let loss = small.weighted(made, factors)
    let delta = Delta(draws.empty(rows, sizes.feature))
    for r in 0..<rows { for c in 0..<sizes.feature { delta.matrix[r, c] = output[r, c] > 0 ? factors[r, c] : 0 } }
    let sums = small.emptySums(sizes.generatorShapes + sizes.generatorClassShapes(classCount: small.classCount))
    generator.secondSums(delta: delta, hidden: hidden, tree: small.tree, into: sums)
    let hiddenDelta = generator.backward(
      delta: delta, hidden: hidden, into: draws.empty(rows, sizes.generatorWidth))
    generator.firstSums(delta: hiddenDelta, noise: noise, labels: small.labels, tree: small.tree, into: sums)
    for units in small.shares(sizes.generatorWidth) {
      generator.finish(sums, units: units, descriptors: small.descriptors)
    }
    for shape in sizes.generatorShapes {
      let result = compare(sums[shape.name], layers.gradient(of: loss, shape.name))
      #expect(result.passes(1e-5), "\(shape.name): \(result), \(small.place)")
    }
  }
}
