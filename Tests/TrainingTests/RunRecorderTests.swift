import Datasets
import Evaluation
import Files
import Foundation
import Matrices
import TestSupport
import Testing
import Training

/// The files of a run as it goes on, and as it goes on again.
@Suite struct RunRecorderTests {
  private final class Log {
    var text = ""
    var lines: [String] { text.split(separator: "\n").map(String.init) }
    func screen(columns: (() -> Int)? = nil) -> Screen { Screen(columns: columns) { self.text += $0 } }
  }

  private func report(_ iteration: Int) -> IterationReport {
    let critic = CriticLosses(wasserstein: 0.5, penalty: 1, instance: .infinity, class: 0.25)
    let generator = GeneratorLosses(adversarial: -1.5, total: 1e-7)
    return IterationReport(
      iteration: iteration, epoch: 1, critic: critic, generator: generator, seconds: 0.125, samplesPerSecond: 2400)
  }

  private func evaluation(_ iteration: Int, unseen: Double) -> EvaluationRecord {
    let accuracy = GeneralizedAccuracy(unseen: unseen, seen: 0.5)
    let table = PerClassAccuracy(predictions: [2, 0], labels: [2, 2])
    return EvaluationRecord(
      iteration: iteration, epoch: 1,
      test: EvaluationResult(
        last: accuracy, history: [accuracy], zsl: 0.75, seenClasses: .none, unseenClasses: table))
  }

  private func results(_ records: [EvaluationRecord]) -> Results {
    Results(
      records: records,
      Results.Origin(
        dataset: GZSLDataset(
          random: Matrix(rows: 4, columns: 2), labels: [0, 1, 0, 1], descriptors: Matrix(rows: 3, columns: 2)),
        configuration: Configuration(), ranks: 1, seconds: 1, program: ProgramIdentity(version: "test", digest: "00")))
  }

  private func text(_ directory: RunDirectory, _ name: String) -> String {
    String(decoding: FileManager.default.contents(atPath: "\(directory.path)/\(name)") ?? Data(), as: UTF8.self)
  }

  @Test func linesOfTheFilesAndOfTheScreen() throws {
    try withTemporaryFolder { folder in
      let log = Log()
      let directory = try RunDirectory(path: folder + "/run", keep: 2, isResuming: false)
      let recorder = try RunRecorder(
        directory: directory, after: 0, configText: "a", screen: log.screen(), results: results)
      for iteration in 1...3 { try recorder.record(report(iteration), lastIteration: 3) }
      let line =
        #""epoch": 1, "critic": {"wasserstein": 0.5, "penalty": 1.0, "instance": null, "class": 0.25, "total": null}, "#
        + #""generator": {"adversarial": -1.5, "instance": 0.0, "class": 0.0, "total": 1e-07}, "#
        + #""seconds": 0.125, "samples_per_second": 2400.0}"#
      #expect(
        text(directory, "metrics.jsonl") == (1...3).map { "{\"iteration\": \($0), \(line)\n" }.joined())
      // The first and the last, as not two seconds have passed.
      #expect(log.lines.map { $0.prefix(13) } == ["iteration 1/3", "iteration 3/3"])

      try recorder.record(evaluation(3, unseen: 0.25), results: results)
      #expect(log.lines.last == "evaluation after iteration 3: U 25.0  S 50.0  H 33.3  T1 75.0")
      #expect(
        text(directory, "evaluations.jsonl")
          == #"{"iteration":3,"epoch":1,"test":{"last":{"unseen":0.25,"seen":0.5},"history":[{"unseen":0.25,"seen":0.5}],"#
          + #""zsl":0.75,"seenClasses":{"rows":[]},"unseenClasses":{"rows":[{"classIndex":2,"correct":1,"total":2}]}}}"#
          + "\n")
      let json = try JSONValue(parsing: Array(text(directory, "results.json").utf8))
      #expect(json["unseen"]?.double == 0.25 && json["zsl"]?.double == 0.75 && json["iteration"]?.integer == 3)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path + "/tensorboard").count == 1)
    }
  }

  /// What lies beyond the checkpoint is done again; a line that a crash cut short goes too.
  @Test func goesOnAfterACheckpoint() throws {
    try withTemporaryFolder { folder in
      let directory = try RunDirectory(path: folder + "/run", keep: 2, isResuming: false)
      let first = try RunRecorder(
        directory: directory, after: 0, configText: "a", screen: Log().screen(), results: results)
      for iteration in 1...4 {
        try first.record(report(iteration), lastIteration: 9)
        try first.record(evaluation(iteration, unseen: 0.25), results: results)
      }
      let lines = text(directory, "metrics.jsonl").split(separator: "\n")
      try directory.append("evaluations.jsonl", line: #"{"iteration":4,"epo"#)
      let second = try RunRecorder(
        directory: directory, after: 2, configText: "a", screen: Log().screen(), results: results)
      #expect(second.records.map(\.iteration) == [1, 2] && second.records[1].test.zsl == 0.75)
      #expect(text(directory, "metrics.jsonl") == lines.prefix(2).map { $0 + "\n" }.joined())
      try second.record(
        evaluation(3, unseen: 1),
        results: { records in
          #expect(records.map(\.iteration) == [1, 2, 3])
          return results(records)
        })
      #expect(directory.evaluations.map(\.test.last.unseen) == [0.25, 0.25, 1])
    }
  }

  @Test(arguments: ["", #"{"unseen": 0.25"#, nil])
  func resultsThatAreGoneOrDamagedAreWrittenAnew(found: String?) throws {
    try withTemporaryFolder { folder in
      let directory = try RunDirectory(path: folder + "/run", keep: 2, isResuming: false)
      func record() throws -> RunRecorder {
        try RunRecorder(directory: directory, after: 3, configText: "a", screen: Log().screen(), results: results)
      }
      try record().record(evaluation(3, unseen: 0.25), results: results)
      let whole = text(directory, "results.json")
      let path = directory.path + "/results.json"
      if let found {
        try found.write(toFile: path, atomically: true, encoding: .utf8)
        let summary = try RunSummary(run: directory.path, options: []).lines.joined()
        #expect(summary.contains("results.json: it is no JSON") && !summary.contains("nothing was evaluated"))
      } else {
        try FileManager.default.removeItem(atPath: path)
      }
      _ = try record()
      #expect(text(directory, "results.json") == whole && whole.count > 100)
      #expect(try !RunSummary(run: directory.path, options: []).lines.joined().contains("no JSON"))
    }
  }

  /// On a terminal the state of a run is one line, as wide as the terminal at most, and gone before a line that stays.
  @Test func aTerminalHasOneLineThatIsWrittenAnew() throws {
    try withTemporaryFolder { folder in
      let (log, erase) = (Log(), "\r\u{1B}[K")
      var width = 200
      let directory = try RunDirectory(path: folder + "/run", keep: 2, isResuming: false)
      let recorder = try RunRecorder(
        directory: directory, after: 0, configText: "a", screen: log.screen { width }, results: results)
      try recorder.record(report(20), lastIteration: 20)
      let whole =
        "iteration 20/20  100 %  0 s left  critic inf  generator 0.0000  2400 samples/s  epoch 1  W 0.5000 gp 1.0000 ins inf cls 0.2500"
      #expect(log.text == erase + whole)
      log.text = ""
      try recorder.record(evaluation(20, unseen: 0.25), results: results)
      #expect(log.text == erase + "evaluation after iteration 20: U 25.0  S 50.0  H 33.3  T1 75.0\n")
      for columns in Array(1...140) + [200] {
        (width, log.text) = (columns, "")
        try recorder.record(report(20), lastIteration: 20)
        let line = log.text.dropFirst(erase.count)
        #expect(
          log.text.hasPrefix(erase) && line.count < columns
            && "iteration 20/20  100 %  0 s left  H 33.3".hasPrefix(line.prefix(40)))
        #expect(columns < 200 || line.hasSuffix("cls 0.2500"))
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      for name in names { #expect(!text(directory, name).contains("\u{1B}"), "\(name)") }
    }
  }

  @Test(arguments: [
    (0, "0 s"), (59, "59 s"), (61, "1:01"), (3600, "1:00:00"), (36_001, "10:00:01"), (.infinity, "ages"),
  ])
  func timeLeftIsShort(seconds: Double, text: String) {
    let parts = report(1).status(lastIteration: 2, secondsPerIteration: seconds, harmonic: 0.5)
    #expect(parts[2] == text + " left" && parts[1] == "50 %" && parts[3] == "H 50.0")
  }
}
