import Glibc
import Kernels
import Matrices

/// Adam over one arena (Kingma and Ba 2015), bias-corrected, without weight decay.
package struct Adam: Sendable {
  package let beta1: Double
  package let beta2: Double
  package let epsilon: Double
  /// Steps taken so far; part of every checkpoint.
  package var stepCount: Int

  package init(beta1: Double = 0.5, beta2: Double = 0.999, epsilon: Double = 1e-8, stepCount: Int = 0) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.stepCount = stepCount
  }

  /// The numbers of the next step.
  package mutating func next(learningRate: Double) -> AdamStep {
    stepCount += 1
    let correction1 = 1 - pow(beta1, Double(stepCount))
    let correction2 = 1 - pow(beta2, Double(stepCount))
    return AdamStep(
      beta1: Float(beta1), beta2: Float(beta2), stepSize: Float(learningRate / correction1),
      inverseRootCorrection: Float(1 / correction2.squareRoot()), epsilon: Float(epsilon))
  }
}

/// A rank's units of every parameter of an arena, with Adam's moments of them.
package struct OwnedParameters: Sendable {
  package let arena: ParameterArena
  private let context: ProductContext
  private let rank, rankCount: Int
  package let firstMoments, secondMoments: NamedMatrices

  /// Moments are zero.
  ///
  /// - Parameter context: of the products with these parameters: it may keep rounded copies of them.
  package init(_ arena: ParameterArena, context: ProductContext, rank: Int = 0, rankCount: Int = 1) {
    self.arena = arena
    self.context = context
    self.rank = rank
    self.rankCount = rankCount
    let layout = MatrixLayout(
      shapes: arena.shapes.map { shape in
        let count = RowPartition(rowCount: shape.unitCount, rankCount: rankCount).slice(of: rank).count
        return shape.rowCount == 1
          ? .matrix(shape.name, rows: 1, columns: count) : .matrix(shape.name, rows: count, columns: shape.columnCount)
      })
    firstMoments = NamedMatrices(layout: layout, storage: FloatStorage(count: layout.count))
    secondMoments = NamedMatrices(layout: layout, storage: FloatStorage(count: layout.count))
  }

  package func partition(_ shape: ParameterShape) -> RowPartition {
    RowPartition(rowCount: shape.unitCount, rankCount: rankCount)
  }

  package func units(_ shape: ParameterShape) -> Range<Int> { partition(shape).slice(of: rank) }

  /// Moves the rank's units of some parameters by their gradients.
  ///
  /// - Parameters:
  ///   - gradients: of the whole parameters, good for this rank's units.
  package func update(_ names: [String], gradients: NamedMatrices, _ step: AdamStep) {
    for shape in arena.shapes where names.contains(shape.name) {
      let units = units(shape)
      guard !units.isEmpty else { continue }
      adamUpdate(
        values: shape.part(arena.value(shape.name), units: units),
        gradients: shape.part(gradients[shape.name], units: units), firstMoments: firstMoments[shape.name],
        secondMoments: secondMoments[shape.name], step, context: context)
    }
  }
}

/// Both learning rates fall by `factor` every `decayEpochs` epochs (never, when it is 0).
package struct LearningRateSchedule: Sendable {
  package let initial: Double
  package let decayEpochs: Int
  package let factor: Double

  package init(initial: Double, decayEpochs: Int, factor: Double = 0.99) {
    self.initial = initial
    self.decayEpochs = decayEpochs
    self.factor = factor
  }

  /// The rate during an epoch, counted from 0.
  package func rate(epoch: Int) -> Double {
    decayEpochs > 0 ? initial * pow(factor, Double(epoch / decayEpochs)) : initial
  }
}
