// What scores say of test rows. N rows, C classes.
import Matrices

/// A row's best seen and best unseen class: all that a γ decides between.
package struct ScoredRow: Sendable, Equatable {
  /// Its own class.
  package let label: Int
  /// Of equal scores the first class; nil where there is none of the kind.
  package let bestSeen: Int?
  package let bestUnseen: Int?
  /// Best seen score − best unseen score; ±∞ where one of them is missing.
  package let margin: Double

  /// The class that is answered when γ is subtracted from the scores of seen classes; at a tie an unseen one.
  ///
  /// - Parameter gamma: nil: nothing is subtracted, and of equal scores the first class counts, seen or not.
  package func answer(gamma: Double?) -> Int {
    guard let bestSeen else { return bestUnseen ?? label }
    guard let bestUnseen else { return bestSeen }
    guard let gamma else { return margin == 0 ? min(bestSeen, bestUnseen) : margin > 0 ? bestSeen : bestUnseen }
    return margin > gamma ? bestSeen : bestUnseen
  }
}

/// The test rows of a task under one rule's scores.
package struct ScoredTask: Sendable {
  /// Rows of seen and of unseen classes, in the task's order.
  package let seen: [ScoredRow]
  package let unseen: [ScoredRow]

  package init(seen: [ScoredRow], unseen: [ScoredRow]) {
    self.seen = seen
    self.unseen = unseen
  }

  package func seenTable(gamma: Double?) -> PerClassAccuracy { Self.table(seen) { $0.answer(gamma: gamma) } }
  package func unseenTable(gamma: Double?) -> PerClassAccuracy { Self.table(unseen) { $0.answer(gamma: gamma) } }

  /// U and S when γ is subtracted from the scores of seen classes; nil: nothing is.
  package func accuracy(gamma: Double?) -> GeneralizedAccuracy {
    GeneralizedAccuracy(unseen: unseenTable(gamma: gamma).mean, seen: seenTable(gamma: gamma).mean)
  }

  /// T1 of these scores: rows of unseen classes, unseen candidates.
  package var zsl: Double? { Self.table(unseen) { $0.bestUnseen ?? -1 }.mean }

  /// Area under the seen-unseen curve; nil where rows of one kind are missing.
  package var ausuc: Double? { seen.isEmpty || unseen.isEmpty ? nil : SeenUnseenCurve(self).area }

  /// At a γ that was chosen elsewhere; nil where none was, or rows of one kind are missing.
  package func calibrated(_ gamma: Double?) -> OperatingPoint? {
    gamma.flatMap { OperatingPoint(gamma: $0, accuracy(gamma: $0)) }
  }

  private static func table(_ rows: [ScoredRow], _ answer: (ScoredRow) -> Int) -> PerClassAccuracy {
    PerClassAccuracy(predictions: rows.map(answer), labels: rows.map(\.label))
  }
}

/// The best classes of each row of scores [N×C].
///
/// - Parameters:
///   - seen, unseen: disjoint, ascending; scores of other classes are not looked at.
package func scoredRows(_ scores: Matrix, labels: [Int], seen: [Int], unseen: [Int]) -> [ScoredRow] {
  precondition(labels.count == scores.rowCount, "\(labels.count) labels of \(scores.rowCount) rows")
  return labels.enumerated().map { r, label in
    let row = scores.rows(r..<r + 1).elements
    func best(_ classes: [Int]) -> Int? {
      classes.dropFirst().reduce(classes.first) { row[$1] > row[$0 ?? $1] ? $1 : $0 }
    }
    let (bestSeen, bestUnseen) = (best(seen), best(unseen))
    let high = bestSeen.map { Double(row[$0]) } ?? -.infinity
    let low = bestUnseen.map { Double(row[$0]) } ?? -.infinity
    return ScoredRow(label: label, bestSeen: bestSeen, bestUnseen: bestUnseen, margin: high - low)
  }
}
