// Validation rows, and what scores make of them. N rows, C classes.
import Matrices

/// Scores of validation rows by one part.
struct PartScores {
  let part: HeadPart
  var constants = TermConstants()
  /// Row by row, C of each: first the rows of seen classes, then those of unseen ones.
  let scores: [Float]
}

/// The rows by which a head is chosen.
struct ChoiceRows {
  let classCount: Int
  let seenLabels: [Int]
  let unseenLabels: [Int]
  let seenClasses: [Int]
  let unseenClasses: [Int]

  /// What scores [all rows × C] make of them.
  func task(_ scores: [Float]) -> ScoredTask {
    let matrix = Matrix(rows: seenLabels.count + unseenLabels.count, columns: classCount, elements: scores)
    func rows(_ range: Range<Int>, _ labels: [Int]) -> [ScoredRow] {
      scoredRows(matrix.rows(range), labels: labels, seen: seenClasses, unseen: unseenClasses)
    }
    return ScoredTask(
      seen: rows(0..<seenLabels.count, seenLabels),
      unseen: rows(seenLabels.count..<matrix.rowCount, unseenLabels))
  }

  func curve(_ scores: [Float]) -> SeenUnseenCurve { SeenUnseenCurve(task(scores)) }
  func area(_ scores: [Float]) -> Double { curve(scores).area }

  /// The candidate with the highest AUSUC; of equal ones the first. One after the other is scored.
  ///
  /// - Parameter candidates: one or more.
  func best<Candidate>(_ candidates: [Candidate], scores: (Candidate) -> [Float]) -> Candidate {
    precondition(!candidates.isEmpty, "nothing to choose from")
    var best = (place: 0, area: -1.0)
    for (place, candidate) in candidates.enumerated() {
      let area = area(scores(candidate))
      if area > best.area { best = (place, area) }
    }
    return candidates[best.place]
  }

  /// A weighted sum of parts, as a head adds them up.
  func sum(_ parts: [PartScores], _ weights: [Double]) -> [Float] {
    var result = [Float](repeating: 0, count: parts[0].scores.count)
    for (part, weight) in zip(parts, weights) where weight > 0 {
      for k in result.indices { result[k] += Float(weight) * part.scores[k] }
    }
    return result
  }
}
