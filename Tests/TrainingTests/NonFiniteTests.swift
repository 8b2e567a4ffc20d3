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

  /// The message names the loss that left the numbers, and what moves it.
  @Test func theLossIsNamed() throws {
    func message(_ change: (inout ReferenceWorld) -> Void) throws -> String {
      var world = Self.world
      change(&world)
      let step = try makeStep(world, communicator: SingleProcess())
      let rows = IterationRows(WorldInputs(world: world), batches: [Batch(labels: world.labels)])
      let error = #expect(throws: NonFiniteError.self) {
        try step.criticStep(rows, 0, learningRate: 0.1, name: "step 1")
      }
      return try #require(error).description
    }
    #expect(
      try message { $0.penaltyWeight = 3e38 }.hasPrefix("step 1: the gradient penalty is 1."))
    #expect(try message { $0.penaltyWeight = 3e38 }.contains("smaller --gradient-penalty-weight"))
    #expect(try message { $0.instanceTemperature = 1e-39 }.contains("larger --instance-temperature"))
    #expect(try message { $0.classTemperature = 1e-39 }.contains("larger --class-temperature"))
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
