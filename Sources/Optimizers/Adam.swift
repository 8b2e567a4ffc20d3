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

  /// Moves the arena's values by its gradients.
  package mutating func update(_ arena: ParameterArena, learningRate: Double) {
    stepCount += 1
    let correction1 = 1 - pow(beta1, Double(stepCount))
    let correction2 = 1 - pow(beta2, Double(stepCount))
    adamUpdate(
      arena,
      AdamStep(
        beta1: Float(beta1), beta2: Float(beta2), stepSize: Float(learningRate / correction1),
        inverseRootCorrection: Float(1 / correction2.squareRoot()), epsilon: Float(epsilon)))
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
