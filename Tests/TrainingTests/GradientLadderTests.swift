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

/// The gradients of a step's last half, by name.
func gradients(_ step: HybridStep, ofGenerator: Bool) throws -> [String: Matrix] {
  Dictionary(
    uniqueKeysWithValues: try step.wholeGradients(ofGenerator: ofGenerator).map { ($0.shape.name, $0.gradient) })
}

func makeStep(
  _ world: ReferenceWorld, communicator: any Communicator, kind: EmbeddingKind = .contrastive,
  precision: ProductPrecision = .float32, accumulatesComparatorGradient: Bool = false, groupRows: Int? = nil
) throws -> HybridStep {
  let sizes = ModelSizes(
    feature: world.x, attribute: world.a, noise: world.z, generatorWidth: world.g, criticWidth: world.d,
    embedding: world.h, projection: world.p, comparatorWidth: world.f, kind: kind)
  let model = try HybridModel(
    sizes: sizes, context: ProductContext(precision: precision), memory: communicator.hostStorage)
  for arena in model.arenas {
    for shape in arena.shapes {
      let elements = (world.parameters[shape.name] ?? []).map { Float($0) }
      arena.value(shape.name).copy(from: Matrix(rows: shape.rowCount, columns: shape.columnCount, elements: elements))
    }
  }
  var settings = Configuration().lossSettings
  settings.gradientPenaltyWeight = Float(world.penaltyWeight)
  settings.instanceTemperature = Float(world.instanceTemperature)
  settings.classTemperature = Float(world.classTemperature)
  settings.instanceWeight = Float(world.instanceWeight)
  settings.classWeight = Float(world.classWeight)
  settings.semanticMargin = Float(world.margin)
  settings.accumulatesComparatorGradient = accumulatesComparatorGradient
  var options = StepOptions(criticIterations: 1)
  options.groupRows = groupRows
  return try HybridStep(
    model: model, descriptors: matrix(world.descriptors), settings: settings, tree: BatchTree(rowCount: world.b),
    options: options, communicator: communicator)
}

/// The inputs of a world's one critic step and of its generator step.
struct WorldInputs: IterationInputs {
  let world: ReferenceWorld

  func batch(_ k: Int) -> Batch { Batch(labels: world.labels, negatives: world.negatives) }
  func fillFeatures(_ x: Matrix, _ k: Int, rows: Range<Int>) { x.copy(from: matrix(Array(world.features[rows]))) }
  func fillNoise(_ noise: Matrix, _ k: Int, rows: Range<Int>) { noise.copy(from: matrix(Array(world.noise[rows]))) }
  func fillInterpolation(_ alpha: Matrix, _ k: Int, rows: Range<Int>) {
    alpha.copy(from: matrix([Array(world.alpha[rows])]))
  }
  func fillGeneratorNoise(_ noise: Matrix, rows: Range<Int>) { noise.copy(from: matrix(Array(world.noise[rows]))) }
}

func matrix(_ rows: [[Double]]) -> Matrix {
  Matrix(rows: rows.count, columns: rows.first?.count ?? 0, elements: rows.flatMap { $0.map { Float($0) } })
}
