/// What an evaluation found on the rows of one task. Fractions in 0...1; nil where there are no rows of a kind.
package struct EvaluationResult: Sendable, Codable, Equatable {
  /// After the classifier's last epoch: nothing was selected.
  package let last: GeneralizedAccuracy
  /// After every classifier epoch.
  package let history: [GeneralizedAccuracy]
  /// Conventional zero-shot learning (T1): unseen rows, unseen candidates.
  @Fraction package var zsl: Double?
  /// After the epoch that counts: the last, or the one that validation rows chose.
  package let seenClasses: PerClassAccuracy
  package let unseenClasses: PerClassAccuracy

  package init(
    last: GeneralizedAccuracy, history: [GeneralizedAccuracy], zsl: Double?, seenClasses: PerClassAccuracy,
    unseenClasses: PerClassAccuracy
  ) {
    self.last = last
    self.history = history
    self.zsl = zsl
    self.seenClasses = seenClasses
    self.unseenClasses = unseenClasses
  }

  /// The classifier epoch with the highest H (see `merit`), counted from 1. On test rows this is what papers print; on validation rows
  /// it is a legitimate choice.
  package var bestEpoch: Int {
    (history.indices.max { (history[$0].merit, $1) < (history[$1].merit, $0) } ?? 0) + 1
  }
  package var best: GeneralizedAccuracy { history.isEmpty ? last : history[bestEpoch - 1] }
}
