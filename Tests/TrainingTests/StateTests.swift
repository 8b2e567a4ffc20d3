import Collectives
import Matrices
import Networks
import TestSupport
import Testing
import Training

/// Nothing that was computed from parameters outlives them.
@Suite struct StateTests {
  /// Parameters of another run at the same step count, as a restore brings them.
  @Test(arguments: [[1], [2], [1, 2]]) func gradientsAreThoseOfTheParameters(_ hosts: [Int]) throws {
    let world = ReferenceWorld(labels: [0, 1, 2, 0, 1, 2, 2], s: 4, seed: 5)
    var other = world
    other.parameters = ReferenceWorld(labels: world.labels, s: 4, seed: 6).parameters
    let before = other
    @Sendable func run(_ communicator: any Communicator, from first: ReferenceWorld) throws -> [String: [UInt32]] {
      let step = try makeStep(first, communicator: communicator)
      _ = try step.iteration(
        WorldInputs(world: first), criticIterations: 1, learningRate: 0.01, place: "test")
      try step.waitForParameters()
      _ = try communicator.sum(0)
      for arena in step.model.arenas where communicator.isFirstOfHost {
        for shape in arena.shapes {
          let elements = (world.parameters[shape.name] ?? []).map { Float($0) }
          arena.value(shape.name).copy(
            from: Matrix(rows: shape.rowCount, columns: shape.columnCount, elements: elements))
        }
      }
      _ = try step.share(nil, iteration: 1)
      let rows = IterationRows(WorldInputs(world: world), batches: [Batch(labels: world.labels)])
      _ = try step.criticGradients(rows, 0, name: "test")
      var result = try gradients(step, ofGenerator: false)
      _ = try step.generatorGradients(rows, name: "test")
      result.merge(try gradients(step, ofGenerator: true)) { first, _ in first }
      return result.mapValues { $0.elements.map(\.bitPattern) }
    }
    let expected = try run(SingleProcess(), from: world)
    for result in try onThreads(hosts: hosts, { try run($0, from: before) }) { #expect(result == expected) }
  }

  /// What is not in the digest could differ between replicas, or be lost, without anyone noticing.
  @Test func theDigestCoversEveryParameterAndMoment() throws {
    let world = ReferenceWorld(labels: [0, 1, 2, 0, 1, 2, 2], s: 4, seed: 5)
    let step = try makeStep(world, communicator: SingleProcess(), accumulatesComparatorGradient: true)
    var places: [(String, Matrix)] = step.model.arenas.flatMap { arena in
      arena.shapes.map { ($0.name, arena.value($0.name)) }
    }
    for parameters in [step.criticParameters, step.generatorParameters] {
      for moments in [parameters.firstMoments, parameters.secondMoments] {
        places += moments.layout.shapes.map { ($0.name, moments[$0.name]) }
      }
    }
    if let accumulation = step.comparatorAccumulation {
      places += accumulation.layout.shapes.filter { $0.name.hasPrefix("comparator.") }.map {
        ($0.name, accumulation[$0.name])
      }
    }
    // Whatever is saved has to be among them.
    #expect(places.count == step.model.tensors.count + (try step.optimizerTensors().count))
    let digest = step.stateDigest()
    for (name, matrix) in places {
      matrix[matrix.rowCount - 1, matrix.columnCount - 1] += 1
      #expect(step.stateDigest() != digest, "\(name)")
      matrix[matrix.rowCount - 1, matrix.columnCount - 1] -= 1
    }
    for keyPath in [\HybridStep.criticOptimizer, \.generatorOptimizer] {
      step[keyPath: keyPath].stepCount += 1
      #expect(step.stateDigest() != digest)
      step[keyPath: keyPath].stepCount -= 1
    }
  }
}
