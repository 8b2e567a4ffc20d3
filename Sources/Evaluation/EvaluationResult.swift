/// What an evaluation found on the rows of one task. Fractions in 0...1; nil where there are no rows of a kind.
package struct EvaluationResult: Sendable, Codable, Equatable {
  /// After the classifier's last epoch: nothing was selected.
  package let last: GeneralizedAccuracy
  /// After every classifier epoch; a head without a softmax has one.
  package let history: [GeneralizedAccuracy]
  /// Conventional zero-shot learning (T1): unseen rows, unseen candidates.
  @Fraction package var zsl: Double?
  package let seenClasses: PerClassAccuracy
  package let unseenClasses: PerClassAccuracy
  /// Area under the seen-unseen curve; nil where rows of one kind are missing, or a version made it that did not measure it.
  package let ausuc: Double?
  /// Of each unseen class alone, in the order of `unseenClasses`: AUSUC is their mean. Empty where rows of one kind are missing; nil where a version
  /// wrote it that did not measure them.
  package let areasOfUnseenClasses: [Double]?
  /// At the γ that validation chose; nil where nobody chose one.
  package let calibrated: OperatingPoint?

  // One parameter for each property: the initialiser that Swift would make, were it not of a package.
  package init(
    last: GeneralizedAccuracy, history: [GeneralizedAccuracy], zsl: Double?, seenClasses: PerClassAccuracy,
    unseenClasses: PerClassAccuracy, ausuc: Double? = nil, areasOfUnseenClasses: [Double]? = nil,
    calibrated: OperatingPoint? = nil
  ) {
    self.last = last
    self.history = history
    self.zsl = zsl
    self.seenClasses = seenClasses
    self.unseenClasses = unseenClasses
    self.ausuc = ausuc
    self.areasOfUnseenClasses = areasOfUnseenClasses
    self.calibrated = calibrated
  }

  /// The classifier epoch with the highest H (see `merit`), counted from 1: on test rows what papers print.
  package var bestEpoch: Int {
    (history.indices.max { (history[$0].merit, $1) < (history[$1].merit, $0) } ?? 0) + 1
  }
  package var best: GeneralizedAccuracy { history.isEmpty ? last : history[bestEpoch - 1] }
}
