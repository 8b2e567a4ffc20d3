// Sections that are tables: figures, configuration, baselines, data, commands.
import Files
import Foundation
import Training

extension ReportPage {
  // MARK: Figures

  private struct Figure: Sendable {
    let name: String
    let value: @Sendable (RunRecord) -> Double?
  }

  private static let figures: [Figure] = [
    Figure(name: "U") { $0.results?["unseen"]?.double },
    Figure(name: "S") { $0.results?["seen"]?.double },
    Figure(name: "H") { $0.harmonic },
    Figure(name: "T1") { $0.results?["zsl"]?.double },
    Figure(name: "AUSUC") { $0.ausuc },
    Figure(name: "H calibrated") { $0.calibratedHarmonic },
    Figure(name: "H validation") { $0.results?["validation"]?["harmonic"]?.double },
    Figure(name: "H best on test") { $0.results?["best_on_test"]?["harmonic"]?.double },
  ]

  var summary: Markup {
    let records = subjects.map(\.record)
    let shown = Self.figures.filter { figure in records.contains { figure.value($0) != nil } }
    let best = shown.map { figure in records.compactMap(figure.value).max() }
    let rows: [Markup] = records.enumerated().map { number, record in
      let cells: [Markup] = shown.enumerated().map { place, figure in
        let value = figure.value(record)
        let isBest = isComparison && value != nil && value == best[place] && figure.name != "H best on test"
        return "<td\(isBest ? " class=\"best\"" : "" as Markup)>\(Self.percent(value))</td>"
      }
      let iteration = record.results?["iteration"]?.integer.map { "\($0)" } ?? "–"
      return
        "<tr><th scope=\"row\">\(title(number))</th>\(cells)<td>\(iteration)</td><td class=\"left\">\(state(record))</td></tr>\n"
    }
    let table = Self.table(
      "Percent" + (isComparison ? "; the highest is bold" : ""),
      head: ["Run"] + shown.map { "\($0.name)" } + ["Iteration", "State"],
      left: [0, shown.count + 2], rows: rows)
    var notes: Markup = ""
    if records.contains(where: { $0.results == nil }) {
      notes += Self.absent("Runs without figures were not evaluated yet; cegzsl show RUN says how to go on.")
    }
    if let number = records.indices.first(where: { records[$0].results != nil && records[$0].ausuc == nil }) {
      notes += Self.absent(
        "AUSUC and the calibrated H are kept since a later version; they come with", command: evaluateCommand(number))
    }
    return table + notes
      + "<p class=\"soft\">None of these was chosen on test rows, but for “H best on test”, the figure that papers print.</p>\n"
  }

  private func state(_ record: RunRecord) -> String {
    let selection = record.results?["selection"]
    let isChosen = selection?.string == "validation" || selection?.members != nil
    let choice = record.results == nil ? "" : isChosen ? ", chosen on validation rows" : ", nothing selected"
    return record.summary.stateName + choice
  }

  // MARK: Configuration

  var configuration: Markup {
    let differences = OptionDifferences(subjects.map(\.record.options))
    guard subjects.contains(where: { !$0.record.options.isEmpty }) else {
      return Self.absent("There is no config.yaml that can be read.")
    }
    guard !differences.rows.isEmpty else {
      return "<p>\(isComparison ? "The runs have the same options." : "All options have their defaults.")</p>\n"
    }
    let defaults = Dictionary(uniqueKeysWithValues: Configuration().resolved.map { ($0.name, $0.value) })
    let rows: [Markup] = differences.rows.map { row in
      let cells: [Markup] = row.values.map { value in
        "<td class=\"text\">\(value.map { $0.isEmpty ? "(empty)" : $0 } ?? "unknown")</td>"
      }
      let initial: Markup =
        isComparison ? "" : "<td class=\"text\">\(defaults[row.name].map { $0.isEmpty ? "(empty)" : $0 } ?? "–")</td>"
      return "<tr><th scope=\"row\"><code>\(row.name)</code></th>\(cells)\(initial)</tr>\n"
    }
    let names: [Markup] = subjects.indices.map(title)
    return Self.table(
      isComparison ? "Options in which the runs differ" : "Options that have not their default",
      head: ["Option"] + (isComparison ? names : ["Value", "Default"]), left: Set(0...max(2, subjects.count)),
      rows: rows)
  }

  // MARK: Baselines

  private static let shortNames = [
    "unseen": "U", "seen": "S", "harmonic": "H", "zsl": "T1", "ausuc": "AUSUC", "gamma": "γ", "lambda": "λ",
    "kernel_width": "kernel width", "shrinkage": "shrinkage",
    "calibrated": "H calibrated", "value": "S alone",
  ]

  var baselines: Markup {
    var text: Markup = ""
    for subject in subjects {
      let known = subject.record.baselines
      guard !known.isEmpty else { continue }
      var columns: [String] = []
      for baseline in known { columns += baseline.figures.map(\.name).filter { !columns.contains($0) } }
      func row(_ name: Markup, _ value: (String) -> Double?) -> Markup {
        let cells: [Markup] = columns.map { column in
          let figure = value(column)
          // These are no fractions.
          return
            "<td>\(["gamma", "lambda", "kernel_width", "shrinkage"].contains(column) ? figure.map { String(format: "%.3g", $0) } ?? "–" : Self.percent(figure))</td>"
        }
        return "<tr><th scope=\"row\">\(name)</th>\(cells)</tr>\n"
      }
      let own = row("this run") { column in
        column == "ausuc"
          ? subject.record.ausuc
          : column == "calibrated" ? subject.record.calibratedHarmonic : subject.record.results?[column]?.double
      }
      let others = known.map { baseline in
        row("\(baseline.name.replacingOccurrences(of: "_", with: " "))") { column in
          baseline.figures.first { $0.name == column }?.value
        }
      }
      text += Self.table(
        "Closed-form baselines beside run \(subject.record.name), percent",
        head: ["Model"] + columns.map { "\(Self.shortNames[$0] ?? $0)" },
        rows: [own] + others)
    }
    guard text.text.isEmpty else { return text }
    return Self.absent("No baselines are kept with these runs; they come with", command: evaluateCommand(0))
  }

  // MARK: Data

  var data: Markup {
    let records = subjects.map(\.record)
    func row(_ name: String, _ value: (RunRecord) -> String?) -> Markup {
      let cells: [Markup] = records.map { "<td class=\"text\">\(value($0) ?? "–")</td>" }
      return "<tr><th scope=\"row\">\(name)</th>\(cells)</tr>\n"
    }
    func split(_ key: String) -> (RunRecord) -> String? {
      { record in record.results?["split"]?[key].flatMap { $0.string ?? $0.integer.map { "\($0)" } } }
    }
    let rows = [
      row("Data", \.data), row("Split", split("name")),
      row("Rows to train on, of seen and of unseen classes to test") { record in
        let counts = ["trainval", "testSeen", "testUnseen"].compactMap { split($0)(record) }
        return counts.count == 3 ? counts.joined(separator: " / ") : nil
      },
      row("Fingerprint of the split") { split("sha256")($0) },
      row("Digest of the data") { $0.summary.classes?.origin.datasetDigest },
      row("Descriptors") { $0.results?["class_embedding"]?.string },
      row("Program") { record in
        guard let results = record.results, let version = results["version"]?.string else { return nil }
        return version + (results["program_sha256"]?.string.map { " (\($0.prefix(12)))" } ?? "")
      },
      row("Ranks") { $0.results?["ranks"]?.integer.map { "\($0)" } },
      row("Samples a second, median") { $0.samplesPerSecond.map { String(format: "%.0f", $0) } },
    ]
    let notes = records.flatMap { record in (record.results?["notes"]?.elements ?? []).compactMap(\.string) }
    var unique: [String] = []
    for note in notes where !unique.contains(note) { unique.append(note) }
    let items: [Markup] = unique.prefix(40).map { "<li>\($0)</li>" }
    let fingerprints = Set(records.compactMap { split("sha256")($0) })
    let warning: Markup =
      fingerprints.count > 1
      ? "<p class=\"absent\">The runs are tested on different splits: their figures cannot be compared.</p>\n" : ""
    return warning
      + Self.table(
        "What the figures belong to", head: ["What"] + subjects.indices.map(title), left: Set(0...subjects.count),
        rows: rows)
      + (items.isEmpty ? "" : "<h3>Notes on the data</h3><ul>\(items)</ul>\n")
  }

  // MARK: Commands

  var commands: Markup {
    let blocks: [Markup] = subjects.enumerated().map { number, subject in
      let record = subject.record
      let heading: Markup = isComparison ? "<h3>\(title(number))</h3>" : ""
      if let origin = record.summary.extendedFrom {
        return "\(heading)<p>No training leads to it: cegzsl extend made it from \(origin), with other classes.</p>\n"
      }
      guard !record.options.isEmpty else {
        return heading + Self.absent("No command is known, since config.yaml cannot be read.")
      }
      let changed = OptionDifferences([record.options]).rows.filter { $0.name != "preset" }
      // Values are given in full: a preset may change with the program.
      let options = changed.map { " \\\n  --\($0.name) \(($0.values[0] ?? "").forShell)" }.joined()
      let flags = Set(Settings.list.filter(\.isFlag).map(\.name))
      let text =
        "cegzsl train --data \((record.data ?? "DIR").forShell) --run NEW"
        + changed.reduce(options) { text, row in
          flags.contains(row.name) ? text.replacingOccurrences(of: "--\(row.name) true", with: "--\(row.name)") : text
        }
      return "\(heading)<pre tabindex=\"0\">\(Markup(verbatim: text))</pre>\n"
    }
    let isTrained = subjects.contains { $0.record.summary.extendedFrom == nil && !$0.record.options.isEmpty }
    return isTrained
      ? "\(blocks)<p>The same program with these options and data gives the same bytes, on any number of ranks.</p>\n"
      : "\(blocks)"
  }
}

extension Markup {
  /// A text of several lines, each escaped.
  init(verbatim text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Markup(escaping: String($0)).text }
    self.init(stringLiteral: lines.joined(separator: "\n"))
  }
}
