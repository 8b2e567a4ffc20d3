import Evaluation
import Files
import Foundation
import Training

/// What a run wrote down, as far as it can be read: a report never fails because of a part that is missing.
package struct RunRecord: Sendable {
  /// A point of the losses' course: the mean over the iterations that it stands for.
  package struct Metrics: Sendable {
    package let iteration: Double
    /// By the names of `metrics.jsonl`, "critic/total" for instance.
    package let losses: [String: Double]
  }
  /// U, S, H, T1 after an iteration, as fractions.
  package struct Evaluation: Sendable {
    package let iteration: Int
    package let unseen: Double?
    package let seen: Double?
    package let harmonic: Double?
    package let zsl: Double?
    package let ausuc: Double?
    package let calibratedHarmonic: Double?
    /// H on validation rows.
    package let validationHarmonic: Double?
  }

  package let path: String
  /// Names and values of `config.yaml`.
  package let options: [(name: String, value: String)]
  package let summary: RunSummary
  package let metrics: [Metrics]
  /// Samples a second: the median over all iterations.
  package let samplesPerSecond: Double?
  package let evaluations: [Evaluation]
  /// Of a first phase, which chooses: on validation rows.
  package let selectionEvaluations: [Evaluation]
  package let results: JSONValue?
  package let figures: SavedFigures?

  /// Points of a course.
  private static let mostPoints = 240

  /// - Parameter options: of the run's `config.yaml`.
  /// - Throws: `RunMissing`, `StorageError`.
  package init(run: String, options: [(name: String, value: String)]) throws {
    path = run
    self.options = options
    summary = try RunSummary(run: run, options: options)
    func lines(_ name: String) -> [JSONValue] {
      let text = FileManager.default.contents(atPath: "\(run)/\(name)") ?? Data()
      return text.split(separator: UInt8(ascii: "\n")).compactMap { try? JSONValue(parsing: Array($0)) }
    }
    let all = lines("metrics.jsonl")
    metrics = Self.thinned(all)
    let speeds = all.compactMap { $0["samples_per_second"]?.double }.sorted()
    samplesPerSecond = speeds.isEmpty ? nil : speeds[speeds.count / 2]
    evaluations = lines("evaluations.jsonl").compactMap(Self.evaluation)
    selectionEvaluations = lines("selection/evaluations.jsonl").compactMap(Self.evaluation)
    results = Self.json("\(run)/results.json")
    figures = Self.json("\(run)/figures.json").map(SavedFigures.init)
  }

  private static func json(_ path: String) -> JSONValue? {
    FileManager.default.contents(atPath: path).flatMap { try? JSONValue(parsing: Array($0)) }
  }

  private static func evaluation(_ json: JSONValue) -> Evaluation? {
    guard let iteration = json["iteration"]?.integer, let test = json["test"] else { return nil }
    let validation = json["validation"]
    let best = (validation?["history"]?.elements ?? []).compactMap(harmonic).max()
    return Evaluation(
      iteration: iteration, unseen: test["last"]?["unseen"]?.double, seen: test["last"]?["seen"]?.double,
      harmonic: test["last"].flatMap(harmonic), zsl: test["zsl"]?.double,
      ausuc: test["ausuc"]?.double, calibratedHarmonic: test["calibrated"]?["harmonic"]?.double,
      validationHarmonic: best ?? validation?["last"].flatMap(harmonic))
  }

  /// Of an object with `unseen` and `seen`: written there, or computed.
  private static func harmonic(_ json: JSONValue) -> Double? {
    guard let unseen = json["unseen"]?.double, let seen = json["seen"]?.double else { return nil }
    return json["harmonic"]?.double ?? GeneralizedAccuracy(unseen: unseen, seen: seen).harmonic
  }

  /// At most `mostPoints` points, each the mean of as many lines.
  private static func thinned(_ lines: [JSONValue]) -> [Metrics] {
    let count = max(1, (lines.count + mostPoints - 1) / mostPoints)
    return stride(from: 0, to: lines.count, by: count).compactMap { first in
      let group = lines[first..<min(first + count, lines.count)]
      let iterations = group.compactMap { $0["iteration"]?.double }
      guard iterations.count == group.count else { return nil }
      var sums: [String: (sum: Double, count: Double)] = [:]
      for line in group {
        for part in ["critic", "generator"] {
          for member in line[part]?.members ?? [] {
            guard let value = member.value.double, value.isFinite else { continue }
            let old = sums["\(part)/\(member.key)"] ?? (0, 0)
            sums["\(part)/\(member.key)"] = (old.sum + value, old.count + 1)
          }
        }
      }
      return Metrics(
        iteration: iterations.reduce(0, +) / Double(group.count), losses: sums.mapValues { $0.sum / $0.count })
    }
  }
}

/// What the parts of a report ask of a run.
extension RunRecord {
  /// The folder's own name.
  package var name: String { (URL(fileURLWithPath: path).standardizedFileURL.path as NSString).lastPathComponent }
  package var data: String? { results?["data"]?.string }
  package var harmonic: Double? { results?["harmonic"]?.double }
  package var ausuc: Double? { results?["ausuc"]?.double ?? figures?.ausuc }
  package var calibratedHarmonic: Double? {
    results?["calibrated"]?["harmonic"]?.double ?? figures?.calibrated?.harmonic
  }
  package var gamma: Double? { results?["calibrated"]?["gamma"]?.double ?? figures?.calibrated?.gamma }

  /// Per class: of `figures.json`, else of `results.json`.
  package var classes: [SavedFigures.Class] {
    if let classes = figures?.classes, !classes.isEmpty { return classes }
    return (results?["classes"]?.elements ?? []).compactMap { row in
      guard let name = row["name"]?.string else { return nil }
      return SavedFigures.Class(
        name: name, isSeen: row["seen"] == .boolean(true), rows: row["total"]?.integer,
        accuracy: row["accuracy"]?.double, calibratedAccuracy: nil)
    }
  }

  /// By name; of `figures.json`, else of `results.json`.
  package var baselines: [(name: String, figures: [(name: String, value: Double)])] {
    if let own = figures?.baselines, !own.isEmpty { return own }
    return SavedFigures(["baselines": results?["baselines"] ?? .null]).baselines
  }
}
