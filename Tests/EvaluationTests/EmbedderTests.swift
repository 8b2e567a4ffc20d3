import Collectives
import Evaluation
import Kernels
import Matrices
import Networks
import TestSupport
import Testing

@testable import Datasets

/// 2100 rows of 7 features, six classes with descriptors of 3, and a model: more rows than are embedded at once.
private struct World: Sendable {
  let rows: Matrix
  let features: FeatureTable
  let labels: [Int]
  let descriptors: Matrix
  let kind: EmbeddingKind
  let source = RandomSource(seed: 9)

  init(_ kind: EmbeddingKind) {
    self.kind = kind
    let draws = Draws(seed: 17)
    rows = draws.matrix(2100, 7)
    features = FeatureTable(rows: rows, scaling: FeatureScaling(features: rows, rows: Array(0..<2000)))
    labels = (0..<2100).map { $0 % 6 }
    descriptors = draws.matrix(6, 3)
  }

  func model() -> HybridModel {
    let model = HybridModel(
      sizes: ModelSizes(
        feature: 7, attribute: 3, noise: 5, generatorWidth: 11, criticWidth: 2, embedding: 9, projection: 2,
        comparatorWidth: 2, kind: kind), context: ProductContext())
    let draws = Draws(seed: 23)
    for arena in model.arenas {
      for shape in arena.shapes { arena.value(shape.name).copy(from: draws.matrix(shape.rowCount, shape.columnCount)) }
    }
    return model
  }
}

/// Features, embeddings and figures do not depend on how many ranks share the work.
@Suite struct EmbedderTests {
  static let layouts = [[2], [3], [1, 1], [2, 1, 3]]

  /// Rank 0 gets all rows, the others none.
  @Test(arguments: layouts, [EmbeddingKind.contrastive, .semantic, .none])
  func ranksShareTheRows(_ hosts: [Int], _ kind: EmbeddingKind) throws {
    let world = World(kind)
    // In any order, and some twice.
    let rows = (0..<2100).map { $0 * 11 % 2100 } + [5, 5]
    @Sendable func embed(_ communicator: any Communicator) throws -> [[Float]] {
      let embedder = FeatureEmbedder(model: world.model(), communicator: communicator)
      return [
        try embedder.embed(world.features, rows: rows).elements,
        try embedder.embed(world.features, rows: []).elements,
        try embedder.synthesise(
          [4, 1], perClass: 3, descriptors: world.descriptors, source: world.source, drawNumber: 6
        ).elements,
      ]
    }
    let expected = try embed(SingleProcess())
    let ranks = try onThreads(hosts: hosts, embed)
    #expect(ranks[0] == expected)
    for rank in ranks.dropFirst() { #expect(rank == [[], [], []]) }
    #expect(expected[0].count == rows.count * world.model().sizes.classifierInput && expected[1].isEmpty)
  }

  /// A synthetic row is G of its class and of the noise that belongs to its place, then E.
  @Test func syntheticRowsAreTheirDefinition() throws {
    let world = World(.contrastive)
    let model = world.model()
    let made = try FeatureEmbedder(model: model, communicator: SingleProcess()).synthesise(
      [4, 1], perClass: 3, descriptors: world.descriptors, source: world.source, drawNumber: 6)
    let (hidden, x) = (Matrix(rows: 1, columns: 11), Matrix(rows: 1, columns: 7))
    let (noise, h) = (Matrix(rows: 1, columns: 5), Matrix(rows: 1, columns: 9))
    let base = Matrix(rows: 6, columns: 11)
    model.generator.classBase(into: base, descriptors: world.descriptors)
    for (row, label) in [4, 4, 4, 1, 1, 1].enumerated() {
      fillNormal(noise, world.source, .synthesis, step: 6, firstRow: row)
      model.generator.forward(output: x, hidden: hidden, noise: noise, base: base, labels: [label])
      try #require(model.embedding).forward(h: h, x: x)
      #expect(made.rows(row..<row + 1).elements == h.elements, "row \(row)")
    }
  }

  /// One that no other part needs.
  @Test func meansOfSeenClassesAreSynthesisedForTheGaussiansAlone() throws {
    let constants = HeadConstants(
      head: .stacked, parts: [.init(.gaussianPrototype, TermConstants(shrinkage: 0.3))], gamma: nil)
    let found = try #require(try evaluate(World(.contrastive), SingleProcess(), .given(constants)))
    #expect(found.classifiers.terms.count == 1 && (found.test.last.seen ?? 0) > 0)
  }

  private func evaluate(
    _ world: World, _ communicator: any Communicator, _ plan: HeadPlan = .given(HeadConstants(usual: .softmax))
  ) throws -> Evaluated? {
    let evaluation = GZSLEvaluation(
      model: world.model(), communicator: communicator,
      classifier: ClassifierSettings(epochs: 3, learningRate: 0.01, batchSize: 50), syntheticPerClass: 40,
      source: world.source)
    let task = GZSLTask(
      seenClasses: [0, 2, 3, 5], unseenClasses: [1, 4],
      classifierRows: (0..<1500).filter { world.labels[$0] % 3 != 1 },
      seenRows: (1500..<2100).filter { world.labels[$0] % 3 != 1 },
      unseenRows: (0..<2100).filter { world.labels[$0] % 3 == 1 })
    return try evaluation.run(
      GZSLDataset(random: world.rows, labels: world.labels, descriptors: world.descriptors, task: task), iteration: 3,
      plan)
  }

  @Test(arguments: layouts) func figuresAreThoseOfOneRank(_ hosts: [Int]) throws {
    let world = World(.contrastive)
    let found = try #require(try evaluate(world, SingleProcess()))
    let expected = found.test
    #expect(expected.history.count == 3 && expected.last == expected.history[2])
    #expect(expected.seenClasses.rows.map(\.classIndex) == [0, 2, 3, 5])
    #expect(expected.unseenClasses.rows.map(\.classIndex) == [1, 4])
    #expect(expected.last.seen == expected.seenClasses.mean && expected.last.unseen == expected.unseenClasses.mean)
    #expect(found.classifiers.epoch == 3)
    let ranks = try onThreads(hosts: hosts) { try evaluate(world, $0) }
    #expect(ranks[0]?.test == expected)
    #expect(ranks.dropFirst().allSatisfy { $0 == nil })
  }
}
