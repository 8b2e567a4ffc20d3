/// The numbers of the losses (Method.md, "Losses"); `Configuration().lossSettings` has the paper's.
package struct LossSettings: Sendable, Equatable {
  /// λ of WGAN-GP, 0 or more.
  package var gradientPenaltyWeight: Float
  /// τ_e and τ_s, above 0.
  package var instanceTemperature, classTemperature: Float
  /// Factors of the instance-level and class-level losses in the generator's total, 0 or more. The semantic baseline's
  /// ranking loss takes the class-level one.
  package var instanceWeight, classWeight: Float
  /// Δ of the semantic baseline.
  package var semanticMargin: Float
  /// The authors' released code clears F's gradient only at the start of an epoch, so it accumulates over critic steps.
  package var accumulatesComparatorGradient: Bool
}
