import Checkpoints
import Collectives
import Datasets
import Evaluation
import Files
import Kernels
import Matrices
import Models
import Networks
import Profiling

/// A run's iterations on all ranks: start or resume, iterate, evaluate, save, stop. Rank 0 alone touches the run directory.
package final class TrainingRun {
  private let configuration: Configuration
  private let dataset: GZSLDataset
  private let communicator: any Communicator
  private let trainer: Trainer
  private let program: ProgramIdentity
  private let parts: ModelParts
  private let screen: Screen
  private let phase: RunPhase
  /// Of this run.
  private let lastIteration: Int
  private let policy: SavePolicy
  private let start = ContinuousClock().now
  /// Rank 0 only.
  private var recorder: RunRecorder?
  private var saver: CheckpointSaver?
  /// Where the run's checkpoints are, or the one that it goes on from until it has one of its own; rank 0 only.
  private var checkpoints: CheckpointStore?
  private var restoredPath: String?
  /// The classifiers of the newest evaluation, for the checkpoint of its iteration.
  private var classifier: (iteration: Int, part: CheckpointPart)?
  /// Made with the first evaluation.
  private lazy var baselines = Baselines(dataset, withESZSL: false, context: trainer.step.model.context)

  /// - Parameters:
  ///   - dataset: its test task is what is evaluated.
  ///   - screen: rank 0 prints there.
  /// - Throws: `BatchError`, `SharedMemoryError`, `CollectiveError`.
  package init(
    configuration: Configuration, dataset: GZSLDataset, communicator: any Communicator, program: ProgramIdentity,
    phase: RunPhase = .final(nil), screen: Screen
  ) throws {
    self.phase = phase
    self.configuration = configuration
    self.dataset = dataset
    self.communicator = communicator
    self.program = program
    parts = ModelParts(dataset: dataset, configuration: configuration, programVersion: program.version)
    self.screen = screen
    let model = try HybridModel(
      sizes: configuration.modelSizes(
        feature: dataset.features.featureSize, attribute: dataset.descriptors.columnCount),
      context: ProductContext(precision: configuration.precision), memory: communicator.hostStorage)
    trainer = try Trainer(
      configuration: configuration, dataset: dataset, model: model, communicator: communicator)
    lastIteration =
      switch phase {
      case .final(let choice?):
        choice.iterations(iterationsPerEpoch: trainer.iterationsPerEpoch, bound: configuration.maxIterations)
      case .final(nil), .selecting: trainer.lastIteration
      }
    policy = SavePolicy(
      configuration, iterationsPerEpoch: trainer.iterationsPerEpoch, lastIteration: lastIteration,
      phase: phase)
    // Ranks of a host share the parameters: another's initial ones would overwrite what rank 0 restores.
    if communicator.isFirstOfHost { model.initialise(trainer.source) }
  }

  /// Runs to the end, or to a signal that `StopSignal` has taken.
  ///
  /// - Parameters:
  ///   - directory: the run's directory, on rank 0.
  ///   - config: what `config.yaml` is to hold, and what it held.
  ///   - begins: called on rank 0 once nothing speaks against the run, before it writes anything.
  /// - Returns: `.done`, or `.stoppedResumable` once everything is saved after a signal.
  /// - Throws: `CheckpointError`, `CheckpointMismatch`, `EvaluationMismatch`, `NonFiniteError`, `NonFiniteClassifier`,
  ///   `RankDisagreement`, `FileError`, `CollectiveError`.
  package func run(
    directory: RunDirectory?, resume: ResumeRequest, config: RunConfigText, begins: () throws -> Void = {}
  ) throws -> ExitStatus {
    defer { saver?.end() }
    guard try begin(directory, resume: resume, config: config, begins) else {
      if communicator.isRoot {
        log(
          "the run is after iteration \(trainer.iteration) already, and these options end it after iteration "
            + "\(lastIteration): nothing is done or changed. Give more --epochs or --max-iterations to go on; 'cegzsl show' "
            + "prints what is there.")
      }
      return .done
    }
    do { return try work() } catch var error as NonFiniteError {
      error.checkpoint = goodCheckpoint
      throw error
    } catch var error as NonFiniteClassifier {
      error.checkpoint = goodCheckpoint
      throw error
    }
  }

  /// On rank 0, which speaks for all, the newest checkpoint.
  private var goodCheckpoint: String? {
    guard let checkpoints else { return nil }
    return saver?.newestSaved().map { checkpoints.path(iteration: $0) } ?? restoredPath
  }

  /// What is between the start and the end of a run.
  private func work() throws -> ExitStatus {
    if communicator.isRoot {
      RunDescription(trainer, configuration, dataset, lastIteration: lastIteration).lines.forEach(log)
    }
    guard try iterate() else {
      if communicator.isRoot {
        log(
          "stopped by a signal after iteration \(trainer.iteration), everything is saved; continue with --resume latest"
        )
      }
      return .stoppedResumable
    }
    try end()
    if let recorder, !phase.isSelecting { log("\n" + results(recorder.records).table) }
    return .done
  }

  private func log(_ line: String) { screen.line(line) }

  /// On rank 0, what a phase that selects has found; nil elsewhere.
  package var selection: SelectionRecord? {
    guard let recorder, phase.isSelecting else { return nil }
    return SelectionRecord(
      recorder.records, iterationsPerEpoch: trainer.iterationsPerEpoch, lastIteration: lastIteration)
  }

  // MARK: Parts of a run

  /// Rank 0 finds, verifies and takes over a checkpoint, and opens the run's record; then every rank gets its part of the state.
  ///
  /// - Returns: false for a checkpoint beyond the last iteration: nothing was changed.
  private func begin(
    _ directory: RunDirectory?, resume: ResumeRequest, config: RunConfigText, _ begins: () throws -> Void
  ) throws -> Bool {
    var restored: LoadedCheckpoint?
    try communicator.onRoot {
      guard let directory else { return }
      if let checkpoint = try resume.checkpoint(of: directory, log: screen.line) {
        try checkpoint.summary.requireFit(configuration, datasetDigest: dataset.contentDigest)
        if checkpoint.iteration > lastIteration {
          trainer.restore(iteration: checkpoint.iteration)
          return
        }
        try directory.requireSameClassifiers(configuration, earlier: config.earlier, checkpoint: checkpoint)
        try trainer.step.restore(from: checkpoint)
        trainer.restore(iteration: checkpoint.iteration)
        (restored, restoredPath) = (checkpoint, checkpoint.path)
        // Later checkpoints belong to work that is about to be done again; they are set aside, not removed.
        try directory.checkpoints.abandon(after: checkpoint.iteration).forEach { log("note: \($0)") }
        log("resuming \(checkpoint.path) after iteration \(checkpoint.iteration)")
      }
      if restored == nil && !configuration.initial.paths.isEmpty {
        let weights = try InitialWeights(configuration.initial.paths, for: trainer.step.model)
        try trainer.step.restore(from: weights)
        weights.notes.forEach { log("note: \($0.forTerminal)") }
      }
      try begins()
      saver = CheckpointSaver(
        writer: BackgroundWriter(store: directory.checkpoints),
        savedIteration: restored.flatMap { directory.checkpoints.holds($0.path) ? $0.iteration : nil }, log: screen.line
      )
      checkpoints = directory.checkpoints
      recorder = try RunRecorder(
        directory: directory, after: trainer.iteration, configText: config.text, screen: screen,
        results: phase.isSelecting ? nil : results)
    }
    trainer.restore(iteration: try trainer.step.share(restored, iteration: trainer.iteration))
    return trainer.iteration <= lastIteration
  }

  /// Returns whether the run's last iteration is done: false after a signal.
  private func iterate() throws -> Bool {
    while trainer.iteration < lastIteration {
      let report = try trainer.runIteration()
      try recorder?.record(report, lastIteration: lastIteration)
      let isStopping = try communicator.sum(StopSignal.number != 0 ? 1 : 0) > 0
      let due = policy.due(after: trainer.iteration, isStopping: isStopping)
      if due.evaluates { try evaluate() }
      if due.saves { try save(mustSucceed: due.mustSucceed) }
      if isStopping && trainer.iteration < lastIteration { return false }
    }
    return true
  }

  /// The last checkpoint and the last evaluation, where a run that is resumed does not have them already.
  private func end() throws {
    let (iteration, root) = (trainer.iteration, communicator.isRoot)
    let lacks = try communicator.sum([
      root && saver?.savedIteration != iteration ? 1 : 0,
      root && recorder?.records.last?.iteration != iteration ? 1 : 0,
    ])
    // As it may go on from another run's checkpoint, or be of no iteration at all.
    if lacks[0] > 0 { try save(mustSucceed: true) }
    if lacks[1] > 0 { try evaluate() }
  }

  private func evaluate() throws {
    try Heartbeat.patiently {
      try trainer.step.waitForParameters()
      let evaluation = GZSLEvaluation(
        model: trainer.step.model, communicator: communicator, classifier: configuration.classifierSettings,
        syntheticPerClass: configuration.syntheticPerClass, source: trainer.source)
      let evaluated = try evaluation.run(dataset, iteration: trainer.iteration, plan)
      try communicator.onRoot {
        guard let evaluated, let recorder, let saver else { return }
        let (iteration, epoch) = (trainer.iteration, trainer.epoch)
        let record = EvaluationRecord(evaluated, iteration: iteration, epoch: epoch)
        let part = try parts.classifier(evaluated, iteration: iteration, epoch: epoch)
        // The last checkpoint is saved already. It gets its classifiers before the figures are told: where there are figures, there is what
        // found them, whenever a crash comes.
        if saver.savedIteration == iteration {
          try saver.complete(
            iteration: iteration, with: [.classes: parts.classes(), .classifier: part],
            best: bestFigure(among: recorder.records + [record]))
        } else {
          classifier = (iteration, part)
        }
        if phase.isSelecting {
          // What was chosen can be looked at.
          let isChosen = (recorder.records + [record]).chosen?.iteration == iteration
          let files = isChosen ? ["validation.csv": PredictionsFile(evaluated, dataset).text()] : [:]
          return try recorder.record(record, files: files, results: nil)
        }
        let figures = FiguresFile(evaluated, dataset, baselines: baselines, iteration: iteration)
        try recorder.record(record, files: [FiguresFile.fileName: try figures.json()], results: results)
      }
    }
  }

  /// The head and its constants. Ranks other than 0 need to know its parts alone.
  private var plan: HeadPlan {
    switch phase {
    case .selecting: .choosing(configuration.head)
    case .final(let choice?): .given(choice.head)
    case .final(nil):
      // Constants of a head without a network are chosen without one, too.
      .given(
        (communicator.isRoot && configuration.head.needsNoNetwork ? baselines.headConstants[configuration.head] : nil)
          ?? HeadConstants(usual: configuration.head))
    }
  }

  /// Rank 0 saves, after all ranks have agreed on their state.
  private func save(mustSucceed: Bool) throws {
    try trainer.step.requireEqualReplicas(iteration: trainer.iteration)
    AllocatorSettings.returnUnusedMemory()
    let optimizerTensors = try trainer.step.optimizerTensors()
    // The other ranks may have to wait for rank 0's disk.
    try Heartbeat.patiently {
      try communicator.onRoot {
        guard let saver, let recorder else { return }
        try recorder.flush()
        try saver.save(
          iteration: trainer.iteration, best: bestFigure(among: recorder.records), mustSucceed: mustSucceed
        ) { try checkpoint(optimizerTensors) }
      }
    }
  }

  /// The figure by which validation rows choose the model of this iteration; nil if they do not.
  private func bestFigure(among records: [EvaluationRecord]) -> Double? {
    guard phase.isSelecting, let chosen = records.chosen, chosen.iteration == trainer.iteration else { return nil }
    return chosen.test.ausuc
  }

  private func checkpoint(_ optimizerTensors: [Tensor]) throws -> Checkpoint {
    var state = trainer.step.counters
    for (name, value) in configuration.trajectory { state["--" + name] = value }
    var files: [CheckpointFile: CheckpointPart] = [
      .model: CheckpointPart(trainer.step.model.tensors), .optimizer: CheckpointPart(optimizerTensors),
      .classes: try parts.classes(),
    ]
    if let classifier, classifier.iteration == trainer.iteration { files[.classifier] = classifier.part }
    var digest = Digest()
    digest.add(configuration.trajectory.map { "\($0.name)=\($0.value)" }.joined(separator: "\n"))
    return Checkpoint(
      iteration: trainer.iteration, epoch: trainer.epoch,
      identity: CheckpointIdentity(
        datasetDigest: dataset.contentDigest, configurationDigest: digest.hexadecimal(), codeVersion: program.version,
        rankCount: communicator.rankCount), state: state,
      parts: files)
  }

  private func results(_ records: [EvaluationRecord]) -> Results {
    Results(
      records: records, validation: phase.choice, baselines: baselines,
      Results.Origin(
        dataset: dataset, configuration: configuration, ranks: communicator.rankCount,
        seconds: (ContinuousClock().now - start) / .seconds(1), program: program))
  }
}
