import Checkpoints
import Collectives
import Datasets
import Files
import Foundation
import Matrices

/// A whole run: one pass over the iterations or, with `--select validation`, two. The first trains on what is not held out, in a directory
/// of its own, and chooses; the second trains on all training rows with those choices, as a run does that was told them. Both resume.
package struct TrainingPhases {
  private let configuration: Configuration
  private let dataset: GZSLDataset
  private let communicator: any Communicator
  private let program: ProgramIdentity
  private let screen: Screen

  /// Of the first phase, in the run directory.
  package static let selectionFolder = "selection"

  /// - Parameter screen: rank 0 prints there.
  package init(
    configuration: Configuration, dataset: GZSLDataset, communicator: any Communicator, program: ProgramIdentity,
    screen: Screen
  ) {
    self.configuration = configuration
    self.dataset = dataset
    self.communicator = communicator
    self.program = program
    self.screen = screen
  }

  /// Runs to the end, or to a signal that `StopSignal` has taken. Every rank calls it.
  ///
  /// - Parameters:
  ///   - path: the run directory; rank 0 makes it.
  ///   - config: what `config.yaml` is to hold, and what it held.
  /// - Returns: `.done`, or `.stoppedResumable` once everything is saved after a signal.
  /// - Throws: `DatasetError` where nothing can be held out, `RunExists`, and what `TrainingRun` throws.
  package func run(_ path: String, resume: ResumeRequest, config: RunConfigText) throws -> ExitStatus {
    if communicator.rankCount > 1 {
      Watchdog.watch(
        seconds: configuration.watchdog, name: "rank \(communicator.rank) of \(communicator.rankCount)")
    }
    guard configuration.select == .validation else {
      let run = try training(dataset, .final(nil))
      return try run.run(
        directory: try open(path, isResuming: resume != .none), resume: resume, config: config)
    }
    let selecting = try dataset.selecting()
    let isOfFirst = resume.path.map { isInSelection($0, of: path) } ?? false
    var choice = isOfFirst ? nil : try known(path, selecting)
    // What is refused leaves no directory.
    var first = choice == nil ? try training(selecting, .selecting) : nil
    let directory = try open(path, isResuming: resume != .none)
    // Before the first phase takes its time.
    if resume == .latest { try communicator.onRoot { try requireSecondPhase(path) } }
    if let run = first {
      first = nil
      let (status, found) = try select(run, selecting, path, directory, resume: resume, config: config)
      guard status == .done, let found else { return status }
      choice = found
    }
    let own: ResumeRequest = isOfFirst ? .latest : resume
    let run = try training(dataset, .final(choice))
    return try run.run(directory: directory, resume: own, config: config)
  }

  private func training(_ dataset: GZSLDataset, _ phase: RunPhase) throws -> TrainingRun {
    try TrainingRun(
      configuration: configuration, dataset: dataset, communicator: communicator, program: program, phase: phase,
      screen: screen)
  }

  /// On rank 0.
  private func open(_ path: String, isResuming: Bool) throws -> RunDirectory? {
    var directory: RunDirectory?
    try communicator.onRoot {
      directory = try RunDirectory(path: path, keep: configuration.keep, isResuming: isResuming)
    }
    return directory
  }

  /// Earlier versions reported the model of what is the first phase now: a run of theirs is no second one.
  private func requireSecondPhase(_ path: String) throws {
    let newest = try CheckpointStore.list(runDirectory: path).lazy.compactMap { try? $0.get() }.first
    guard let newest else { return }
    guard newest.identity.datasetDigest != dataset.contentDigest else {
      return try newest.requireFit(configuration, datasetDigest: dataset.contentDigest)
    }
    throw CheckpointMismatch(
      path: newest.path,
      differences: [
        "it is of other training rows: other data, or --select validation of version 0.1 before there were two phases"
      ])
  }

  // MARK: The first phase

  /// What was chosen before, on every rank; nil where nothing was, or not among as many iterations as are asked for now.
  private func known(_ path: String, _ selecting: GZSLDataset) throws -> SelectionRecord? {
    let bytes = communicator.isRoot ? FileManager.default.contents(atPath: recordPath(path)) ?? Data() : Data()
    guard let record = SelectionRecord(try communicator.broadcast(Array(bytes))) else { return nil }
    return record.lastIteration == firstIterations(selecting) && record.head.head == configuration.head ? record : nil
  }

  private func recordPath(_ path: String) -> String { "\(path)/\(SelectionRecord.fileName)" }

  private func isInSelection(_ checkpoint: String, of path: String) -> Bool {
    let place = URL(fileURLWithPath: checkpoint).standardizedFileURL.path
    return place.hasPrefix(URL(fileURLWithPath: path + "/" + Self.selectionFolder).standardizedFileURL.path + "/")
  }

  private func perEpoch(_ dataset: GZSLDataset) -> Int {
    BatchSampler.iterationsPerEpoch(rowCount: dataset.trainingRows.count, batchSize: configuration.batchSize)
  }

  private func firstIterations(_ selecting: GZSLDataset) -> Int {
    configuration.lastIteration(iterationsPerEpoch: perEpoch(selecting))
  }

  private func select(
    _ run: TrainingRun, _ selecting: GZSLDataset, _ path: String, _ directory: RunDirectory?, resume: ResumeRequest,
    config: RunConfigText
  ) throws -> (ExitStatus, SelectionRecord?) {
    var own: RunDirectory?
    try communicator.onRoot {
      own = try RunDirectory(
        path: path + "/" + Self.selectionFolder, keep: configuration.keep, isResuming: resume != .none)
      tellCost(selecting)
    }
    let status = try run.run(directory: own, resume: resume, config: config) {
      // A run that is stopped in its first phase is one, too.
      guard let directory, !directory.holds("config.yaml", text: config.text) else { return }
      try directory.remove("results.json")
      try directory.write("config.yaml", text: config.text)
    }
    guard status == .done else { return (status, nil) }
    var bytes: [UInt8] = []
    try communicator.onRoot {
      guard let found = run.selection else { return }
      let text = try found.json()
      try directory?.write(SelectionRecord.fileName, text: text)
      bytes = Array(text.utf8)
      tell(found)
    }
    // Nothing where these options end the phase before what is there: it was told.
    return (.done, SelectionRecord(try communicator.broadcast(bytes)))
  }

  // MARK: What is told

  private func tellCost(_ selecting: GZSLDataset) {
    let (first, second) = (
      firstIterations(selecting), configuration.lastIteration(iterationsPerEpoch: perEpoch(dataset))
    )
    let evaluations = (1...max(first, 1)).count {
      $0 == first || configuration.evaluateEvery.isDue(after: $0, iterationsPerEpoch: perEpoch(selecting))
    }
    screen.line(
      "--select validation: two phases. The first: \(first) iterations on \(selecting.trainingRows.count) rows of "
        + "\(selecting.trainingClasses.count) classes, \(evaluations) evaluation(s) on \(selecting.test.seenRows.count) + "
        + "\(selecting.test.unseenRows.count) held-out rows. The second: at most \(second) iterations on all "
        + "\(dataset.trainingRows.count) training rows. Together at most "
        + String(format: "%.1f", Double(first + second) / Double(max(second, 1)))
        + " times the iterations of --select last")
    if evaluations == 1 {
      screen.line(
        "note: the number of epochs is not chosen, as --evaluate-every asks for no evaluation before the last")
    }
  }

  private func tell(_ found: SelectionRecord) {
    let parts = found.head.parts.map { part in
      let named = part.constants.named.map { $0.name + String(format: " %g", $0.value) }
      return part.part.rawValue + String(format: " %g", part.weight)
        + (named.isEmpty ? "" : " (\(named.joined(separator: ", ")))")
    }
    screen.line(
      "chosen on held-out classes: epoch \(found.epoch), head \(found.head.head.rawValue) = \(parts.joined(separator: " + "))"
        + (found.head.gamma.map { String(format: ", γ %.4g", $0) } ?? "")
        + (found.figures.ausuc.map { String(format: "; AUSUC there %.1f", 100 * $0) } ?? "")
        + ". Now all training rows are trained on anew")
  }
}

extension ResumeRequest {
  fileprivate var path: String? {
    if case .path(let path) = self { path } else { nil }
  }
}
