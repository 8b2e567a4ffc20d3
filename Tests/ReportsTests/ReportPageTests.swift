import Files
import Foundation
import TestSupport
import Testing

@testable import Reports

@Suite struct ReportPageTests {
  private static let evil = "<script>alert(1)</script>\"'&\u{202E}"

  private func json(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

  private func figures(classes count: Int) throws -> JSONValue {
    let classes = (0..<count).map { number in
      let name = JSONValue.string("\(Self.evil) \(number)").text()
      let role = number < count * 3 / 4 ? "seen" : "unseen"
      let accuracy = Double(number) / Double(count)
      return
        #"{"name": \#(name), "role": "\#(role)", "rows": 50, "accuracy": \#(accuracy), "calibrated_accuracy": 0.5}"#
    }
    // Every class is taken for every other one: the largest drawing that there can be.
    let confusion = (0..<count * count).map { "[\($0 / count), \($0 % count), \(1 + ($0 / count + $0 % count) % 5)]" }
    return try json(
      """
      {"iteration": 7, "ausuc": 0.4321, "curve": [[0, 0.9, 0], [1, 0.5, 0.4], [2, 0, 0.6]],
       "operating_points": {"plain": {"unseen": 0.01, "seen": 0.88, "harmonic": 0.02},
         "calibrated": {"gamma": 1.5, "unseen": 0.45, "seen": 0.35, "harmonic": 0.3938}},
       "classes": [\(classes.joined(separator: ","))], "confusion": [\(confusion.joined(separator: ","))],
       "baselines": {"ridge": {"harmonic": 0.377}, "gaussian": {"harmonic": 0.391, "kernel_width": 3, "shrinkage": 0.6}, "nearest_mean_seen": 0.612}}
      """)
  }

  private func results(_ folder: RunFolder) throws {
    let text = JSONValue.string(Self.evil).text()
    try folder.write(
      "results.json",
      """
      {"unseen": 0.2, "seen": 0.6, "harmonic": 0.3, "zsl": 0.5, "iteration": 7, "selection": "last", "data": \(text),
       "version": "0.1.0", "notes": [\(text)],
       "split": {"name": "unknown", "trainval": 10, "testSeen": 4, "testUnseen": 5, "sha256": "f00dfeed"}}
      """)
  }

  private func page(_ records: [RunRecord], map: EmbeddingMap? = nil) -> String {
    ReportPage(
      records.map { ReportPage.Subject(record: $0, map: map, mapProblem: map == nil ? Self.evil : nil) },
      version: "0.1.0"
    ).html
  }

  @Test func aPageOfTwoHundredClassesIsWholeAndSmallAndLoadsNothing() throws {
    try withTemporaryFolder { folder in
      var records: [RunRecord] = []
      for name in ["first", Self.evil.replacingOccurrences(of: "/", with: "_")] {
        let run = try RunFolder(folder, name)
        try results(run)
        try run.write("figures.json", try figures(classes: 200))
        try run.writeMetrics(1000)
        try run.write(
          "evaluations.jsonl",
          "{\"iteration\": 5, \"test\": {\"last\": {\"unseen\": 0.5, \"seen\": 0.25}, \"zsl\": 0.125}}\n")
        records.append(try run.record([("noise-size", records.isEmpty ? "8" : "16"), ("features", Self.evil)]))
      }
      let points = (0..<1400).map { number in
        EmbeddingMap.Point(
          label: number % 200, origin: [.seen, .unseen, .synthetic][number % 3], x: sin(Double(number)),
          y: cos(3 * Double(number)))
      }
      let map = EmbeddingMap(points: points, classNames: (0..<200).map { "\(Self.evil) \($0)" }, shares: [0.5, 0.25])
      let page = page(records, map: map)
      #expect(problems(of: page) == [])
      #expect(page.utf8.count < 2 << 20, "\(page.utf8.count) bytes")
      for text in ["<script", "http:", "https:", "url(h", "@import", "<link", "src="] {
        #expect(!page.contains(text), "\(text)")
      }
      let links = page.matches(of: #/(?:href="|url\()([^")]*)/#).map { String($0.1) }
      #expect(links.allSatisfy { $0.hasPrefix("#") } && links.count > 10)
      let names = page.matches(of: #/ id="([^"]*)"/#).map { String($0.1) }
      #expect(Set(names).count == names.count)
      #expect(Set(links.map { String($0.dropFirst()) }).subtracting(names).isEmpty)
      // What the two differ in, and nothing else.
      #expect(page.contains("<code>noise-size</code></th><td class=\"text\">8</td><td class=\"text\">16</td>"))
      #expect(!page.contains("<code>features</code>"))
      for text in [
        "AUSUC A 43.2, B 43.2", "33.3", "f00dfeed", "ridge", "37.7", "39.1", "<td>0.6</td>", "kernel width", "61.2",
        "--noise-size 16",
      ] {
        #expect(page.contains(text), "\(text)")
      }
    }
  }

  @Test func whatARunDoesNotHaveIsNamedWithTheCommandThatBringsIt() throws {
    try withTemporaryFolder { folder in
      let empty = try RunFolder(folder, "empty").record()
      let bare = page([empty])
      #expect(problems(of: bare) == [])
      for text in [
        "metrics.jsonl holds no iteration yet", "Nothing was evaluated yet", "no figures.json", "cegzsl evaluate",
      ] {
        #expect(bare.contains(text), "\(text)")
      }
    }
  }

  /// Fields of another form than expected count as missing, one by one.
  @Test func damagedFiguresLeaveTheirSectionOut() throws {
    let whole = try figures(classes: 3)
    let names = ["iteration", "ausuc", "curve", "operating_points", "classes", "confusion", "baselines"]
    for name in names {
      for damaged in try ["null", "\"?\"", "[[\"x\"]]", "{\"x\": {\"y\": \"z\"}}", "5"].map(json) {
        guard case .object(let members) = whole else { return }
        let json = JSONValue.object(members.map { $0.key == name ? JSONMember(name, damaged) : $0 })
        let read = SavedFigures(json)
        #expect(read.curve.count == (name == "curve" ? 0 : 3))
        #expect(read.classes.count == (name == "classes" ? 0 : 3))
        #expect(read.confusion.count == (["classes", "confusion"].contains(name) ? 0 : 9))
        #expect(
          (read.plain == nil) == (name == "operating_points")
            && (read.ausuc == nil) == (name == "ausuc" && damaged != .integer(5)))
      }
    }
    let outside = try json(
      #"{"classes": [{"name": "a", "role": "seen"}], "confusion": [[0, 1, 3], [0, 0, 0], [-1, 0, 2], [0, 0, 4]]}"#)
    #expect(SavedFigures(outside).confusion == [SavedFigures.Cell(label: 0, answer: 0, count: 4)])
  }

  /// A class without rows keeps its place among the others, and is not shown.
  @Test func unusedClassesAreLeftOut() throws {
    try withTemporaryFolder { folder in
      let run = try RunFolder(folder, "run")
      try run.write(
        "figures.json",
        """
        {"classes": [{"name": "cat", "role": "seen", "rows": 2, "accuracy": 1}, {"name": "nobody", "role": "unused"},
          {"name": "dog", "role": "unseen", "rows": 4, "accuracy": 0.25}], "confusion": [[0, 0, 2], [2, 0, 3], [2, 2, 1]]}
        """)
      let page = page([try run.record()])
      #expect(!page.contains("nobody") && page.contains(">cat<") && page.contains(">dog<"))
      // Two classes fill the square: 400 units, 200 each.
      #expect(page.contains("scale(200.00000)") && page.contains("M0 1h1v1h-1z"))
      #expect(page.contains("<td class=\"text\">dog</td><td class=\"text\">cat</td><td>3</td>"))
    }
  }

  @Test func aFirstPhaseIsShownApart() throws {
    try withTemporaryFolder { folder in
      let run = try RunFolder(folder, "run")
      try RunFolder(folder, "run/selection").write(
        "evaluations.jsonl",
        "{\"iteration\": 5, \"test\": {\"last\": {\"unseen\": 0.5, \"seen\": 0.25}, \"zsl\": 0.125, \"ausuc\": 0.4}}\n")
      try run.write(
        "evaluations.jsonl",
        "{\"iteration\": 9, \"test\": {\"last\": {\"unseen\": 0.5, \"seen\": 0.25}, \"zsl\": 0.125, \"calibrated\": {\"harmonic\": 0.7}}}\n"
      )
      let record = try run.record()
      #expect(record.summary.stateName == "selecting" && record.selectionEvaluations.map(\.ausuc) == [0.4])
      let page = page([record])
      #expect(
        page.contains("First phase, which chose") && page.contains("Hc: H calibrated") && page.contains("<td>70.0</td>")
      )
      #expect(problems(of: page) == [])
    }
  }

  @Test func manyIterationsBecomeMeans() throws {
    try withTemporaryFolder { folder in
      let run = try RunFolder(folder, "long")
      try run.writeMetrics(1000)
      let record = try run.record()
      #expect(record.metrics.count == 200 && record.samplesPerSecond == 7)
      #expect(
        record.metrics[1].iteration == 8 && record.metrics[1].losses == ["critic/total": 8, "generator/total": -8])
    }
  }
}
