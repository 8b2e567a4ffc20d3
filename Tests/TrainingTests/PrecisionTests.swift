import Collectives
import Kernels
import TestSupport
import Testing
import Training

/// bfloat16 rounds factors to eight bits: what comes out stays near float32.
@Suite struct PrecisionTests {
  private static let isSupported = (try? ProductPrecision.bfloat16.requireSupport()) != nil

  @Test(.enabled(if: isSupported, "no products in bfloat16 on this processor"))
  func bfloat16StaysNearFloat32() throws {
    let labels = (0..<64).map { $0 % 7 }
    let world = ReferenceWorld(labels: labels, s: 7, x: 40, a: 12, z: 9, widths: [48, 56, 40, 24, 32], seed: 3)
    func run(_ precision: ProductPrecision) throws -> (losses: [Double], gradients: [String: [Double]]) {
      let step = try makeStep(world, communicator: SingleProcess(), precision: precision)
      let rows = IterationRows(WorldInputs(world: world), batches: [Batch(labels: world.labels)])
      let critic = try step.criticGradients(rows, 0, name: "test")
      var all = try gradients(step, ofGenerator: false)
      let generator = try step.generatorGradients(rows, name: "test")
      all.merge(try gradients(step, ofGenerator: true)) { first, _ in first }
      return (
        [critic.penalty, critic.instance, critic.class, generator.instance, generator.class],
        all.mapValues { $0.elements.map(Double.init) }
      )
    }
    let (exact, rounded) = (try run(.float32), try run(.bfloat16))
    let losses = compare(rounded.losses, exact.losses)
    #expect(losses.passes(2e-2), "losses: \(losses)")
    #expect(losses.relativeError > 1e-6, "nothing was rounded")
    for (name, gradient) in exact.gradients where !name.hasSuffix("fc2.bias") || name.hasPrefix("generator") {
      let result = compare(rounded.gradients[name] ?? [], gradient)
      #expect(result.passes(0.1), "\(name): \(result)")
    }
  }
}
