import Files
import Foundation

/// What one iteration reports.
package struct IterationReport: Sendable {
  /// Iterations done, this one included.
  package let iteration: Int
  /// Epoch of this iteration, from 1.
  package let epoch: Int
  /// Of the iteration's last critic step.
  package let critic: CriticLosses
  package let generator: GeneratorLosses
  package let seconds: Double
  package let samplesPerSecond: Double

  package init(
    iteration: Int, epoch: Int, critic: CriticLosses, generator: GeneratorLosses, seconds: Double,
    samplesPerSecond: Double
  ) {
    self.iteration = iteration
    self.epoch = epoch
    self.critic = critic
    self.generator = generator
    self.seconds = seconds
    self.samplesPerSecond = samplesPerSecond
  }

  /// One line of `metrics.jsonl`.
  package var json: JSONValue {
    [
      "iteration": .integer(iteration), "epoch": .integer(epoch),
      "critic": [
        "wasserstein": .number(critic.wasserstein), "penalty": .number(critic.penalty),
        "instance": .number(critic.instance), "class": .number(critic.class), "total": .number(critic.total),
      ],
      "generator": [
        "adversarial": .number(generator.adversarial), "instance": .number(generator.instance),
        "class": .number(generator.class), "total": .number(generator.total),
      ], "seconds": .number(seconds), "samples_per_second": .number(samplesPerSecond),
    ]
  }

  /// TensorBoard's tags.
  package var scalars: [(tag: String, value: Double)] {
    [
      ("critic/wasserstein", critic.wasserstein), ("critic/penalty", critic.penalty),
      ("critic/instance", critic.instance), ("critic/class", critic.class), ("critic/total", critic.total),
      ("generator/adversarial", generator.adversarial), ("generator/instance", generator.instance),
      ("generator/class", generator.class), ("generator/total", generator.total),
      ("samples_per_second", samplesPerSecond),
    ]
  }

  /// A line for the screen.
  ///
  /// - Parameter lastIteration: of the run.
  package func progress(lastIteration: Int) -> String {
    let left = Double(lastIteration - iteration) * seconds
    return String(
      format: "iteration %d/%d epoch %d  W %.4f gp %.4f ins %.4f cls %.4f | G adv %.4f ins %.4f cls %.4f | "
        + "%.0f samples/s, %.0f s left", iteration, lastIteration, epoch, critic.wasserstein, critic.penalty,
      critic.instance, critic.class, generator.adversarial, generator.instance, generator.class, samplesPerSecond, left)
  }
}
