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
    let step = makeStep(world, communicator: SingleProcess())
    fill(step, world, rows: 0..<world.b)
    let batch = BatchSlice(globalLabels: world.labels, slice: 0..<world.b)
    let before = step.stateDigest()
    // Every bad element is counted, of whatever layer.
    func bad(_ arena: ParameterArena) -> Int {
      arena.shapes.reduce(0) { $0 + arena.gradient($1.name).elements.count { !$0.isFinite } }
    }
    let ofCritic = #expect(throws: NonFiniteError.self) {
      try step.criticStep(batch, learningRate: 0.1, name: "test, critic step 1")
    }
    // Some of these leave G's gradient finite, but never the losses.
    let ofGenerator = #expect(throws: NonFiniteError.self) {
      try step.generatorStep(batch, fakes: 0, learningRate: 0.1, name: "test, generator step")
    }
    #expect(bad(step.model.criticArena) > 0)
    #expect(ofCritic?.gradientCount == bad(step.model.criticArena))
    #expect(ofGenerator?.gradientCount == bad(step.model.generatorArena))
    #expect(step.stateDigest() == before)
  }

  /// Of finite gradients none is counted.
  @Test func finiteGradientsPass() throws {
    let step = makeStep(Self.world, communicator: SingleProcess())
    fill(step, Self.world, rows: 0..<Self.world.b)
    let batch = BatchSlice(globalLabels: Self.world.labels, slice: 0..<Self.world.b)
    _ = try step.criticStep(batch, learningRate: 1e-3, name: "test")
    _ = try step.generatorStep(batch, fakes: 0, learningRate: 1e-3, name: "test")
    #expect(step.criticOptimizer.stepCount == 1 && step.generatorOptimizer.stepCount == 1)
  }
}
