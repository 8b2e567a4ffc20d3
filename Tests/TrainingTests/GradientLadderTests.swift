import Collectives
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
    let world = ReferenceWorld(labels: Self.worlds[index].labels, s: Self.worlds[index].classes, seed: 3)
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
    let step = makeStep(world, communicator: SingleProcess())
    let batch = BatchSlice(globalLabels: world.labels, slice: 0..<world.b)

    fill(step, world, rows: 0..<world.b)
    let losses = try step.criticGradients(batch, name: "test")
    // Float32 sums of some dozen terms: 1e-5 is a hundred roundings.
    #expect(
      compare([losses.wasserstein, losses.penalty, losses.instance, losses.class, losses.total], critic.map(\.value))
        .passes(1e-5))
    for shape in step.model.criticArena.shapes {
      if shape.name.hasSuffix("fc2.bias") {
        #expect(step.model.criticArena.gradient(shape.name).elements == [0], "exactly zero, not rounding noise")
        continue
      }
      let expected = oracle.gradient(of: critic[4], shape.name)
      let result = compare(step.model.criticArena.gradient(shape.name), expected)
      // With one class only, contrastive weights are differences of nearly equal probabilities: 50 times less exact.
      let tolerance = Set(world.labels).count == 1 && shape.name.hasPrefix("projection") ? 1e-4 : 2e-5
      #expect(result.passes(tolerance), "\(shape.name): \(result)")
    }

    let made = try step.generatorGradients(batch, fakes: 0, name: "test")
    #expect(
      compare([made.adversarial, made.instance, made.class, made.total], generator.map(\.value)).passes(1e-5))
    for shape in step.model.generatorArena.shapes {
      let result = compare(
        step.model.generatorArena.gradient(shape.name), oracle.gradient(of: generator[3], shape.name))
      #expect(result.passes(5e-5), "\(shape.name): \(result)")
    }
  }

  /// A temperature below 0.025 takes the pass with an online maximum.
  @Test func coldTemperature() throws {
    var world = ReferenceWorld(labels: [0, 1, 0, 1, 2, 2], s: 3, seed: 9)
    world.instanceTemperature = 0.02
    let oracle = ReferenceLosses(world)
    let critic = oracle.critic()
    let step = makeStep(world, communicator: SingleProcess())
    fill(step, world, rows: 0..<world.b)
    let losses = try step.criticGradients(BatchSlice(globalLabels: world.labels, slice: 0..<world.b), name: "test")
    #expect(compare([losses.instance], [critic[2].value]).passes(1e-5))
    let name = "projection.fc.weight"
    let result = compare(step.model.criticArena.gradient(name), oracle.gradient(of: critic[4], name))
    #expect(result.passes(2e-4), "\(result)")
  }
}

func makeStep(_ world: ReferenceWorld, communicator: any Communicator) -> HybridStep {
  let model = HybridModel(
    sizes: ModelSizes(
      feature: world.x, attribute: world.a, noise: world.z, generatorWidth: world.g, criticWidth: world.d,
      embedding: world.h, projection: world.p, comparatorWidth: world.f))
  for arena in model.arenas {
    for shape in arena.shapes {
      let elements = (world.parameters[shape.name] ?? []).map { Float($0) }
      arena.value(shape.name).copy(from: Matrix(rows: shape.rowCount, columns: shape.columnCount, elements: elements))
    }
  }
  var settings = LossSettings()
  settings.gradientPenaltyWeight = Float(world.penaltyWeight)
  settings.instanceTemperature = Float(world.instanceTemperature)
  settings.classTemperature = Float(world.classTemperature)
  settings.instanceWeight = Float(world.instanceWeight)
  settings.classWeight = Float(world.classWeight)
  return HybridStep(
    model: model, descriptors: matrix(world.descriptors), settings: settings, batchSize: world.b, criticIterations: 1,
    communicator: communicator)
}

func fill(_ step: HybridStep, _ world: ReferenceWorld, rows: Range<Int>) {
  step.workspace.real.copy(from: matrix(Array(world.features[rows])))
  step.workspace.ahead.noise.rows(0..<rows.count).copy(from: matrix(Array(world.noise[rows])))
  step.workspace.alpha.copy(from: matrix([Array(world.alpha[rows])]))
  step.generateFakes([BatchSlice(globalLabels: world.labels, slice: rows)])
  step.takeFakes(0)
}

func matrix(_ rows: [[Double]]) -> Matrix {
  Matrix(rows: rows.count, columns: rows.first?.count ?? 0, elements: rows.flatMap { $0.map { Float($0) } })
}
