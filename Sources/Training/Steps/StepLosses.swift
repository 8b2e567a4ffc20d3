import Matrices

/// Global loss values of a critic step: means over the B rows of all ranks.
package struct CriticLosses: Sendable, Equatable {
  package var wasserstein = 0.0
  /// λ included.
  package var penalty = 0.0
  /// The semantic baseline's ranking loss is reported as `class`.
  package var instance = 0.0
  package var `class` = 0.0
  package var total: Double { -wasserstein + penalty + instance + `class` }

  package init(wasserstein: Double = 0, penalty: Double = 0, instance: Double = 0, class: Double = 0) {
    self.wasserstein = wasserstein
    self.penalty = penalty
    self.instance = instance
    self.class = `class`
  }
}

/// Global loss values of a generator step. `instance` and `class` are unweighted, `total` is weighted.
package struct GeneratorLosses: Sendable, Equatable {
  package var adversarial = 0.0
  package var instance = 0.0
  package var `class` = 0.0
  package var total = 0.0

  package init(adversarial: Double = 0, instance: Double = 0, class: Double = 0, total: Double = 0) {
    self.adversarial = adversarial
    self.instance = instance
    self.class = `class`
    self.total = total
  }
}

extension CriticLosses {
  var parts: [LossPart] {
    [
      LossPart("Wasserstein loss", wasserstein, cure: nil),
      LossPart("gradient penalty", penalty, cure: "a smaller --gradient-penalty-weight"),
      LossPart("instance loss", instance, cure: "a larger --instance-temperature"),
      LossPart("class loss", `class`, cure: "a larger --class-temperature"),
      LossPart("total loss", total, cure: nil),
    ]
  }
}

extension GeneratorLosses {
  var parts: [LossPart] {
    [
      LossPart("adversarial loss", adversarial, cure: nil),
      LossPart("instance loss", instance, cure: "a larger --instance-temperature"),
      LossPart("class loss", `class`, cure: "a larger --class-temperature"),
      LossPart("total loss", total, cure: "smaller --instance-weight and --class-weight"),
    ]
  }
}

/// A loss by the name that a message gives it.
struct LossPart {
  let name: String
  let value: Double
  /// What to change where it is suspicious, besides what always helps.
  let cure: String?

  /// Not finite, or so large that float32 gradients hardly can be.
  var isSuspicious: Bool { !(abs(value) < 1e30) }

  init(_ name: String, _ value: Double, cure: String?) {
    self.name = name
    self.value = value
    self.cure = cure
  }
}

/// A loss or a gradient is NaN or infinite; every rank throws it at the same step, before the optimizer moves.
package struct NonFiniteError: SharedFailure {
  package let step: String
  /// The first suspicious loss, with its value and cure; nil: there is none.
  package let loss: (name: String, value: Double, cure: String?)?
  package let gradientCount: Int
  /// The newest checkpoint, from which the run can go on with other settings; nil where there is none.
  package var checkpoint: String?

  package var exitStatus: ExitStatus { .nonFinite }
  package var description: String {
    var what = "\(gradientCount) gradient elements are not finite"
    if let loss { what = "the \(loss.name) is \(loss.value), and " + what }
    let cures = [loss?.cure, "a lower --learning-rate"].compactMap { $0 }.joined(separator: ", or ")
    return "\(step): \(what). No update was made"
      + (checkpoint.map { "; \($0) is good" } ?? "") + ". Try \(cures), and look at the features with 'cegzsl inspect'."
  }
}
