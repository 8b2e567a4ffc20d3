import Files
import Foundation

/// What a run tells while it goes on: `metrics.jsonl`, `evaluations.jsonl`, `results.json`, points for TensorBoard, and lines for the
/// screen. Rank 0 alone has one.
package final class RunRecorder {
  /// Of the whole run, in order.
  package private(set) var records: [EvaluationRecord]
  private let directory: RunDirectory
  private let events: EventFileWriter
  private let screen: Screen
  private var lastLine: ContinuousClock.Instant?
  /// Of an iteration, lately.
  private var secondsLately: Double?

  /// Between two lines on the screen; between two states of the one line on a terminal.
  private static let (pause, shortPause) = (Duration.seconds(2), Duration.milliseconds(200))

  /// Goes on with a run's record. What it says of later iterations belongs to work that was lost, and goes.
  ///
  /// - Parameters:
  ///   - iteration: iterations done; 0 for a new run.
  ///   - configText: what `config.yaml` is to hold. Where that changes, or evaluations go, `results.json` is made anew: it never stands
  ///     beside a configuration or evaluations that are not its own.
  ///   - results: of evaluations, at least one; nil where they are not a run's results.
  /// - Throws: `StorageError`, `FileError`.
  package init(
    directory: RunDirectory, after iteration: Int, configText: String, screen: Screen,
    results: (([EvaluationRecord]) -> Results)?
  ) throws {
    self.directory = directory
    self.screen = screen
    let before = directory.evaluations.count
    events = try directory.openEvents(firstStep: iteration > 0 ? iteration + 1 : 0)
    for name in ["metrics.jsonl", "evaluations.jsonl"] { try directory.truncate(name, after: iteration) }
    records = directory.evaluations
    let isAsBefore = records.count == before && directory.holds("config.yaml", text: configText)
    if !isAsBefore { try directory.remove("results.json") }
    try directory.write("config.yaml", text: configText)
    // Removed just now, or by somebody, or damaged.
    let found = FileManager.default.contents(atPath: directory.path + "/results.json")
    let hasResults = found.map { (try? JSONValue(parsing: Array($0))) != nil } ?? false
    if !hasResults, !records.isEmpty, let results {
      try directory.write("results.json", text: try results(records).json())
    }
  }

  /// - Parameter lastIteration: of the run.
  package func record(_ report: IterationReport, lastIteration: Int) throws {
    try directory.append("metrics.jsonl", line: report.json.text(.line))
    for (tag, value) in report.scalars { try events.scalar(tag, Float(value), step: report.iteration) }
    secondsLately = secondsLately.map { 0.9 * $0 + 0.1 * report.seconds } ?? report.seconds
    let now = ContinuousClock().now
    let pause = screen.isTerminal ? Self.shortPause : Self.pause
    if let lastLine, now - lastLine <= pause, report.iteration != lastIteration { return }
    if screen.isTerminal {
      screen.status(
        report.status(
          lastIteration: lastIteration, secondsPerIteration: secondsLately ?? report.seconds,
          harmonic: records.last?.test.last.harmonic))
    } else {
      screen.line(report.progress(lastIteration: lastIteration))
    }
    try events.flush()
    lastLine = now
  }

  /// Before a checkpoint is saved: a run that goes on from it has all points up to its iteration.
  package func flush() throws { try events.flush() }

  /// - Parameters:
  ///   - files: of this evaluation, by name.
  ///   - results: of all evaluations, this one included; nil as well.
  package func record(
    _ evaluation: EvaluationRecord, files: [String: String] = [:], results: (([EvaluationRecord]) throws -> Results)?
  ) throws {
    // Before the line that says that this evaluation is done: a crash in between makes it anew.
    for (name, text) in files { try directory.write(name, text: text) }
    records.append(evaluation)
    try directory.append("evaluations.jsonl", line: try JSONValue(encoding: evaluation).text())
    for (tag, value) in evaluation.scalars { try events.scalar(tag, Float(value), step: evaluation.iteration) }
    try events.flush()
    if let results { try directory.write("results.json", text: try results(records).json()) }
    screen.line("evaluation after iteration \(evaluation.iteration): \(evaluation.line)")
  }
}
