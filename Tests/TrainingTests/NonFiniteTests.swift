import Collectives
import Matrices
import TestSupport
import Testing
import Training

/// A gradient that is not finite ends the step before anything moves, whatever parameter it belongs to.
@Suite struct NonFiniteTests {
  private static let world = ReferenceWorld(labels: [0, 1, 2, 0, 1, 2, 2], s: 4, seed: 5)
  static let names = world.parameters.keys.filter { !$0.hasSuffix("fc2.bias") }.sorted()

  @Test(arguments: names) func nothingMoves(_ name: String) throws {
    var world = Self.world
    world.parameters[name]?[0] = .infinity
    let step = try makeStep(world, communicator: SingleProcess())
    let rows = IterationRows(WorldInputs(world: world), batches: [Batch(labels: world.labels)])
    let before = step.stateDigest()
    // Every bad element is counted, of whatever layer.
    func bad(ofGenerator: Bool) throws -> Int {
      try step.wholeGradients(ofGenerator: ofGenerator).reduce(0) { $0 + $1.gradient.elements.count { !$0.isFinite } }
    }
    let ofCritic = #expect(throws: NonFiniteError.self) {
      try step.criticStep(rows, 0, learningRate: 0.1, name: "test, critic step 1")
    }
    // Some of these leave G's gradient finite, but never the losses.
    let ofGenerator = #expect(throws: NonFiniteError.self) {
      try step.generatorStep(rows, learningRate: 0.1, name: "test, generator step")
    }
    #expect(try bad(ofGenerator: false) > 0)
    #expect(ofCritic?.gradientCount == (try bad(ofGenerator: false)))
    #expect(ofGenerator?.gradientCount == (try bad(ofGenerator: true)))
    #expect(step.stateDigest() == before)
  }

  /// Of finite gradients none is counted.
  @Test func finiteGradientsPass() throws {
    let step = try makeStep(Self.world, communicator: SingleProcess())
    let rows = IterationRows(WorldInputs(world: Self.world), batches: [Batch(labels: Self.world.labels)])
    _ = try step.criticStep(rows, 0, learningRate: 1e-3, name: "test")
    _ = try step.generatorStep(rows, learningRate: 1e-3, name: "test")
    #expect(step.criticOptimizer.stepCount == 1 && step.generatorOptimizer.stepCount == 1)
  }
}
