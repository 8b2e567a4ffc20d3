import Checkpoints
import Collectives
import Datasets
import Evaluation
import Files
import Foundation
import Kernels
import Matrices
import Networks
import Profiling

/// Where a run starts from.
package enum ResumeRequest: Sendable, Equatable {
  case none
  /// The run's newest checkpoint that verifies, or a fresh start if there is none at all.
  case latest
  case path(String)
}

/// A whole run on all ranks: start or resume, iterate, evaluate, save, stop. Rank 0 alone touches the run directory.
package final class TrainingRun {
  let configuration: Configuration
  let dataset: GZSLDataset
  let communicator: any Communicator
  let trainer: Trainer
  let version: String
  let log: (String) -> Void
  /// Rank 0 only.
  private var directory: RunDirectory?
  var writer: BackgroundWriter?
  private var events: EventFileWriter?
  var records: [EvaluationRecord] = []
  var failedSaves = 0
  var lastSaved = -1
  /// What the run continues, until every rank has its part.
  private var restored: LoadedCheckpoint?
  private let start = ContinuousClock().now

  /// - Parameter log: prints a line; called on rank 0.
  /// - Throws: `ConfigurationError`.
  package init(
    configuration: Configuration, dataset: GZSLDataset, communicator: any Communicator, version: String,
    log: @escaping (String) -> Void
  ) throws {
    self.configuration = configuration
    self.dataset = dataset
    self.communicator = communicator
    self.version = version
    self.log = log
    let model = try HybridModel(
      sizes: configuration.modelSizes(
        feature: dataset.features.featureSize, attribute: dataset.descriptors.columnCount),
      context: ProductContext(precision: configuration.precision), memory: communicator.hostStorage)
    trainer = try Trainer(
      configuration: configuration, dataset: dataset, model: model, communicator: communicator)
    // Ranks of a host share the parameters: another's initial ones would overwrite what rank 0 restores.
    if communicator.isFirstOfHost { model.initialise(trainer.source) }
  }

  /// Runs to the end, or to a signal that `StopSignal` has taken.
  ///
  /// - Parameters:
  ///   - directory: the run's directory, on rank 0.
  ///   - configText: what `config.yaml` is to hold.
  /// - Returns: `.done`, or `.stoppedResumable` once everything is saved after a signal.
  /// - Throws: `CheckpointError`, `CheckpointMismatch`, `NonFiniteError`, `RankDisagreement`, `FileError`, `CollectiveError`.
  package func run(directory: RunDirectory?, resume: ResumeRequest, configText: String) throws -> ExitStatus {
    self.directory = directory
    writer = directory.map { BackgroundWriter(store: $0.checkpoints) }
    // Whatever ends the run, a save under way is not cut off, and its failure is told beside the run's own.
    defer {
      if case .failure(let error) = writer?.finish() {
        log("warning: the checkpoint under way was not saved: \(error)")
      }
    }
    try communicator.onRoot {
      try self.restore(resume)
      try self.directory?.write("config.yaml", text: configText)
    }
    trainer.restore(iteration: try trainer.step.share(restored, iteration: trainer.iteration))
    restored = nil
    if configuration.watchdog > 0 && communicator.rankCount > 1 {
      Watchdog.start(
        seconds: configuration.watchdog, name: "rank \(communicator.rank) of \(communicator.rankCount)")
    }
    describe()
    var lastLine = ContinuousClock().now - .seconds(10)
    while trainer.iteration < trainer.lastIteration {
      let report = try trainer.runIteration()
      let isLast = trainer.iteration == trainer.lastIteration
      if communicator.isRoot {
        try self.directory?.append("metrics.jsonl", line: report.json)
        try writeEvents(report.scalars, step: report.iteration)
        if ContinuousClock().now - lastLine > .seconds(2) || isLast {
          log(progress(report))
          try events?.flush()
          lastLine = ContinuousClock().now
        }
      }
      let signals = try communicator.sum(StopSignal.number != 0 ? 1 : 0)
      let isDue = { (interval: Interval) in
        interval.isDue(after: self.trainer.iteration, iterationsPerEpoch: self.trainer.iterationsPerEpoch)
      }
      let evaluates = isDue(configuration.evaluateEvery) && !isLast && signals == 0
      if evaluates { try Heartbeat.patiently(evaluate) }
      // A figure chosen on validation needs its model.
      if signals > 0 || isLast || isDue(configuration.checkpointEvery)
        || (evaluates && configuration.select == .validation)
      {
        try save(mustSucceed: signals > 0 || isLast)
      }
      if signals > 0 && !isLast {
        if communicator.isRoot {
          log(
            "stopped by a signal after iteration \(trainer.iteration), everything is saved; continue with --resume latest"
          )
        }
        return .stoppedResumable
      }
    }
    // A finished run that is resumed has its last evaluation already.
    let isEvaluated = try communicator.sum(records.last?.iteration == trainer.iteration ? 1 : 0) > 0
    if !isEvaluated { try Heartbeat.patiently(evaluate) }
    if communicator.isRoot { log("\n" + results().table) }
    return .done
  }

  // MARK: Starting

  /// Rank 0: finds, verifies and takes over a checkpoint.
  private func restore(_ resume: ResumeRequest) throws {
    guard let directory else { return }
    var found: LoadedCheckpoint?
    switch resume {
    case .none: break
    case .path(let path): found = try CheckpointStore.load(path: path)
    case .latest:
      if let (checkpoint, warnings) = try directory.checkpoints.newestValid() {
        warnings.forEach { log("warning: \($0)") }
        found = checkpoint
      } else {
        log("no checkpoint yet in \(directory.path): starting afresh")
      }
    }
    let iteration = found?.iteration ?? 0
    if let checkpoint = found {
      try check(checkpoint)
      try trainer.step.restore(from: checkpoint)
      trainer.restore(iteration: iteration)
      restored = checkpoint
      lastSaved = iteration
      // Later checkpoints belong to work that is about to be done again; they are set aside, not removed.
      try directory.checkpoints.abandon(after: iteration).forEach { log("note: \($0)") }
      log("resuming \(checkpoint.path) after iteration \(iteration)")
    }
    events = try directory.openEvents(firstStep: iteration > 0 ? iteration + 1 : 0)
    for name in ["metrics.jsonl", "evaluations.jsonl"] { try directory.truncate(name, after: iteration) }
    let text = FileManager.default.contents(atPath: directory.path + "/evaluations.jsonl") ?? Data()
    records = text.split(separator: UInt8(ascii: "\n")).compactMap {
      try? JSONDecoder().decode(EvaluationRecord.self, from: Data($0))
    }
  }

  private func check(_ checkpoint: LoadedCheckpoint) throws {
    var differences: [String] = []
    // An option that did not exist when the checkpoint was written had what is the default now.
    let defaults = Dictionary(uniqueKeysWithValues: Configuration().resolved.map { ($0.name, $0.value) })
    for (name, value) in configuration.trajectory {
      let old = checkpoint.state["--" + name] ?? defaults[name]
      if old != value { differences.append("\(name) was \(old ?? "unknown") and is \(value)") }
    }
    if checkpoint.identity.datasetDigest != dataset.contentDigest {
      differences.append("the data set is another one (digest \(dataset.contentDigest.prefix(12)))")
    }
    if !differences.isEmpty { throw CheckpointMismatch(path: checkpoint.path, differences: differences) }
  }

  // MARK: Evaluating

  private func evaluate() throws {
    try trainer.step.waitForParameters()
    let evaluation = GZSLEvaluation(
      model: trainer.step.model, communicator: communicator, classifier: configuration.classifierSettings,
      syntheticPerClass: configuration.syntheticPerClass, source: trainer.source)
    func run(_ task: GZSLTask, draw: Int) throws -> EvaluationResult? {
      try evaluation.run(
        task, features: dataset.features, labels: dataset.labels, descriptors: dataset.descriptors, drawNumber: draw)
    }
    let test = try run(dataset.test, draw: 2 * trainer.iteration)
    let validation = try dataset.validation.flatMap { try run($0, draw: 2 * trainer.iteration + 1) }
    try communicator.onRoot {
      guard let test, let directory = self.directory else { return }
      let record = EvaluationRecord(
        iteration: trainer.iteration, epoch: epoch, test: test, validation: validation)
      records.append(record)
      let line = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
      try directory.append("evaluations.jsonl", line: line)
      let figures = [
        ("test/unseen", test.last.unseen), ("test/seen", test.last.seen), ("test/harmonic", test.last.harmonic),
        ("test/zsl", test.zsl),
      ]
      try writeEvents(
        figures + (validation.map { [("validation/harmonic", $0.best.harmonic)] } ?? []), step: trainer.iteration)
      try events?.flush()
      try directory.write("results.json", text: try results().json())
      log(
        String(
          format: "evaluation after iteration %d: U %.1f  S %.1f  H %.1f  T1 %.1f", trainer.iteration,
          100 * test.last.unseen, 100 * test.last.seen, 100 * test.last.harmonic, 100 * test.zsl))
    }
  }

  private func writeEvents(_ scalars: [(tag: String, value: Double)], step: Int) throws {
    for (tag, value) in scalars { try events?.scalar(tag, Float(value), step: step) }
  }

  private func results() -> Results {
    Results(
      records: records, dataset: dataset, configuration: configuration, ranks: communicator.rankCount,
      seconds: seconds, version: version)
  }

  var epoch: Int { (trainer.iteration + trainer.iterationsPerEpoch - 1) / trainer.iterationsPerEpoch }
  private var seconds: Double { (ContinuousClock().now - start) / .seconds(1) }

  // MARK: Telling

  private func describe() {
    guard communicator.isRoot else { return }
    dataset.notes.forEach { log("note: \($0)") }
    let perRank = trainer.step.rankRows.tree.partition(rankCount: communicator.rankCount).map(\.count).max() ?? 0
    log(
      "\(dataset.trainingRows.count) training rows of \(dataset.trainingClasses.count) classes, "
        + "\(dataset.test.unseenClasses.count) unseen; batch \(configuration.batchSize) over \(communicator.rankCount) "
        + "rank(s), \(perRank) rows each; \(trainer.iterationsPerEpoch) iterations an epoch, to iteration "
        + "\(trainer.lastIteration)")
  }

  private func progress(_ report: IterationReport) -> String {
    let left = Double(trainer.lastIteration - report.iteration) * report.seconds
    return String(
      format: "iteration %d/%d epoch %d  W %.4f gp %.4f ins %.4f cls %.4f | G adv %.4f ins %.4f cls %.4f | "
        + "%.0f samples/s, %.0f s left", report.iteration, trainer.lastIteration, report.epoch,
      report.critic.wasserstein, report.critic.penalty, report.critic.instance, report.critic.class,
      report.generator.adversarial, report.generator.instance, report.generator.class, report.samplesPerSecond, left)
  }
}
