import Foundation
import Kernels
import Matrices
import Optimizers
import TestSupport
import Testing

/// Adam against its definition in Double (Kingma and Ba 2015, algorithm 1).
@Suite struct AdamTests {
  private static let shapes: [ParameterShape] = [
    .weight("a", outputs: 7, inputs: 37), .bias("a", outputs: 7), .weight("b", outputs: 1, inputs: 7),
    .weight("wide", outputs: 3, inputs: 1100),
  ]

  private func gradients(_ step: Int) -> NamedMatrices {
    let layout = MatrixLayout(shapes: Self.shapes)
    let result = NamedMatrices(layout: layout, storage: FloatStorage(count: layout.count))
    for (number, shape) in Self.shapes.enumerated() {
      // Entries of every size, and some that are exactly 0.
      let matrix = result[shape.name]
      fillNormal(matrix, RandomSource(seed: 4), .demoData, step: 100 * number + step, firstRow: 0, scale: 0.01)
      for c in stride(from: 0, to: matrix.columnCount, by: 5) { matrix[0, c] *= c % 2 == 0 ? 0 : 1e4 }
    }
    return result
  }

  @Test func fiftyStepsAreThoseOfTheDefinition() throws {
    let arena = ParameterArena(shapes: Self.shapes)
    let parameters = OwnedParameters(arena, context: ProductContext())
    var adam = Adam(beta1: 0.5, beta2: 0.999, epsilon: 1e-8)
    var expected = Self.shapes.map { [Double](repeating: 0, count: $0.count) }
    var (first, second) = (expected, expected)
    for t in 1...50 {
      let rate = t < 20 ? 1e-2 : 1e-3
      let given = gradients(t)
      parameters.update(Self.shapes.map(\.name), gradients: given, adam.next(learningRate: rate))
      for (number, shape) in Self.shapes.enumerated() {
        for (i, gradient) in given[shape.name].elements.map(Double.init).enumerated() {
          first[number][i] = 0.5 * first[number][i] + 0.5 * gradient
          second[number][i] = 0.999 * second[number][i] + 0.001 * gradient * gradient
          let (m, v) = (first[number][i] / (1 - pow(0.5, Double(t))), second[number][i] / (1 - pow(0.999, Double(t))))
          expected[number][i] -= rate * m / (v.squareRoot() + 1e-8)
        }
      }
    }
    #expect(adam.stepCount == 50)
    for (number, shape) in Self.shapes.enumerated() {
      let result = compare(arena.value(shape.name), expected[number])
      #expect(result.passes(1e-5), "\(shape.name): \(result)")
    }
  }

  /// Ranks that share an arena and move their units each: the bits of one.
  @Test(arguments: [2, 3, 8]) func ranksMoveTheirUnits(_ rankCount: Int) {
    func run(_ rankCount: Int) -> [[Float]] {
      let (arena, context) = (ParameterArena(shapes: Self.shapes), ProductContext())
      let owners = (0..<rankCount).map { OwnedParameters(arena, context: context, rank: $0, rankCount: rankCount) }
      var adam = Adam()
      for t in 1...3 {
        let step = adam.next(learningRate: 1e-2)
        for owner in owners { owner.update(Self.shapes.map(\.name), gradients: gradients(t), step) }
      }
      return Self.shapes.map { arena.value($0.name).elements }
    }
    #expect(run(rankCount) == run(1))
  }

  /// Only what is named moves.
  @Test func otherParametersStay() {
    let arena = ParameterArena(shapes: Self.shapes)
    var adam = Adam()
    OwnedParameters(arena, context: ProductContext()).update(
      ["a.bias"], gradients: gradients(1), adam.next(learningRate: 1e-2))
    #expect(arena.value("a.bias").elements.contains { $0 != 0 })
    #expect(arena.value("a.weight").elements.allSatisfy { $0 == 0 })
  }
}

@Suite struct LearningRateTests {
  @Test func fallsBehindEveryInterval() {
    let schedule = LearningRateSchedule(initial: 0.1, decayEpochs: 3, factor: 0.5)
    #expect((0..<8).map(schedule.rate) == [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025])
    let constant = LearningRateSchedule(initial: 0.1, decayEpochs: 0)
    #expect(constant.rate(epoch: 1000) == 0.1)
    // The authors' factor.
    #expect(abs(LearningRateSchedule(initial: 1, decayEpochs: 1).rate(epoch: 100) - pow(0.99, 100)) < 1e-12)
  }
}
