import Collectives
import Datasets
import Kernels
import Matrices
import Networks
import Testing
import Training

/// The last rung of the gradient ladder: the first ten iterations of a fixed run against a stored curve, whose bits do not depend on the
/// processor. A change that claims not to touch the numbers must leave it as it is; one that does must say why.
@Suite struct LossCurveTests {
  /// Critic total and generator total of each iteration.
  private static let stored: [(critic: Double, generator: Double)] = [
    (14.141381625783461, 0.09975805865181306),
    (13.602002037142194, 0.09911738539465502),
    (13.074397036584463, 0.09494599431847241),
    (12.490647431611668, 0.0983702677144319),
    (11.866571381447867, 0.09590303157799138),
    (11.154304323437875, 0.10071929710879035),
    (10.509438787944104, 0.10450906573943569),
    (9.665756809365414, 0.10240586852182466),
    (9.049058502016083, 0.1074059010999521),
    (8.152029486020679, 0.11529863410882342),
  ]

  @Test func firstTenIterations() throws {
    let source = RandomSource(seed: 21)
    let features = Matrix(rows: 200, columns: 20)
    fillNormal(features, source, .demoData, step: 0, firstRow: 0, scale: 0.3)
    for r in 0..<200 { for c in 0..<20 { features[r, c] = abs(features[r, c]) + (c % 5 == r % 5 ? 0.4 : 0) } }
    let descriptors = Matrix(rows: 6, columns: 6)
    fillNormal(descriptors, source, .demoData, step: 1, firstRow: 0, scale: 0.5)
    let dataset = GZSLDataset(random: features, labels: (0..<200).map { $0 % 5 }, descriptors: descriptors)
    var configuration = Configuration()
    try configuration.apply(Preset.named("tiny").values + [("batch-size", "40")], place: "test")
    let model = HybridModel(sizes: configuration.modelSizes(feature: 20, attribute: 6), context: ProductContext())
    model.initialise(source)
    let trainer = try Trainer(
      configuration: configuration, dataset: dataset, model: model, communicator: SingleProcess())
    var curve: [(critic: Double, generator: Double)] = []
    for _ in 0..<10 {
      let report = try trainer.runIteration()
      curve.append((report.critic.total, report.generator.total))
    }
    #expect(Self.stored.count == 10)
    for (i, (actual, expected)) in zip(curve, Self.stored).enumerated() {
      // Gradients have the same bits everywhere. The losses' logarithms are the C library's, and may differ in the last one.
      #expect(abs(actual.critic - expected.critic) <= 1e-13 * abs(expected.critic), "iteration \(i + 1): \(actual)")
      #expect(
        abs(actual.generator - expected.generator) <= 1e-13 * abs(expected.generator), "iteration \(i + 1): \(actual)")
    }
  }
}
