import Files
import Foundation
import Matrices
import TestSupport
import Testing
import Training

@testable import Sweeps

func json(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

@Suite struct SweepPlanTests {
  private func plan(_ text: String) throws -> SweepPlan { try SweepFile(json(text), path: "s.yaml").plan(data: "DIR") }

  @Test func aGridHasEveryCombinationAndTheLastOptionVariesFirst() throws {
    let plan = try plan(
      #"{"options": {"epochs": "5"}, "grid": {"noise-size": ["8", "16"], "class-weight": ["0.1", "0.2", "0.3"]}, "seeds": "2"}"#
    )
    let points = plan.points.map { $0.options.map { "\($0.name)=\($0.value)" }.joined(separator: " ") }
    #expect(
      points.count == 6 && points[1] == "noise-size=8 class-weight=0.2" && points[3] == "noise-size=16 class-weight=0.1"
    )
    #expect(plan.seeds == [1, 2] && plan.winnerSeeds == [3, 4, 5, 6, 7] && plan.figure == .ausuc)
    #expect(
      plan.arguments(point: 4, seed: 2) == [
        "--data", "DIR", "--epochs=5", "--select=validation", "--noise-size=16", "--class-weight=0.1", "--seed=2",
      ])
    // Every point once before one is tried again.
    #expect(plan.trials.map(\.name).prefix(7).last == "point-001/seed-2" && plan.trials.count == 12)
    #expect(
      Trial(point: nil, seed: 9).name == "winner/seed-9" && Trial(point: 1234, seed: 1).name == "point-1234/seed-1")
  }

  @Test func drawsStayInTheirRangesAndComeAgain() throws {
    let text = """
      {"random": {"points": "200", "seed": "3", "options": {"learning-rate": {"from": "1e-4", "to": "1e-2", "scale": "log"},
        "comparator-width": {"from": "3", "to": "6"}, "noise-size": ["8", "16"]}}}
      """
    let points = try plan(text).points
    func values(_ place: Int) -> [Double] { points.compactMap { Double($0.options[place].value) } }
    let rates = values(0)
    #expect(rates.count == 200 && rates.allSatisfy { (1e-4...1e-2).contains($0) })
    // Half of them below the middle of the logarithms.
    #expect((70...130).contains(rates.filter { $0 < 1e-3 }.count))
    #expect(rates.map { String(format: "%.3g", $0) }.compactMap(Double.init) == rates)
    #expect(Set(values(1)) == [3, 4, 5, 6] && Set(values(2)) == [8, 16])
    #expect(try plan(text).json == plan(text).json)
    #expect(
      try plan(text).difference(to: plan(text.replacing("\"3\", \"options", with: "\"4\", \"options")).json)
        == "points differ")
    #expect(try plan(text).difference(to: .null) != nil)
  }

  @Test func aDrawDoesNotComeTwiceAndPathsMayBeSpeltInTwoWays() throws {
    func values(_ points: Int) throws -> [String] {
      try plan(
        #"{"random": {"points": "\#(points)", "options": {"noise-size": ["8", "16"], "embedding-size": {"from": "1", "to": "3"}}}}"#
      )
      .points.map { $0.options.map(\.value).joined(separator: " ") }
    }
    // There are six; fewer are the first of these.
    let all = try values(9)
    #expect(Set(all) == ["8 1", "8 2", "8 3", "16 1", "16 2", "16 3"] && all.count == 6)
    #expect(try values(4) == Array(all.prefix(4)))

    let file = try SweepFile(json(#"{"grid": {"noise-size": ["8"]}}"#), path: "s.yaml")
    let (one, other) = (try file.plan(data: "/usr/bin"), try file.plan(data: "/usr/bin/../bin/"))
    #expect(one.difference(to: other.json) == nil)
    #expect(try one.difference(to: file.plan(data: "/usr/lib").json) == "data differ")
    #expect(try one.difference(to: file.plan(data: "/nowhere").json) == "data differ")
  }

  @Test(arguments: [
    #"[]"#, #"{"gird": {}}"#, #"{"grid": {"noise-size": []}}"#, #"{"grid": {"noise-size": ["8", "8"]}}"#,
    #"{"grid": {"seed": ["1"]}}"#, #"{"options": {"seed": "1"}}"#, #"{"options": {"select": "last"}}"#,
    #"{"options": {"epochs": "5"}, "grid": {"epochs": ["1"]}}"#, #"{"seeds": "0"}"#, #"{"seeds": ["1", "1"]}"#,
    #"{"seeds": "3", "winner-seeds": ["3"]}"#, #"{"choose-by": "test"}"#, #"{"random": {"points": "3"}}"#,
    #"{"random": {"points": "3", "options": {"learning-rate": {"from": "0", "to": "1", "scale": "log"}}}}"#,
    #"{"random": {"points": "3", "options": {"learning-rate": {"from": "2", "to": "1"}}}}"#,
    #"{"seeds": ["9223372036854775807"]}"#, #"{"seeds": ["-1"]}"#, #"{"random": {"points": "10001", "options": {}}}"#,
  ]) func whatCannotBeIsRefused(text: String) {
    #expect(throws: SweepError.self) { try plan(text) }
  }

  @Test func optionsAreCheckedBeforeAnythingRuns() {
    #expect(throws: ConfigurationError.self) { try plan(#"{"grid": {"noise": ["8"]}}"#) }
    #expect(throws: ConfigurationError.self) { try plan(#"{"grid": {"batch-size": ["8", "none"]}}"#) }
    #expect(throws: SweepError.self) { try SweepFile(json("{}"), path: "s.yaml").plan(data: nil) }
    // No whole number is near enough to the end of this range.
    #expect(throws: ConfigurationError.self) {
      try plan(
        #"{"random": {"points": "9", "options": {"batch-size": {"from": "9223372036854774000", "to": "9223372036854775807"}}}}"#
      )
    }
  }

  @Test func tasksShareRunsWithoutOverlap() throws {
    let shares = try (0..<3).map { try SweepShare(task: $0, count: 3) }
    for place in 0..<10 { #expect(shares.filter { $0.holds(place) }.count == 1) }
    for (task, count) in [(3, 3), (-1, 2), (0, 0)] {
      #expect(throws: SweepError.self) { try SweepShare(task: task, count: count) }
    }
    #expect(throws: SweepError.self) { try SweepShare(task: 1, count: nil) }
  }
}

@Suite struct SweepTableTests {
  private let plan = SweepPlan(
    data: "d", common: [], points: (1...4).map { .init(number: $0, options: [("noise-size", "\($0)")]) },
    seeds: [1, 2],
    winnerSeeds: [3, 4], figure: .harmonic)

  private func table(failed: Set<String>) throws -> SweepTable {
    let values = [1: [0.2, 0.4], 2: [0.5, 0.1], 3: [0.9, 0.9], 4: [0.1, 0.1]]
    return try SweepTable(
      plan,
      results: { try json("{\"validation\": {\"harmonic\": \(values[$0.point!]![$0.seed - 1])}, \"harmonic\": 0.99}") },
      failure: { failed.contains($0.name) ? "71: not finite" : nil })
  }

  @Test func theHighestMeanWinsAndPointsWithFailedRunsDoNot() throws {
    #expect(try table(failed: []).winner == 3)
    // Of equal ones the first.
    let table = try table(failed: ["point-003/seed-2"])
    #expect(table.winner == 1)
    let text = table.lines.joined(separator: "\n")
    #expect(text.contains("* 1      30.0 ± 14.1  noise-size 1"), "\(text)")
    #expect(text.contains("  3             90.0  noise-size 3  seed 2 failed, 71: not finite"), "\(text)")
    #expect(!text.contains("99"))
    let all = Set((1...4).map { "point-00\($0)/seed-1" })
    #expect(try self.table(failed: all).winner == nil)
  }

  @Test func theWinnersFiguresAreThoseOfItsOtherSeeds() throws {
    let whole = try table(failed: []).withWinner(
      plan.winnerSeeds.map { Trial(point: nil, seed: $0) },
      results: { try json("{\"harmonic\": \(Double($0.seed) / 10), \"calibrated\": {\"harmonic\": 0.5}}") },
      failure: { _ in nil })
    #expect(whole.lines.last == "  H 35.0 ± 7.1   calibrated H 50.0 ± 0.0")
    #expect(whole.json["winner_figures"]?["harmonic"]?["mean"]?.double == 0.35)
  }

  @Test func aRunWithoutTheFigureIsNoFailureOfItsOwn() {
    #expect(throws: SweepError.noFigure(run: "point-001/seed-1", figure: "harmonic")) {
      try SweepTable(plan, results: { _ in try json("{\"harmonic\": 1}") }, failure: { _ in nil })
    }
  }

  @Test(arguments: [
    ("{\"validation\": {\"harmonic\": 0.5}, \"harmonic\": 0.9}", ChoosingFigure.harmonic, 0.5),
    ("{\"selection\": {\"validation\": {\"ausuc\": 0.25}}, \"ausuc\": 0.9}", .ausuc, 0.25),
    ("{\"selection\": {\"calibrated\": {\"harmonic\": 0.125}}, \"validation\": {}}", .calibrated, 0.125),
  ]) func figuresComeFromValidationAlone(results: String, figure: ChoosingFigure, value: Double) throws {
    #expect(try figure.value(in: json(results)) == value)
    #expect(try figure.value(in: json("{\"harmonic\": 1, \"ausuc\": 1, \"selection\": \"last\"}")) == nil)
  }
}

@Suite struct TrialOutcomeTests {
  @Test(arguments: [(0, true), (71, true), (64, true), (75, false), (79, false), (137, false)])
  func whatCanGoOnHasNoOutcome(status: Int32, isFinal: Bool) throws {
    let outcome = TrialOutcome(.status(status), message: "why")
    #expect((outcome != nil) == isFinal)
    guard let outcome else { return }
    try withTemporaryFolder { folder in
      try outcome.write(folder + "/a.json")
      #expect(TrialOutcome(file: folder + "/a.json") == outcome)
      #expect((outcome.failure == nil) == (status == 0))
      #expect(TrialOutcome(file: folder + "/b.json") == nil)
    }
  }

  @Test func aSignalIsNoOutcome() { #expect(TrialOutcome(.signal(9), message: "") == nil) }

  @Test func aChildSaysHowItEndsAndGetsSignals() throws {
    try withTemporaryFolder { folder in
      func ending(_ words: [String], send signal: Int32?) throws -> ChildProcess.Ending {
        let child = try ChildProcess(words, output: folder + "/log")
        if let signal {
          while (FileManager.default.contents(atPath: folder + "/log") ?? Data()).isEmpty {}
          child.send(signal)
        }
        while true { if let ended = child.ended { return ended } }
      }
      let (failed, killed) = (
        try ending(["sh", "-c", "exit 71"], send: nil),
        try ending(["sh", "-c", "echo ready; exec sleep 60"], send: SIGKILL)
      )
      #expect(failed == .status(71) && killed == .signal(SIGKILL))
      // Its input is empty, and what it prints is behind what was there.
      let talking = try ending(["sh", "-c", "cat; echo said >&2"], send: nil)
      let said = try String(contentsOfFile: folder + "/log", encoding: .utf8)
      #expect(talking == .status(0) && said == "ready\nsaid\n")
      #expect(throws: StorageError.self) { try ChildProcess([folder + "/none"], output: folder + "/log") }
    }
  }
}
