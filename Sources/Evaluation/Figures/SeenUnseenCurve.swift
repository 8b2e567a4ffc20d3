// Accuracy on unseen classes against accuracy on seen ones, for every γ that is subtracted from the scores of seen classes
// (Chao, Changpinyo, Gong, Sha: *An Empirical Study and Analysis of Generalized Zero-Shot Learning*, ECCV 2016).

/// U, S and H at a γ. Fractions in 0...1, γ in units of the scores.
package struct OperatingPoint: Sendable, Codable, Equatable {
  package let gamma: Double
  package let unseen: Double
  package let seen: Double
  package let harmonic: Double

  package init(gamma: Double, unseen: Double, seen: Double) {
    self.gamma = gamma
    self.unseen = unseen
    self.seen = seen
    harmonic = GeneralizedAccuracy(unseen: unseen, seen: seen).harmonic ?? 0
  }

  /// nil where rows of one kind are missing.
  package init?(gamma: Double, _ accuracy: GeneralizedAccuracy) {
    guard let unseen = accuracy.unseen, let seen = accuracy.seen else { return nil }
    self.init(gamma: gamma, unseen: unseen, seen: seen)
  }
}

/// The seen-unseen curve of a task's test rows.
package struct SeenUnseenCurve: Sendable, Equatable {
  /// One for each interval between margins at which something changes; γ ascending, inside the interval. The first has everything
  /// answered with seen classes, the last with unseen ones. At least one.
  package let points: [OperatingPoint]

  package init(_ task: ScoredTask) {
    // A row counts as its share of its class's share of the mean: seen ones until γ reaches their margin, unseen ones from there on.
    var changes: [(margin: Double, seen: Double, unseen: Double)] = []
    for (row, share) in Self.shares(task.seen) where row.bestSeen == row.label && row.bestUnseen != nil {
      changes.append((row.margin, share, 0))
    }
    for (row, share) in Self.shares(task.unseen) where row.bestUnseen == row.label && row.bestSeen != nil {
      changes.append((row.margin, 0, share))
    }
    changes.sort { $0.margin < $1.margin }
    var steps: [(margin: Double, seen: Double, unseen: Double)] = []
    for change in changes {
      if let last = steps.last, last.margin == change.margin {
        steps[steps.count - 1] = (last.margin, last.seen + change.seen, last.unseen + change.unseen)
      } else {
        steps.append(change)
      }
    }
    // Sums from the end for S and from the start for U, so that both ends are exactly 0.
    var seen = [Double](repeating: 0, count: steps.count + 1)
    for k in steps.indices.reversed() { seen[k] = seen[k + 1] + steps[k].seen }
    var unseen = 0.0
    var points: [OperatingPoint] = []
    for k in 0...steps.count {
      if k > 0 { unseen += steps[k - 1].unseen }
      let gamma =
        steps.isEmpty
        ? 0
        : k == 0
          ? steps[0].margin - 1
          : k == steps.count ? steps[k - 1].margin + 1 : steps[k - 1].margin / 2 + steps[k].margin / 2
      points.append(OperatingPoint(gamma: gamma, unseen: min(unseen, 1), seen: min(seen[k], 1)))
    }
    self.points = points
  }

  /// What a right answer to each row adds to the mean over classes.
  fileprivate static func shares(_ rows: [ScoredRow]) -> [(row: ScoredRow, share: Double)] {
    let counts = Dictionary(rows.map { ($0.label, 1) }, uniquingKeysWith: +)
    return rows.map { ($0, 1 / Double(counts[$0.label] ?? 1) / Double(counts.count)) }
  }

  /// AUSUC: the area under U as a function of S, by trapezoids. Needs no γ.
  package var area: Double {
    zip(points, points.dropFirst()).reduce(0) { $0 + ($1.0.seen - $1.1.seen) * ($1.0.unseen + $1.1.unseen) / 2 }
  }

  /// With the highest H; of equal ones that with the smallest γ. Of validation rows it is a choice, of test rows only a bound.
  package var best: OperatingPoint {
    points.dropFirst().reduce(points[0]) { $1.harmonic > $0.harmonic ? $1 : $0 }
  }

  /// At most `most` of the points, evenly along the curve, both ends among them.
  package func thinned(_ most: Int) -> [OperatingPoint] {
    precondition(most >= 2)
    guard points.count > most, let last = points.last else { return points }
    var kept = [points[0]]
    let length = (points[0].seen - last.seen) + (last.unseen - points[0].unseen)
    var travelled = 0.0
    for (before, point) in zip(points, points.dropFirst()).dropLast() {
      travelled += (before.seen - point.seen) + (point.unseen - before.unseen)
      if travelled >= length * Double(kept.count) / Double(most - 1), kept.count < most - 1 { kept.append(point) }
    }
    return kept + [last]
  }
}

extension ScoredTask {
  /// The area with one unseen class's accuracy in the place of U, for each that has rows, ascending: AUSUC is their mean, and their spread is
  /// how sure it is. Empty where rows of one kind are missing.
  package var areasOfUnseenClasses: [Double] {
    if seen.isEmpty { return [] }
    let right = SeenUnseenCurve.shares(seen).filter { $0.row.bestSeen == $0.row.label && $0.row.bestUnseen != nil }
      .map { (margin: $0.row.margin, share: $0.share) }.sorted { $0.margin < $1.margin }
    // S once γ has reached the margins of the first k rows.
    var left = [Double](repeating: 0, count: right.count + 1)
    for k in right.indices.reversed() { left[k] = left[k + 1] + right[k].share }
    func first(where isReached: (Double) -> Bool) -> Int {
      var (low, high) = (0, right.count)
      while low < high {
        let middle = (low + high) / 2
        if isReached(right[middle].margin) { high = middle } else { low = middle + 1 }
      }
      return low
    }
    var areas: [Int: (sum: Double, count: Int)] = [:]
    for row in unseen {
      var (sum, count) = areas[row.label] ?? (0, 0)
      if row.bestUnseen == row.label, row.bestSeen != nil {
        // Its rise is a step of the curve, at which S may fall: the trapezoid's middle.
        sum += (left[first { $0 >= row.margin }] + left[first { $0 > row.margin }]) / 2
      }
      count += 1
      areas[row.label] = (sum, count)
    }
    return areas.keys.sorted().map { label in areas[label].map { $0.sum / Double($0.count) } ?? 0 }
  }
}
