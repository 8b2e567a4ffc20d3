import Collectives
import Kernels
import Matrices
import Networks
import TestSupport
import Testing
import Training

/// The first two rungs: the Double oracle against central differences, the fast Float code against the oracle.
@Suite struct GradientLadderTests {
  static let worlds: [(name: String, labels: [Int], classes: Int)] = [
    ("ordinary", [0, 1, 2, 0, 1, 2, 2], 4),
    ("some anchors without a positive", [0, 0, 1, 2, 3], 5),
    ("no anchor with a positive", [3, 1, 0, 2], 4),
    ("one class only", [1, 1, 1], 3),
    ("one row", [1], 2),
  ]

  @Test(arguments: [0, 1, 2]) func oracleMatchesCentralDifferences(_ index: Int) {
    checkAgainstDifferences(ReferenceWorld(labels: Self.worlds[index].labels, s: Self.worlds[index].classes, seed: 3))
  }

  /// The semantic baseline's loss. (The ablations leave out terms of the others.)
  @Test func oracleOfTheRankingLossMatchesCentralDifferences() {
    var world = ReferenceWorld(labels: [0, 1, 2, 0, 1, 2, 2, 3], s: 4, a: 6, seed: 11)
    (world.hasInstance, world.hasClass, world.hasRanking, world.margin) = (false, false, true, 0.3)
    for name in world.parameters.keys where name.hasPrefix("projection") || name.hasPrefix("comparator") {
      world.parameters[name] = nil
    }
    checkAgainstDifferences(world)
  }

  private func checkAgainstDifferences(_ world: ReferenceWorld) {
    let losses = ReferenceLosses(world)
    let (critic, generator) = (losses.critic()[4], losses.generator()[3])
    for name in world.parameters.keys.sorted() {
      let ofGenerator = name.hasPrefix("generator")
      let analytic = losses.gradient(of: ofGenerator ? generator : critic, name)
      // A few elements of each parameter: the tape is slow.
      for element in stride(from: 0, to: analytic.count, by: max(1, analytic.count / 3)) {
        func loss(_ shift: Double) -> Double {
          var moved = world
          moved.parameters[name]?[element] += shift
          let shifted = ReferenceLosses(moved)
          return ofGenerator ? shifted.generator()[3].value : shifted.critic()[4].value
        }
        let step = 1e-6
        let numeric = (loss(step) - loss(-step)) / (2 * step)
        // Central differences in Double: rounding 1e-16 / 1e-6 and curvature 1e-12 leave about 1e-8.
        #expect(abs(numeric - analytic[element]) <= 1e-6 * max(1, abs(numeric)), "\(name)[\(element)]")
      }
    }
  }

  @Test(arguments: [0, 1, 2, 3, 4]) func fastGradientsMatchOracle(_ index: Int) throws {
    let world = ReferenceWorld(labels: Self.worlds[index].labels, s: Self.worlds[index].classes, seed: 5)
    let oracle = ReferenceLosses(world)
    let (critic, generator) = (oracle.critic(), oracle.generator())
    let step = try makeStep(world, communicator: SingleProcess())
    let rows = IterationRows(WorldInputs(world: world), batches: [Batch(labels: world.labels)])
    let losses = try step.criticGradients(rows, 0, name: "test")
    let ofCritic = try gradients(step, ofGenerator: false)
    // Float32 sums of some dozen terms: 1e-5 is a hundred roundings.
    #expect(
      compare([losses.wasserstein, losses.penalty, losses.instance, losses.class, losses.total], critic.map(\.value))
        .passes(1e-5))
    for shape in step.model.criticArena.shapes {
      if shape.name.hasSuffix("fc2.bias") {
        #expect(ofCritic[shape.name]?.elements == [0], "exactly zero, not rounding noise")
        continue
      }
      let expected = oracle.gradient(of: critic[4], shape.name)
      let result = compare(try #require(ofCritic[shape.name]), expected)
      // With one class only, contrastive weights are differences of nearly equal probabilities: 50 times less exact.
      let tolerance = Set(world.labels).count == 1 && shape.name.hasPrefix("projection") ? 1e-4 : 2e-5
      #expect(result.passes(tolerance), "\(shape.name): \(result)")
    }

    let made = try step.generatorGradients(rows, name: "test")
    let ofGenerator = try gradients(step, ofGenerator: true)
    #expect(
      compare([made.adversarial, made.instance, made.class, made.total], generator.map(\.value)).passes(1e-5))
    for shape in step.model.generatorArena.shapes {
      let result = compare(try #require(ofGenerator[shape.name]), oracle.gradient(of: generator[3], shape.name))
      #expect(result.passes(5e-5), "\(shape.name): \(result)")
    }
  }

  /// A temperature below 0.025 takes the pass with an online maximum.
  @Test func coldTemperature() throws {
    var world = ReferenceWorld(labels: [0, 1, 0, 1, 2, 2], s: 3, seed: 9)
    world.instanceTemperature = 0.02
    let oracle = ReferenceLosses(world)
    let critic = oracle.critic()
    let step = try makeStep(world, communicator: SingleProcess())
    let rows = IterationRows(WorldInputs(world: world), batches: [Batch(labels: world.labels)])
    let losses = try step.criticGradients(rows, 0, name: "test")
    #expect(compare([losses.instance], [critic[2].value]).passes(1e-5))
    let name = "projection.fc.weight"
    let gradient = try #require(try gradients(step, ofGenerator: false)[name])
    let result = compare(gradient, oracle.gradient(of: critic[4], name))
    #expect(result.passes(2e-4), "\(result)")
  }
}
