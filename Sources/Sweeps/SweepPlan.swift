import Files
import Foundation
import Matrices
import Training

/// By which figure on validation rows points are compared.
package enum ChoosingFigure: String, Sendable, CaseIterable {
  case harmonic, calibrated, ausuc

  /// The figure in a run's `results.json`; nil where it is not there. The one place that knows where validation figures stand.
  package func value(in results: JSONValue) -> Double? {
    let places = [
      results["selection"]?["validation"], results["validation"], results["selection"],
    ]
    for place in places {
      guard let place else { continue }
      let figure =
        switch self {
        case .harmonic: place["harmonic"]?.double
        case .calibrated: place["calibrated"]?["harmonic"]?.double
        case .ausuc: place["ausuc"]?.double
        }
      if let figure { return figure }
    }
    return nil
  }
}

/// What a sweep tries: points, each with the same seeds, and then the best point with other seeds.
package struct SweepPlan: Sendable {
  package struct Point: Sendable {
    /// From 1.
    package let number: Int
    /// What makes it another one than the others: names and values.
    package let options: [(name: String, value: String)]
  }

  package let data: String
  /// Of every run.
  package let common: [(name: String, value: String)]
  package let points: [Point]
  package let seeds: [Int]
  /// Of the winner, trained anew: none of `seeds`.
  package let winnerSeeds: [Int]
  package let figure: ChoosingFigure

  package init(
    data: String, common: [(name: String, value: String)], points: [Point], seeds: [Int], winnerSeeds: [Int],
    figure: ChoosingFigure
  ) {
    (self.data, self.common, self.points) = (data, common, points)
    (self.seeds, self.winnerSeeds, self.figure) = (seeds, winnerSeeds, figure)
  }

  /// What the folder of a sweep remembers, to tell it from others.
  package var json: JSONValue {
    func object(_ options: [(name: String, value: String)]) -> JSONValue {
      .object(options.map { JSONMember($0.name, .string($0.value)) })
    }
    return [
      "data": .string(data), "options": object(common), "points": .array(points.map { object($0.options) }),
      "seeds": .array(seeds.map { .integer($0) }), "winner_seeds": .array(winnerSeeds.map { .integer($0) }),
      "choose_by": .string(figure.rawValue),
    ]
  }

  /// In what another sweep's `json` differs; nil if it does not.
  package func difference(to other: JSONValue) -> String? {
    guard let members = json.members else { return nil }
    let changed = members.filter { member in
      // A folder may be spelt in two ways.
      if member.key == "data", let path = other["data"]?.string { return resolvedPath(path) != resolvedPath(data) }
      return other[member.key] != member.value
    }.map(\.key)
    return changed.isEmpty ? nil : "\(changed.joined(separator: ", ")) differ"
  }
}

/// One run of a sweep.
package struct Trial: Sendable, Equatable {
  /// nil: of the winner.
  package let point: Int?
  package let seed: Int

  /// Of its run directory, in the sweep's folder; with ".log" and ".json" behind it, what it printed and how it ended.
  package var name: String {
    (point.map { "point-" + String(repeating: "0", count: max(0, 3 - "\($0)".count)) + "\($0)" } ?? "winner")
      + "/seed-\(seed)"
  }
}

extension SweepPlan {
  /// Seed by seed, so that every point has been tried once before one is tried again.
  package var trials: [Trial] { seeds.flatMap { seed in points.map { Trial(point: $0.number, seed: seed) } } }

  /// What `train` gets for a run, besides where it lies.
  ///
  /// - Parameter point: whose options it has.
  package func arguments(point: Int, seed: Int) -> [String] {
    let options = common + points[point - 1].options + [("seed", "\(seed)")]
    return ["--data", data] + options.map { "--\($0.name)=\($0.value)" }
  }
}

extension JSONValue {
  /// Of a scalar, as it stood in the file.
  var scalarText: String? {
    switch self {
    case .string(let text): text
    case .integer, .number, .boolean: text()
    default: nil
    }
  }
}
