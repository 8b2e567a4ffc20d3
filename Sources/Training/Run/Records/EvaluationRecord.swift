import Evaluation
import Foundation

/// One evaluation of a run: a line of `evaluations.jsonl`.
package struct EvaluationRecord: Codable, Sendable {
  package let iteration: Int
  package let epoch: Int
  /// On the rows that the run tests: in a first phase those are validation rows.
  package let test: EvaluationResult
  /// Of the head; nil in lines of versions that had none.
  package let head: HeadConstants?

  package init(iteration: Int, epoch: Int, test: EvaluationResult, head: HeadConstants? = nil) {
    self.iteration = iteration
    self.epoch = epoch
    self.test = test
    self.head = head
  }

  /// - Parameters:
  ///   - iteration: iterations done.
  ///   - epoch: of the last of them, from 1.
  package init(_ evaluated: Evaluated, iteration: Int, epoch: Int) {
    self.init(
      iteration: iteration, epoch: epoch, test: evaluated.test, head: evaluated.classifiers.constants)
  }

  /// TensorBoard's tags, without those that there were no rows for.
  package var scalars: [(tag: String, value: Double)] {
    let all: [(tag: String, value: Double?)] = [
      ("test/unseen", test.last.unseen), ("test/seen", test.last.seen), ("test/harmonic", test.last.harmonic),
      ("test/zsl", test.zsl), ("test/ausuc", test.ausuc), ("test/calibrated_harmonic", test.calibrated?.harmonic),
    ]
    return all.compactMap { scalar in scalar.value.map { (scalar.tag, $0) } }
  }

  /// A line for the screen.
  package var line: String {
    func percent(_ value: Double?) -> String { value.map { String(format: "%.1f", 100 * $0) } ?? "n/a" }
    var text = "U \(percent(test.last.unseen))  S \(percent(test.last.seen))  H \(percent(test.last.harmonic))"
    text += "  T1 \(percent(test.zsl))"
    if let ausuc = test.ausuc { text += "  AUSUC \(percent(ausuc))" }
    if let calibrated = test.calibrated { text += "  calibrated H \(percent(calibrated.harmonic))" }
    return text
  }
}

extension [EvaluationRecord] {
  /// With the highest AUSUC, which needs no γ; of equal ones the first. nil where none was measured.
  package var bestByArea: EvaluationRecord? { first(byHighest: { $0.test.ausuc }) }

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
