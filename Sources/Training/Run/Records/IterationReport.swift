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

  /// What the line on a terminal says, what matters most first.
  ///
  /// - Parameters:
  ///   - lastIteration: of the run.
  ///   - secondsPerIteration: lately.
  ///   - harmonic: H of the last evaluation, a fraction; nil before there is one.
  package func status(lastIteration: Int, secondsPerIteration: Double, harmonic: Double?) -> [String] {
    let share = 100 * Double(iteration) / Double(max(1, lastIteration))
    var parts = [
      "iteration \(iteration)/\(lastIteration)", String(format: "%.0f %%", share.rounded(.down)),
      Self.duration(Double(lastIteration - iteration) * secondsPerIteration) + " left",
    ]
    if let harmonic { parts.append(String(format: "H %.1f", 100 * harmonic)) }
    parts += [
      String(format: "critic %.4f", critic.total), String(format: "generator %.4f", generator.total),
      String(format: "%.0f samples/s", samplesPerSecond), "epoch \(epoch)",
      String(
        format: "W %.4f gp %.4f ins %.4f cls %.4f", critic.wasserstein, critic.penalty, critic.instance, critic.class),
    ]
    return parts
  }

  /// "1:02:03", "2:03" or "3 s".
  private static func duration(_ seconds: Double) -> String {
    // Beyond a century nobody waits.
    guard seconds.isFinite, seconds < 3e9 else { return "ages" }
    let whole = Int(seconds.rounded(.up))
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return String(format: "%d:%02d", whole / 60, whole % 60) }
    return String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
  }
}
