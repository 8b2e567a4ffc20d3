/// The figures of a head on test rows. Fractions in 0...1; nil where there were no rows of a kind.
package struct EvaluationFigures: Sendable, Codable, Equatable {
  @Fraction package var unseen: Double?
  @Fraction package var seen: Double?
  @Fraction package var harmonic: Double?
  /// T1.
  @Fraction package var zsl: Double?
  /// Area under the seen-unseen curve; nil also where a version wrote them that did not measure it.
  package let ausuc: Double?
  /// At the γ that validation chose; nil where nobody chose one.
  package let calibrated: OperatingPoint?

  package init(
    _ accuracy: GeneralizedAccuracy, zsl: Double?, ausuc: Double? = nil, calibrated: OperatingPoint? = nil
  ) {
    unseen = accuracy.unseen
    seen = accuracy.seen
    harmonic = accuracy.harmonic
    self.zsl = zsl
    self.ausuc = ausuc
    self.calibrated = calibrated
  }

  /// After the classifier's last epoch.
  package init(_ result: EvaluationResult) {
    self.init(result.last, zsl: result.zsl, ausuc: result.ausuc, calibrated: result.calibrated)
  }
}
