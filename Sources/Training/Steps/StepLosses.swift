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
}

/// Global loss values of a generator step. `instance` and `class` are unweighted, `total` is weighted.
package struct GeneratorLosses: Sendable, Equatable {
  package var adversarial = 0.0
  package var instance = 0.0
  package var `class` = 0.0
  package var total = 0.0
}

/// A loss or a gradient is NaN or infinite; every rank throws it at the same step, before the optimizer moves.
package struct NonFiniteError: SharedFailure {
  package let step: String
  package let losses: String
  package let gradientCount: Int

  package var exitStatus: ExitStatus { .nonFinite }
  package var description: String {
    "\(step): \(gradientCount) gradient elements are not finite (losses: \(losses)). No update was made; the last "
      + "checkpoint is good. Lower --learning-rate, or look at the features with 'cegzsl inspect'."
  }
}
