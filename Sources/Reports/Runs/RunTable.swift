import Files
import Foundation
import Matrices
import Training

/// A column that does not exist.
package struct UnknownColumn: ReportableError {
  package let name: String
  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    "--sort \(name): there is no such column. Known: \(RunTable.columns.joined(separator: ", "))."
  }
}

/// Runs side by side: one line each.
package struct RunTable {
  private struct Row {
    let name: String
    let state: String
    let data: String
    let iteration: Int?
    /// By their names in `figureColumns`.
    let figures: [String: Double]
    let options: [(name: String, value: String)]
    /// Without those that have their default.
    var changed: [(name: String, value: String)] {
      options.filter { option in RunTable.defaults[option.name] != option.value }
    }
  }

  private static let defaults = Dictionary(uniqueKeysWithValues: Configuration().resolved.map { ($0.name, $0.value) })

  /// Fractions in `results.json`, percent in the table; short names as everywhere.
  private static let figureColumns = [
    ("harmonic", "H"), ("unseen", "U"), ("seen", "S"), ("zsl", "T1"), ("ausuc", "AUSUC"), ("calibrated", "H cal"),
    ("validation", "H val"),
  ]
  /// What can be sorted by.
  package static let columns = ["name", "data", "state", "iteration"] + figureColumns.map(\.0)

  private let rows: [Row]

  /// - Parameters:
  ///   - names: of the runs, as the table shows them.
  ///   - sort: one of `columns`: names upwards, figures downwards, and runs without one last; runs that are equal in it stay in order.
  /// - Throws: `UnknownColumn`.
  package init(_ runs: [(name: String, record: RunRecord)], sort: String, isReversed: Bool) throws {
    guard Self.columns.contains(sort) else { throw UnknownColumn(name: sort) }
    let differences = OptionDifferences(runs.map(\.record.options))
    let rows = runs.enumerated().map { number, run in
      Row(
        name: run.name, state: run.record.summary.stateName, data: run.record.data ?? "",
        iteration: run.record.results?["iteration"]?.integer ?? run.record.summary.newestIteration,
        figures: Self.figures(run.record),
        options: differences.rows.compactMap { row in row.values[number].map { (row.name, $0) } })
    }
    self.rows = Self.sorted(rows, by: sort, isReversed: isReversed)
  }

  private static func figures(_ run: RunRecord) -> [String: Double] {
    var figures: [String: Double] = [:]
    for name in ["harmonic", "unseen", "seen", "zsl"] { figures[name] = run.results?[name]?.double }
    figures["ausuc"] = run.ausuc
    figures["calibrated"] = run.calibratedHarmonic
    figures["validation"] = run.results?["validation"]?["harmonic"]?.double
    return figures
  }

  private static func sorted(_ rows: [Row], by column: String, isReversed: Bool) -> [Row] {
    func text(_ row: Row) -> String? {
      switch column {
      case "name": row.name
      case "data": row.data
      case "state": row.state
      default: nil
      }
    }
    func number(_ row: Row) -> Double? {
      column == "iteration" ? row.iteration.map { Double($0) } : row.figures[column]
    }
    return rows.enumerated().sorted { a, b in
      if let first = text(a.element), let second = text(b.element), first != second {
        return (first.localizedStandardCompare(second) == .orderedAscending) != isReversed
      }
      switch (number(a.element), number(b.element)) {
      case (let first?, let second?) where first != second: return (first > second) != isReversed
      case (_?, nil): return true
      case (nil, _?): return false
      default: return a.offset < b.offset
      }
    }.map(\.element)
  }

  // MARK: Output

  /// A heading and one line a run, columns aligned; of the options that differ, those that have not their default. Texts that come
  /// from files are escaped.
  package var lines: [String] {
    let shown = Self.figureColumns.filter { column in rows.contains { $0.figures[column.0] != nil } }
    let heading = ["run", "state", "iteration"] + shown.map(\.1) + ["data", "options that differ"]
    let body = rows.map { row in
      [row.name.forTerminal, row.state, row.iteration.map { "\($0)" } ?? "-"]
        + shown.map { column in row.figures[column.0].map { String(format: "%.1f", 100 * $0) } ?? "-" }
        + [
          row.data.isEmpty ? "-" : row.data.forTerminal,
          row.changed.map { "\($0.name) \($0.value.isEmpty ? "-" : $0.value)".forTerminal }.joined(separator: ", "),
        ]
    }
    return TextTable.lines([heading] + body, rightAligned: Set(2..<3 + shown.count))
  }

  /// One JSON object a run and line, with everything that differs; figures are fractions.
  package var jsonLines: [String] {
    rows.map { row in
      var members = [
        JSONMember("run", .string(row.name)), JSONMember("state", .string(row.state)),
        JSONMember("data", .string(row.data)), JSONMember("iteration", row.iteration.map { .integer($0) } ?? .null),
      ]
      members += Self.figureColumns.compactMap { column in
        row.figures[column.0].map { JSONMember(column.0, .number($0)) }
      }
      let options = JSONValue.object(row.options.map { JSONMember($0.name, .string($0.value)) })
      return JSONValue.object(members + [JSONMember("options", options)]).text(.line)
    }
  }
}
