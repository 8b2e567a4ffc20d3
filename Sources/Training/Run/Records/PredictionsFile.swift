import Datasets
import Evaluation
import Files

/// Every row that an evaluation tested, with its answers, as CSV. Rows count from 0 in the data set; `margin` is the best seen score less
/// the best unseen one, so that γ, curve and AUSUC follow from the file alone.
package struct PredictionsFile {
  private let evaluated: Evaluated
  private let dataset: GZSLDataset

  package init(_ evaluated: Evaluated, _ dataset: GZSLDataset) {
    self.evaluated = evaluated
    self.dataset = dataset
  }

  /// The file's text: rows of seen classes first, in the order of the task.
  package func text() -> String {
    let gamma = evaluated.classifiers.constants.gamma
    let names = dataset.classNames.map(CsvWriter.field)
    func name(_ number: Int?) -> String { number.map { names[$0] } ?? "" }
    var text = CsvWriter.line(
      ["row", "class", "role", "predicted", "calibrated", "among_unseen", "best_seen", "best_unseen", "margin"])
    func add(_ number: Int, _ row: ScoredRow, role: String, amongUnseen: Int?) {
      let calibrated = gamma.map { row.answer(gamma: $0) }
      text += CsvWriter.line([
        "\(number)", name(row.label), role, name(row.answer(gamma: nil)), name(calibrated), name(amongUnseen),
        name(row.bestSeen), name(row.bestUnseen), "\(row.margin)",
      ])
    }
    for (number, row) in zip(dataset.test.seenRows, evaluated.scored.seen) {
      add(number, row, role: "seen", amongUnseen: nil)
    }
    for (place, row) in evaluated.scored.unseen.enumerated() {
      add(dataset.test.unseenRows[place], row, role: "unseen", amongUnseen: evaluated.zslAnswers[place])
    }
    return text
  }
}
