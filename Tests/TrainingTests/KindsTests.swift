import Collectives
import Networks
import TestSupport
import Testing
import Training

/// The ablations and baselines against the oracle: losses and every gradient.
@Suite struct KindsTests {
  @Test(arguments: [EmbeddingKind.instance, .class, .semantic, .none])
  func fastGradientsMatchOracle(_ kind: EmbeddingKind) throws {
    // The semantic baseline's E is as wide as a descriptor.
    let attributes = 6
    var world = ReferenceWorld(labels: [0, 1, 2, 0, 1, 2, 2, 3], s: 4, a: attributes, seed: 11)
    (world.hasInstance, world.hasClass) = (kind.hasProjection, kind.hasComparator)
    world.hasRanking = kind == .semantic
    // Some rows are beyond the margin, some within.
    world.margin = 0.3
    let oracle = ReferenceLosses(world)
    let (critic, generator) = (oracle.critic(), oracle.generator())
    let step = try makeStep(world, communicator: SingleProcess(), kind: kind)
    let inputs = WorldInputs(world: world)
    let rows = IterationRows(inputs, batches: [inputs.batch(0)])

    let losses = try step.criticGradients(rows, 0, name: "test")
    #expect(
      compare([losses.wasserstein, losses.penalty, losses.instance, losses.class, losses.total], critic.map(\.value))
        .passes(1e-5))
    if kind == .semantic { #expect(losses.class > 0) }
    try check(step, ofGenerator: false) { oracle.gradient(of: critic[4], $0) }

    let made = try step.generatorGradients(rows, name: "test")
    #expect(
      compare([made.adversarial, made.instance, made.class, made.total], generator.map(\.value)).passes(1e-5))
    try check(step, ofGenerator: true) { oracle.gradient(of: generator[3], $0) }
  }

  private func check(_ step: HybridStep, ofGenerator: Bool, _ expected: (String) -> [Double]) throws {
    for (name, gradient) in try gradients(step, ofGenerator: ofGenerator)
    where !name.hasSuffix("fc2.bias") || ofGenerator {
      let result = compare(gradient, expected(name))
      #expect(result.passes(5e-5), "\(name): \(result)")
    }
  }
}
