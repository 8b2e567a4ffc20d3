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
  /// By AUSUC, which needs no γ. A single part has the latest that is not below the highest by more than one standard error of their
  /// difference over the unseen classes (the one-standard-error rule of Breiman et al., *Classification and Regression Trees*, 1984): a few
  /// held-out classes say little between neighbours, and training for longer is what was asked for. A weighted sum, whose weights make up for
  /// much of what training lacks, has the highest, of equal ones the first. nil where none was measured.
  package var chosen: EvaluationRecord? {
    first(byHighest: { $0.test.ausuc }).map { best in
      best.head?.head == .stacked ? best : last { $0.isNotBelow(best) } ?? best
    }
  }

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

extension EvaluationRecord {
  /// Not where one of both has no areas of classes, as earlier versions wrote none.
  fileprivate func isNotBelow(_ best: EvaluationRecord) -> Bool {
    guard let own = test.areasOfUnseenClasses, let high = best.test.areasOfUnseenClasses, own.count == high.count,
      own.count > 1
    else { return false }
    let differences = zip(high, own).map(-)
    let mean = differences.reduce(0, +) / Double(own.count)
    let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return mean <= (squares / Double(own.count - 1) / Double(own.count)).squareRoot()
  }
}
