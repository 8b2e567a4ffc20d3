import Evaluation
import Files
import Foundation

/// What the first phase of a run chose on validation rows: `selection.json`. Fractions.
package struct SelectionRecord: Codable, Sendable, Equatable {
  /// Of the first phase: iterations after which the chosen model was evaluated, and those of an epoch there.
  package let iteration: Int
  package let iterationsPerEpoch: Int
  package let epoch: Int
  /// Iterations of the whole first phase, and the evaluations among which one was chosen.
  package let lastIteration: Int
  package let evaluations: Int
  package let head: HeadConstants
  /// On the validation rows by which all this was chosen: too good as a forecast.
  package let figures: EvaluationFigures

  private enum CodingKeys: String, CodingKey {
    case iteration, epoch, evaluations, head
    case iterationsPerEpoch = "iterations_per_epoch"
    case lastIteration = "last_iteration"
  }

  static let fileName = "selection.json"

  /// The evaluation that the others choose: `[EvaluationRecord].chosen`.
  ///
  /// - Parameter records: of the first phase, at least one, with their heads.
  package init(_ records: [EvaluationRecord], iterationsPerEpoch: Int, lastIteration: Int) {
    guard let chosen = records.chosen ?? records.last, let head = chosen.head else {
      preconditionFailure("a first phase without an evaluation")
    }
    iteration = chosen.iteration
    epoch = chosen.epoch
    self.iterationsPerEpoch = iterationsPerEpoch
    self.lastIteration = lastIteration
    evaluations = records.count
    self.head = head
    figures = EvaluationFigures(chosen.test)
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    iteration = try container.decode(Int.self, forKey: .iteration)
    iterationsPerEpoch = try container.decode(Int.self, forKey: .iterationsPerEpoch)
    epoch = try container.decode(Int.self, forKey: .epoch)
    lastIteration = try container.decode(Int.self, forKey: .lastIteration)
    evaluations = try container.decode(Int.self, forKey: .evaluations)
    head = try container.decode(HeadConstants.self, forKey: .head)
    figures = try EvaluationFigures(from: decoder)
  }

  /// All side by side.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(iteration, forKey: .iteration)
    try container.encode(iterationsPerEpoch, forKey: .iterationsPerEpoch)
    try container.encode(epoch, forKey: .epoch)
    try container.encode(lastIteration, forKey: .lastIteration)
    try container.encode(evaluations, forKey: .evaluations)
    try container.encode(head, forKey: .head)
    try figures.encode(to: encoder)
  }

  /// As many iterations on all training rows as are the chosen number of epochs there, 1 at least.
  ///
  /// - Parameters:
  ///   - iterationsPerEpoch: of all training rows.
  ///   - bound: `--max-iterations`; 0: none.
  package func iterations(iterationsPerEpoch own: Int, bound: Int) -> Int {
    let count = max(1, (iteration * own + iterationsPerEpoch / 2) / iterationsPerEpoch)
    return bound > 0 ? min(count, bound) : count
  }

  /// Of a run directory; nil where there is none, or none that this program wrote.
  package init?(run: String) {
    guard let bytes = FileManager.default.contents(atPath: "\(run)/\(Self.fileName)") else { return nil }
    self.init(Array(bytes))
  }

  /// - Parameter bytes: JSON; nil for what is none.
  init?(_ bytes: [UInt8]) {
    guard let value = try? JSONDecoder().decode(SelectionRecord.self, from: Data(bytes)) else { return nil }
    self = value
  }

  /// The file's text.
  package func json() throws -> String { try JSONValue(encoding: self).text(.page) + "\n" }
}
