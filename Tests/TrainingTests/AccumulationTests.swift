import Collectives
import Matrices
import Networks
import TestSupport
import Testing
import Training

/// The authors' quirk: F steps on the sum of its gradients since the epoch began.
@Suite struct AccumulationTests {
  private let world = ReferenceWorld(labels: [0, 1, 2, 0, 1, 2, 2], s: 4, seed: 5)
  private var rows: IterationRows { IterationRows(WorldInputs(world: world), batches: [Batch(labels: world.labels)]) }

  /// The gradients of a step without the quirk, at the parameters of another.
  private func plainGradients(_ other: HybridStep) throws -> [String: Matrix] {
    let step = try makeStep(world, communicator: SingleProcess())
    for (arena, source) in zip(step.model.arenas, other.model.arenas) {
      for shape in arena.shapes { arena.value(shape.name).copy(from: source.value(shape.name)) }
    }
    _ = try step.criticGradients(rows, 0, name: "test")
    return try gradients(step, ofGenerator: false)
  }

  @Test func gradientsAddUpWithinAnEpoch() throws {
    let step = try makeStep(world, communicator: SingleProcess(), accumulatesComparatorGradient: true)
    step.beginEpoch()
    let first = try plainGradients(step)
    _ = try step.criticStep(rows, 0, learningRate: 0.01, name: "test")
    let second = try plainGradients(step)
    _ = try step.criticStep(rows, 0, learningRate: 0.01, name: "test")
    let used = try gradients(step, ofGenerator: false)
    for (name, gradient) in used where name != "comparator.fc2.bias" && name != "critic.fc2.bias" {
      let (a, b) = (try #require(first[name]).elements, try #require(second[name]).elements)
      let expected = name.hasPrefix("comparator.") ? zip(a, b).map { $0 + $1 } : b
      #expect(gradient.elements == expected, "\(name)")
      #expect(a != b, "\(name) does not tell the two apart")
    }

    step.beginEpoch()
    let third = try plainGradients(step)
    _ = try step.criticStep(rows, 0, learningRate: 0.01, name: "test")
    for (name, gradient) in try gradients(step, ofGenerator: false) {
      #expect(gradient.elements == third[name]?.elements, "\(name) in a new epoch")
    }
  }
}
