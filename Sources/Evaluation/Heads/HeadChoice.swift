// Which parts, constants, weights and γ: chosen by AUSUC on validation rows. N rows, C classes.
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
  func best<Candidate>(
    _ candidates: some Sequence<Candidate>, scores: (Candidate) -> [Float]
  ) -> (candidate: Candidate, scores: [Float]) {
    var best: (candidate: Candidate, scores: [Float], area: Double)?
    for candidate in candidates {
      let scores = scores(candidate)
      let area = area(scores)
      if area > best?.area ?? -1 { best = (candidate, scores, area) }
    }
    guard let best else { preconditionFailure("nothing to choose from") }
    return (best.candidate, best.scores)
  }
}

/// Finds the constants of a head.
struct HeadChoice {
  private let rows: ChoiceRows

  /// Weights of a part that are tried beside softmax's 1.
  private static let weights: [Float] = [1, 2, 5, 10, 20, 40, 80, 160, 320, 640]
  /// Those that pairs are begun with.
  private static let coarse: [Float] = [2, 10, 40, 160]
  /// AUSUC that another part must bring.
  private static let leastGain = 0.002

  init(_ rows: ChoiceRows) { self.rows = rows }

  /// A weighted sum of parts: from the first part alone, and from its best sum with two others, parts are added greedily as long as they
  /// bring something, every weight being looked at again after each; the better end counts.
  ///
  /// - Parameter parts: the first is what the sums begin with, of weight 1.
  func stack(_ parts: [PartScores]) -> [Float] {
    var alone = [Float](repeating: 0, count: parts.count)
    alone[0] = 1
    return [alone, bestPair(parts, alone)].map { grown(parts, $0) }.reduce((alone, -1.0)) {
      $1.area > $0.1 ? ($1.weights, $1.area) : $0
    }.0
  }

  /// Greedy steps alone miss parts that help only together.
  private func bestPair(_ parts: [PartScores], _ alone: [Float]) -> [Float] {
    var best = (weights: alone, area: -1.0)
    for first in parts.indices.dropFirst() {
      for second in first + 1..<parts.count {
        for weight in Self.coarse {
          for other in Self.coarse {
            var tried = alone
            (tried[first], tried[second]) = (weight, other)
            let area = area(parts, tried)
            if area > best.area { best = (tried, area) }
          }
        }
      }
    }
    return best.weights
  }

  private func grown(_ parts: [PartScores], _ start: [Float]) -> (weights: [Float], area: Double) {
    var (weights, area) = refined(parts, (start, self.area(parts, start)))
    while let found = step(parts, weights, among: parts.indices.dropFirst().filter { weights[$0] == 0 }),
      found.area > area + Self.leastGain
    {
      (weights, area) = refined(parts, found)
    }
    return (weights, area)
  }

  /// Changes the weights of what is there, or leaves some out, as long as that is better.
  private func refined(
    _ parts: [PartScores], _ start: (weights: [Float], area: Double)
  ) -> (weights: [Float], area: Double) {
    var (weights, area) = start
    while let better = step(parts, weights, among: parts.indices.filter { weights[$0] > 0 || $0 == 0 }),
      better.area > area + Self.leastGain / 10
    {
      (weights, area) = better
    }
    return (weights, area)
  }

  /// The best change of one weight.
  private func step(_ parts: [PartScores], _ weights: [Float], among places: [Int]) -> (weights: [Float], area: Double)?
  {
    var best: (weights: [Float], area: Double)?
    for place in places {
      // What the sum begins with is there or not.
      for weight in place == 0 ? [0, 1] : [0] + Self.weights where weight != weights[place] {
        var tried = weights
        tried[place] = weight
        guard tried.contains(where: { $0 > 0 }) else { continue }
        let area = area(parts, tried)
        if area > best?.area ?? -1 { best = (tried, area) }
      }
    }
    return best
  }

  private func area(_ parts: [PartScores], _ weights: [Float]) -> Double { rows.area(sum(parts, weights)) }

  /// As a head adds them up.
  func sum(_ parts: [PartScores], _ weights: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: parts[0].scores.count)
    for (part, weight) in zip(parts, weights) where weight > 0 {
      for k in result.indices { result[k] += weight * part.scores[k] }
    }
    return result
  }
}
