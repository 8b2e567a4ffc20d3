import Datasets
import Evaluation
import Files
import Foundation

/// `results.json`: the honest figure, the best-on-test figure under its own name, and what they belong to.
package struct Results: Codable, Sendable {
  package struct Choice: Codable, Sendable {
    @Fraction package var unseen: Double?
    @Fraction package var seen: Double?
    @Fraction package var harmonic: Double?
    package let iteration: Int
    package let classifierEpoch: Int

    enum CodingKeys: String, CodingKey {
      case unseen, seen, harmonic, iteration
      case classifierEpoch = "classifier_epoch"
    }

    init(_ accuracy: GeneralizedAccuracy, iteration: Int, classifierEpoch: Int) {
      unseen = accuracy.unseen
      seen = accuracy.seen
      harmonic = accuracy.harmonic
      self.iteration = iteration
      self.classifierEpoch = classifierEpoch
    }
  }

  package struct ClassRow: Codable, Sendable {
    package let name: String
    package let isSeen: Bool
    package let correct: Int
    package let total: Int
    package let accuracy: Double

    enum CodingKeys: String, CodingKey {
      case name, correct, total, accuracy
      case isSeen = "seen"
    }
  }

  /// Fractions; null without test rows of a kind.
  @Fraction package var unseen: Double?
  @Fraction package var seen: Double?
  @Fraction package var harmonic: Double?
  @Fraction package var zsl: Double?
  /// "last" or "validation": how the four figures above were chosen. Neither looks at test rows.
  package let selection: String
  package let iteration: Int
  package let epoch: Int
  package let classifierEpoch: Int
  /// Highest H over all evaluations and classifier epochs, chosen on the test rows: what papers print. Not comparable with
  /// the figures above.
  package let bestOnTest: Choice
  /// The validation figures of the chosen evaluation.
  package let validation: Choice?
  /// Per class, after the classifier epoch that the figures above are of.
  package let classes: [ClassRow]
  package let split: SplitFingerprint
  package let classEmbedding: String
  package let data: String
  package let notes: [String]
  package let configuration: [String: String]
  package let ranks: Int
  package let seconds: Double
  package let version: String

  enum CodingKeys: String, CodingKey {
    case unseen, seen, harmonic, zsl, selection, iteration, epoch, validation, classes, split, data, notes
    case configuration, ranks, seconds, version
    case classifierEpoch = "classifier_epoch"
    case bestOnTest = "best_on_test"
    case classEmbedding = "class_embedding"
  }

  /// - Parameter records: at least one evaluation, in order.
  package init(
    records: [EvaluationRecord], dataset: GZSLDataset, configuration: Configuration, ranks: Int, seconds: Double,
    version: String
  ) {
    precondition(!records.isEmpty, "results of a run without an evaluation")
    let last = records[records.count - 1]
    let chosen = configuration.select == .validation ? records.bestOnValidation ?? last : last
    let classifierEpoch =
      configuration.select == .validation ? chosen.validation?.bestEpoch ?? 1 : chosen.test.history.count
    let accuracy = chosen.test.history.isEmpty ? chosen.test.last : chosen.test.history[classifierEpoch - 1]
    unseen = accuracy.unseen
    seen = accuracy.seen
    harmonic = accuracy.harmonic
    zsl = chosen.test.zsl
    selection = configuration.select.rawValue
    iteration = chosen.iteration
    epoch = chosen.epoch
    self.classifierEpoch = classifierEpoch
    let best = records.bestOnTest ?? last
    bestOnTest = Choice(best.test.best, iteration: best.iteration, classifierEpoch: best.test.bestEpoch)
    validation = chosen.validation.map {
      Choice($0.best, iteration: chosen.iteration, classifierEpoch: $0.bestEpoch)
    }
    classes = [(chosen.test.seenClasses, true), (chosen.test.unseenClasses, false)].flatMap { table, isSeen in
      table.rows.map { row in
        ClassRow(
          name: dataset.classNames[row.classIndex], isSeen: isSeen, correct: row.correct, total: row.total,
          accuracy: row.accuracy)
      }
    }
    split = dataset.fingerprint
    classEmbedding = dataset.classEmbeddingFile
    data = dataset.folder
    notes = dataset.notes
    self.configuration = Dictionary(uniqueKeysWithValues: configuration.resolved.map { ($0.name, $0.value) })
    self.ranks = ranks
    self.seconds = seconds
    self.version = version
  }

  /// The file's text.
  package func json() throws -> String {
    try JSONValue(encoding: self).sortedByKey.text(.page) + "\n"
  }

  /// The table that ends a run on the terminal.
  package var table: String {
    func percent(_ value: Double?) -> String { value.map { String(format: "%5.1f", 100 * $0) } ?? "  n/a" }
    var text = "class                                        rows  accuracy\n"
    for row in classes {
      let name = (row.isSeen ? "seen    " : "unseen  ") + row.name.forTerminal
      let padded = name.count < 42 ? name + String(repeating: " ", count: 42 - name.count) : String(name.prefix(42))
      text += "\(padded) \(String(format: "%6d", row.total))     \(percent(row.accuracy))\n"
    }
    text += "\nU \(percent(unseen))   S \(percent(seen))   H \(percent(harmonic))   T1 \(percent(zsl))   (percent; "
    text +=
      selection == "last" ? "last epoch, nothing selected)\n" : "chosen on validation rows, iteration \(iteration))\n"
    text += "best on test (as papers print): U \(percent(bestOnTest.unseen))   S \(percent(bestOnTest.seen))   "
    text += "H \(percent(bestOnTest.harmonic))   at iteration \(bestOnTest.iteration)\n"
    text +=
      "split: \(split.name), \(split.trainval)/\(split.testSeen)/\(split.testUnseen) rows, \(split.sha256.prefix(16))"
    return text
  }
}
