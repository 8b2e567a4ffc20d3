import Foundation
import TestSupport
import Testing

@testable import Evaluation

/// How a head's constants and weights are chosen on validation rows.
@Suite struct StackingTests {
  /// Classes 0, 1, 2 are seen, 3, 4, 5 unseen, and 6 is neither; they have unlike numbers of rows.
  private struct World {
    let draws: Draws
    let rows: ChoiceRows

    init(seed: UInt64, count: Int = 150) {
      draws = Draws(seed: seed)
      let (seen, unseen) = (draws.labels(count, below: 5), draws.labels(2 * count, below: 4))
      rows = ChoiceRows(
        classCount: 7, seenLabels: seen.map { [0, 1, 2, 2, 1][$0] }, unseenLabels: unseen.map { [3, 4, 5, 5][$0] },
        seenClasses: [0, 1, 2], unseenClasses: [3, 4, 5])
    }

    var labels: [Int] { rows.seenLabels + rows.unseenLabels }

    /// Scores that are higher at a row's class, by `seen` or `unseen`.
    func part(_ part: HeadPart, noise: Double, seen: Double, unseen: Double) -> PartScores {
      PartScores(
        part: part,
        scores: labels.flatMap { label in
          (0..<7).map { c in
            c == 6 ? -.infinity : Float(draws.number(size: noise) + (c != label ? 0 : label < 3 ? seen : unseen))
          }
        })
    }
  }

  /// One part knows seen classes, another unseen ones, a third nothing: the first two are found, and the sum is better than each.
  @Test func whatHelpsIsFound() {
    let world = World(seed: 21)
    let parts = [
      world.part(.softmax, noise: 2, seen: 2, unseen: 0), world.part(.prototype, noise: 0, seen: 0, unseen: 0),
      world.part(.ridgeFeatures, noise: 0.1, seen: 0, unseen: 0.1),
    ]
    let weights = Stacking(world.rows, parts).weights()
    #expect(weights[0] > 0 && weights[1] == 0 && weights[2] > 10 * weights[0], "\(weights)")
    let areas = parts.map { world.rows.area($0.scores) }
    #expect(world.rows.area(world.rows.sum(parts, weights)) > (areas.max() ?? 1) + 0.1)
    #expect(world.rows.best([(0, parts[1]), (1, parts[0]), (2, parts[1]), (3, parts[0])]) { $0.1.scores }.0 == 1)
    // What only confuses stays out, and what is never wrong does not get a weight without end.
    let sure = [
      world.part(.softmax, noise: 30, seen: -3, unseen: -3), world.part(.zla, noise: 0.01, seen: 1, unseen: 1),
    ]
    let alone = Stacking(world.rows, sure).weights()
    #expect(alone[0] == 0 && alone[1] > 5 && alone[1] < 1000, "\(alone)")
    #expect(world.rows.area(world.rows.sum(sure, alone)) > 0.999)
  }

  /// No other weights have a lower loss, by the formula in plain Double; the minimum over γ is searched for.
  @Test(arguments: [UInt64(31), 32, 33]) func nothingElseIsBetter(seed: UInt64) {
    let world = World(seed: seed, count: 60)
    let parts = [
      world.part(.softmax, noise: 3, seen: 3, unseen: 1),
      world.part(.ridgeFeatures, noise: 0.2, seen: 0.1, unseen: 0.2),
      world.part(.zla, noise: 1, seen: 0.5, unseen: -0.5), world.part(.prototype, noise: 1, seen: 0, unseen: 1),
    ]
    let weights = Stacking(world.rows, parts).weights()
    #expect(weights[0] > 0 && weights[1] > 0)
    let least = loss(world, parts, weights)
    let first = loss(world, parts, [0, 0, 0, 0])
    #expect(least < first - 0.1)
    for p in parts.indices {
      for factor in [0.9, 1.1] {
        var other = weights
        other[p] *= factor
        #expect(loss(world, parts, other) >= least - 1e-9, "part \(p) times \(factor)")
      }
      var more = weights
      more[p] += 0.02
      #expect(loss(world, parts, more) >= least - 1e-9, "more of part \(p)")
    }
  }

  /// The least over γ, by ternary search.
  private func loss(_ world: World, _ parts: [PartScores], _ weights: [Double]) -> Double {
    let labels = world.labels
    var penalty = 0.0
    for (part, weight) in zip(parts, weights) {
      let values = part.scores.filter(\.isFinite).map(Double.init)
      let mean = values.reduce(0, +) / Double(values.count)
      penalty += 1e-4 * weight * weight * values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    }
    let sums = labels.indices.map { row in
      (0..<6).map { c in zip(parts, weights).reduce(0) { $0 + $1.1 * Double($1.0.scores[7 * row + c]) } }
    }
    let shares = labels.map { label in 1 / 6 / Double(labels.count { $0 == label }) }
    func at(_ gamma: Double) -> Double {
      labels.indices.reduce(penalty) { result, row in
        let calibrated = sums[row].enumerated().map { $0 < 3 ? $1 - gamma : $1 }
        return result + shares[row] * (log(calibrated.reduce(0) { $0 + exp($1) }) - calibrated[labels[row]])
      }
    }
    var (low, high) = (-20.0, 20.0)
    while high - low > 1e-6 {
      let (a, b) = (low + (high - low) / 3, high - (high - low) / 3)
      if at(a) < at(b) { high = b } else { low = a }
    }
    return at((low + high) / 2)
  }
}
