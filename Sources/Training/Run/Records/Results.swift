import Datasets
import Evaluation
import Files
import Foundation

/// `results.json`: the honest figure, the best-on-test figure under its own name, and what they belong to.
package struct Results: Encodable, Sendable {
  package struct Choice: Encodable, Sendable {
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

  package struct ClassRow: Encodable, Sendable {
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

  /// Beside the other members in the file.
  package let figures: EvaluationFigures
  package let head: HeadConstants?
  /// What is reached without any network.
  package let baselines: Baselines?
  /// "last" or "validation": how the figures above were chosen. Neither looks at test rows.
  package let selection: String
  package let iteration: Int
  package let epoch: Int
  package let classifierEpoch: Int
  /// Highest H over all evaluations and classifier epochs, chosen on the test rows: what papers print. Not comparable with
  /// the figures above.
  package let bestOnTest: Choice
  /// What was chosen on validation rows, and with which figures there.
  package let validation: SelectionRecord?
  /// Per class, without γ.
  package let classes: [ClassRow]
  package let split: SplitFingerprint
  package let classEmbedding: String
  /// SHA-256 of the descriptors, and of features, labels, descriptors and rows together.
  package let descriptorsDigest: String
  package let dataDigest: String
  package let data: String
  package let notes: [String]
  package let configuration: [String: String]
  package let ranks: Int
  package let seconds: Double
  package let version: String
  /// SHA-256 of the program's file.
  package let programDigest: String

  enum CodingKeys: String, CodingKey {
    case head, baselines, selection, iteration, epoch, validation, classes, split, data, notes
    case configuration, ranks, seconds, version
    case classifierEpoch = "classifier_epoch"
    case bestOnTest = "best_on_test"
    case classEmbedding = "class_embedding"
    case descriptorsDigest = "descriptors_sha256"
    case dataDigest = "data_sha256"
    case programDigest = "program_sha256"
  }

  /// What figures belong to.
  package struct Origin {
    let dataset: GZSLDataset
    let configuration: Configuration
    let ranks: Int
    let seconds: Double
    let program: ProgramIdentity

    package init(
      dataset: GZSLDataset, configuration: Configuration, ranks: Int, seconds: Double, program: ProgramIdentity
    ) {
      self.dataset = dataset
      self.configuration = configuration
      self.ranks = ranks
      self.seconds = seconds
      self.program = program
    }
  }

  /// - Parameters:
  ///   - records: at least one evaluation, in order; the last one counts.
  ///   - validation: of a run that chose.
  ///   - notes: besides those of the data.
  package init(
    records: [EvaluationRecord], validation: SelectionRecord? = nil, baselines: Baselines? = nil, notes: [String] = [],
    _ origin: Origin
  ) {
    precondition(!records.isEmpty, "results of a run without an evaluation")
    let (dataset, configuration) = (origin.dataset, origin.configuration)
    let chosen = records[records.count - 1]
    figures = EvaluationFigures(chosen.test)
    head = chosen.head
    self.baselines = baselines
    selection = configuration.select.rawValue
    iteration = chosen.iteration
    epoch = chosen.epoch
    classifierEpoch = chosen.test.history.count
    let best = records.bestOnTest ?? chosen
    bestOnTest = Choice(best.test.best, iteration: best.iteration, classifierEpoch: best.test.bestEpoch)
    self.validation = validation
    classes = [(chosen.test.seenClasses, true), (chosen.test.unseenClasses, false)].flatMap { table, isSeen in
      table.rows.map { row in
        ClassRow(
          name: dataset.classNames[row.classIndex], isSeen: isSeen, correct: row.correct, total: row.total,
          accuracy: row.accuracy)
      }
    }
    split = dataset.fingerprint
    classEmbedding = dataset.classEmbeddingFile
    var digest = Digest()
    digest.add(dataset.descriptors)
    descriptorsDigest = digest.hexadecimal()
    dataDigest = dataset.contentDigest
    data = dataset.folder
    self.notes = dataset.notes + notes
    self.configuration = Dictionary(uniqueKeysWithValues: configuration.resolved.map { ($0.name, $0.value) })
    ranks = origin.ranks
    seconds = origin.seconds
    version = origin.program.version
    programDigest = origin.program.digest
  }

  /// The file's text.
  package func json() throws -> String {
    try JSONValue(encoding: self).merging(try JSONValue(encoding: figures)).sortedByKey.text(.page) + "\n"
  }
}
