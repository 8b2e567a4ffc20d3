import Matrices

/// The numbers of the losses; defaults are the paper's (Method.md, "Losses").
package struct LossSettings: Sendable, Equatable {
  /// λ of WGAN-GP, 0 or more.
  package var gradientPenaltyWeight: Float = 10
  /// τ_e and τ_s, above 0.
  package var instanceTemperature: Float = 0.1
  package var classTemperature: Float = 0.1
  /// Factors of the instance-level and class-level losses in the generator's total, 0 or more. The semantic baseline's
  /// ranking loss takes the class-level one.
  package var instanceWeight: Float = 0.001
  package var classWeight: Float = 0.001
  /// Δ of the semantic baseline.
  package var semanticMargin: Float = 1
  /// The authors' released code clears F's gradient only at the start of an epoch, so it accumulates over critic steps.
  package var accumulatesComparatorGradient = false

  package init() {}
}

/// What every rank knows of a global batch.
package struct Batch: Sendable {
  /// B class indices in 0..<S, in global row order.
  package let labels: [Int]
  /// A seen class other than the label for each of the B rows, or none: only the semantic baseline needs them.
  package let negatives: [Int]

  package init(labels: [Int], negatives: [Int] = []) {
    self.labels = labels
    self.negatives = negatives
  }
}

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
