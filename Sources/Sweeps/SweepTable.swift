import Files
import Foundation

/// What a sweep found: the points by their figure on validation rows, and the winner's figures on test rows. It depends on the runs alone,
/// not on how often the sweep was interrupted.
package struct SweepTable {
  private struct Row {
    let point: SweepPlan.Point
    let values: [Double]
    let failures: [(seed: Int, text: String)]
    var spread: Spread? { Spread(values) }
  }

  private let plan: SweepPlan
  /// In the order of the points.
  private let rows: [Row]
  /// The winner's figures, by name; empty before it is trained.
  private var figures: [(name: String, spread: Spread)] = []
  private var winnerFailures: [(seed: Int, text: String)] = []

  /// Number of the best point: the highest mean among points without a failed run, of equal ones the first. nil: all have one.
  package var winner: Int? {
    var best: (point: Int, mean: Double)?
    for row in rows where row.failures.isEmpty {
      guard let mean = row.spread?.mean, mean > best?.mean ?? -.infinity else { continue }
      best = (row.point.number, mean)
    }
    return best?.point
  }

  /// - Parameters:
  ///   - results: `results.json` of a run.
  ///   - failure: why a run failed; nil if it did not.
  /// - Throws: `SweepError.noFigure`, and what `results` throws.
  init(_ plan: SweepPlan, results: (Trial) throws -> JSONValue?, failure: (Trial) -> String?) throws {
    self.plan = plan
    rows = try plan.points.map { point in
      var (values, failures): ([Double], [(Int, String)]) = ([], [])
      for seed in plan.seeds {
        let trial = Trial(point: point.number, seed: seed)
        if let text = failure(trial) {
          failures.append((seed, text))
        } else {
          guard let value = try results(trial).flatMap(plan.figure.value) else {
            throw SweepError.noFigure(run: trial.name, figure: plan.figure.rawValue)
          }
          values.append(value)
        }
      }
      return Row(point: point, values: values, failures: failures)
    }
  }

  /// With the figures of the winner's runs.
  func withWinner(
    _ trials: [Trial], results: (Trial) throws -> JSONValue?, failure: (Trial) -> String?
  ) throws -> SweepTable {
    var table = self
    var all: [JSONValue] = []
    for trial in trials {
      if let text = failure(trial) {
        table.winnerFailures.append((trial.seed, text))
      } else if let found = try results(trial) {
        all.append(found)
      }
    }
    let known: [(String, (JSONValue) -> Double?)] = [
      ("unseen", { $0["unseen"]?.double }), ("seen", { $0["seen"]?.double }), ("harmonic", { $0["harmonic"]?.double }),
      ("zsl", { $0["zsl"]?.double }), ("ausuc", { $0["ausuc"]?.double }),
      ("calibrated_harmonic", { $0["calibrated"]?["harmonic"]?.double }),
    ]
    table.figures = known.compactMap { name, value in Spread(all.compactMap(value)).map { (name, $0) } }
    return table
  }

  // MARK: Output

  private static func options(_ point: SweepPlan.Point) -> String {
    point.options.map { "\($0.name) \($0.value)".forTerminal }.joined(separator: ", ")
  }

  private static func failed(_ failures: [(seed: Int, text: String)]) -> String {
    failures.map { "seed \($0.seed) failed, \($0.text)" }.joined(separator: "; ")
  }

  /// From the best point down; points with failed runs behind the others.
  package var lines: [String] {
    let ordered = rows.enumerated().sorted { a, b in
      if a.element.failures.isEmpty != b.element.failures.isEmpty { return a.element.failures.isEmpty }
      let (first, second) = (a.element.spread?.mean ?? -1, b.element.spread?.mean ?? -1)
      return first != second ? first > second : a.offset < b.offset
    }.map(\.element)
    let name = ["harmonic": "H", "calibrated": "calibrated H", "ausuc": "AUSUC"][plan.figure.rawValue] ?? ""
    var lines = ["\(name) on validation rows, percent, mean ± standard deviation over \(plan.seeds.count) seed(s)"]
    let body = ordered.map { row in
      [
        (row.point.number == winner ? "* " : "  ") + "\(row.point.number)", row.spread?.text ?? "-",
        Self.options(row.point), Self.failed(row.failures),
      ]
    }
    lines += TextTable.lines([["  point", name, "options", ""]] + body, rightAligned: [1])
    guard let winner else { return lines }
    lines += ["", "point \(winner) with \(plan.winnerSeeds.count) other seed(s), on test rows, which chose nothing:"]
    let titles = [
      "unseen": "U", "seen": "S", "harmonic": "H", "zsl": "T1", "ausuc": "AUSUC", "calibrated_harmonic": "calibrated H",
    ]
    lines.append("  " + figures.map { "\(titles[$0.name] ?? $0.name) \($0.spread.text)" }.joined(separator: "   "))
    return lines + (winnerFailures.isEmpty ? [] : ["  " + Self.failed(winnerFailures)])
  }

  /// The same as fractions, with every value.
  package var json: JSONValue {
    func failures(_ all: [(seed: Int, text: String)]) -> JSONValue {
      .array(all.map { ["seed": .integer($0.seed), "status": .string($0.text)] })
    }
    let points = rows.map { row in
      JSONValue.object([
        JSONMember("point", .integer(row.point.number)),
        JSONMember("options", .object(row.point.options.map { JSONMember($0.name, .string($0.value)) })),
        JSONMember("values", .array(row.values.map { .number($0) })),
        JSONMember("mean", row.spread.map { .number($0.mean) } ?? .null),
        JSONMember("sd", row.spread?.deviation.map { .number($0) } ?? .null),
        JSONMember("failed", failures(row.failures)),
      ])
    }
    let found = figures.map { figure in
      JSONMember(
        figure.name,
        [
          "mean": .number(figure.spread.mean), "sd": figure.spread.deviation.map { .number($0) } ?? .null,
          "values": .array(figure.spread.values.map { .number($0) }),
        ])
    }
    return [
      "choose_by": .string(plan.figure.rawValue), "seeds": .array(plan.seeds.map { .integer($0) }),
      "points": .array(points), "winner": winner.map { .integer($0) } ?? .null,
      "winner_seeds": .array(plan.winnerSeeds.map { .integer($0) }), "winner_figures": .object(found),
      "winner_failed": failures(winnerFailures),
    ]
  }
}

/// Mean and sample standard deviation.
struct Spread: Sendable {
  let values: [Double]
  let mean: Double
  /// nil for a single value.
  let deviation: Double?

  /// nil: there are no values.
  init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    self.values = values
    self.mean = mean
    deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : nil
  }

  /// In percent.
  var text: String {
    String(format: "%.1f", 100 * mean) + (deviation.map { String(format: " ± %.1f", 100 * $0) } ?? "")
  }
}
