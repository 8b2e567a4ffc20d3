import Kernels
import Matrices
import Networks
import TestSupport
import Testing

/// F for all pairs of rows and classes against its definition, pair by pair, in Double.
@Suite struct ComparatorTests {
  @Test(arguments: 1...16) func isItsDefinition(seed: Int) throws {
    let small = SmallModel(seed: seed, kind: seed % 2 == 0 ? .class : .contrastive)
    let (draws, sizes, layers, rows) = (small.draws, small.sizes, small.layers, small.rowCount)
    let comparator = try #require(small.model.comparator)
    let v = paddedMatrix(rows: small.classCount, columns: sizes.comparatorWidth)
    for units in small.shares(sizes.comparatorWidth) {
      comparator.classTerm(into: v, units: units, descriptors: small.descriptors)
    }
    let classes = ComparatorClasses(v: v, classCount: small.classCount, sizes: sizes)
    comparator.prepare(classes)
    let workspace = ComparatorWorkspace(
      rowCount: rows, classCount: small.classCount, sizes: sizes, pool: MatrixPool())
    let h = draws.matrix(rows, sizes.embedding)
    comparator.forward(workspace, classes, h: h)

    let inputs = doubles(h).map(layers.constants)
    let pairs = inputs.map { row in
      (0..<small.classCount).map { label in
        layers.linear(
          "comparator.fc2", layers.linear("comparator.fc1", small.input(row, label: label)).map(\.leaky))[0]
      }
    }
    // Up to a term of the row: differences from the first class.
    func relative(_ rows: [[Double]]) -> [Double] { rows.flatMap { row in row.map { $0 - row[0] } } }
    let scores = compare(relative(doubles(workspace.scores)), relative(pairs.map { $0.map(\.value) }))
    #expect(small.classCount == 1 || scores.passes(2e-5), "\(scores), \(small.place)")

    // A softmax's gradient: rows that sum to 0.
    var factors = doubles(draws.matrix(rows, small.classCount))
    for (r, label) in small.labels.enumerated() {
      factors[r][label] -= factors[r].reduce(0, +)
    }
    let loss = small.weighted(pairs, matrix(factors))
    let sums = small.emptySums(sizes.criticGroupShapes + sizes.criticClassShapes(classCount: small.classCount))
    let delta = comparator.backward(
      workspace, classes, scores: Delta(matrix(factors)), tree: small.tree, nodes: [(0..<rows, sums)])
    let withSums = delta.matrix.elements
    comparator.sums(delta: delta, h: h, tree: small.tree, into: sums)
    for units in small.shares(sizes.comparatorWidth) {
      comparator.finish(sums, units: units, classes, descriptors: small.descriptors)
    }
    // Of one class the rows sum to 0 only if they are 0: so is every gradient.
    for name in ["comparator.fc1.weight", "comparator.fc1.bias", "comparator.fc2.weight"] {
      let result = compare(sums[name], layers.gradient(of: loss, name))
      #expect(result.passes(2e-5), "\(name): \(result), \(small.place)")
    }
    #expect(sums["comparator.fc2.bias"][0, 0].isNaN, "b₂ has no gradient and is left alone")

    let through = inputs.flatMap { layers.tape.gradient(of: loss, $0) }
    // Once, and a second time on top of it; h above 0, as behind a ReLU that lets everything through.
    let (embedding, open) = (try #require(small.model.embedding), Matrix(rows: rows, columns: sizes.embedding))
    open.fill(1)
    for times in 1...2 {
      let parts = (0..<times).map { _ in comparator.inputGradient(delta) }
      let dh = embedding.backward(parts, in: draws.empty(rows, sizes.embedding), h: open).matrix
      #expect(compare(dh.copied(), through.map { Double(times) * $0 }).passes(2e-5), "\(small.place)")
    }
    // Without any sums, in the generator's step: the same.
    comparator.forward(workspace, classes, h: h)
    let alone = comparator.backward(workspace, classes, scores: Delta(matrix(factors)))
    #expect(alone.matrix.elements == withSums, "\(small.place)")
  }
}
