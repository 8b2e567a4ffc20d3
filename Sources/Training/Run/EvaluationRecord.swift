import Evaluation

/// One evaluation of a run: a line of `evaluations.jsonl`.
package struct EvaluationRecord: Codable, Sendable {
  package let iteration: Int
  package let epoch: Int
  package let test: EvaluationResult
  package let validation: EvaluationResult?

  package init(iteration: Int, epoch: Int, test: EvaluationResult, validation: EvaluationResult?) {
    self.iteration = iteration
    self.epoch = epoch
    self.test = test
    self.validation = validation
  }

  /// - Parameters:
  ///   - iteration: iterations done.
  ///   - epoch: of the last of them, from 1.
  package init(_ evaluated: Evaluated, iteration: Int, epoch: Int) {
    self.init(iteration: iteration, epoch: epoch, test: evaluated.test, validation: evaluated.validation)
  }

  /// TensorBoard's tags, without those that there were no rows for.
  package var scalars: [(tag: String, value: Double)] {
    let all: [(tag: String, value: Double?)] = [
      ("test/unseen", test.last.unseen), ("test/seen", test.last.seen), ("test/harmonic", test.last.harmonic),
      ("test/zsl", test.zsl), ("validation/harmonic", validation?.best.harmonic),
    ]
    return all.compactMap { scalar in scalar.value.map { (scalar.tag, $0) } }
  }
}

extension [EvaluationRecord] {
  /// With the highest H on validation rows; nil where none was evaluated on any.
  package var bestOnValidation: EvaluationRecord? { first(byHighest: { $0.validation?.best.merit }) }

  /// With the highest H on test rows in any classifier epoch: what papers print.
  package var bestOnTest: EvaluationRecord? { first(byHighest: { $0.test.best.merit }) }

  /// Of those with the highest figure the first.
  private func first(byHighest figure: (EvaluationRecord) -> Double?) -> EvaluationRecord? {
    var best: (record: EvaluationRecord, figure: Double)?
    for record in self {
      guard let own = figure(record), own > best?.figure ?? -.infinity else { continue }
      best = (record, own)
    }
    return best?.record
  }
}
