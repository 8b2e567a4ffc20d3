import ArgumentParser
import Checkpoints
import Collectives
import Datasets
import Evaluation
import Files
import Foundation
import Kernels
import Matrices
import Models
import Networks
import Training

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Evaluate a checkpoint on a data set: synthesise unseen features, make the head, print U, S, H, T1, AUSUC and baselines.",
    discussion: """
      The checkpoint's own options hold, where the command line does not change them. A checkpoint that lacks its classes
      or its classifiers gets them, so that its model can be used without the data set: one of a run that was stopped, or
      that an earlier version saved. Of a run directory, the best checkpoint is completed too, and figures.json is written anew
      where the options are the run's. The head's constants and γ are those that the run chose.

      \(ConfigurationOptions.help)
      """)

  @Option(help: "Folder with the feature file and the descriptor file, or an .npz file with everything.")
  var data: String
  @Option(help: "A checkpoint directory, or a run directory for its newest checkpoint.")
  var checkpoint: String
  @Option(help: "Write the results here as JSON.")
  var output: String?
  @Option(help: ArgumentHelp("Write every test row with its answers here.", valueName: "file.csv"))
  var predictions: String?
  @Option(
    help: ArgumentHelp("Write curve, classes and confusion here, as figures.json has them.", valueName: "file.json"))
  var figures: String?
  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var threadOptions: ThreadOptions

  /// Settings that matter here; the others are recorded as the run had them.
  private static let used: Set<String> = {
    let (all, configuration) = (Settings.all, Configuration())
    let names = [
      all.preset.name, all.features.name, all.classEmbedding.name, all.firstLabel.name, all.firstRow.name,
      all.noiseSize.name,
      all.generatorWidth.name, all.criticWidth.name, all.embeddingSize.name, all.projectionSize.name,
      all.comparatorWidth.name, all.embedding.name, all.select.name, all.seed.name, all.precision.name,
    ]
    return Set(names + configuration.classifierOptions.map(\.name))
  }()

  func run() throws {
    try withRanks(threads: threadOptions.threads) { communicator in
      try OutputFile.requireApart(outputs: [output, predictions, figures], inputs: [data, checkpoint])
      let idle = try options.unused(Self.used, by: Self.self)
      if !idle.isEmpty, communicator.isRoot {
        writeError("note: evaluate does not train; without effect: \(idle.map { "--" + $0 }.joined(separator: ", "))")
      }
      let (asked, best) = try find()
      try evaluate(asked, isAsked: true, communicator)
      if let best { try evaluate(best, isAsked: false, communicator) }
      return .done
    }
  }

  /// The checkpoint that was asked for and, of a run, the best one if it is another and has to be completed.
  private func find() throws -> (asked: LoadedCheckpoint, best: LoadedCheckpoint?) {
    let files = CheckpointChoice.filesForUse
    guard !FileManager.default.fileExists(atPath: checkpoint + "/manifest.json") else {
      return (try CheckpointStore.load(path: checkpoint, files: files), nil)
    }
    guard FileManager.default.fileExists(atPath: checkpoint) else { throw CheckpointError.missing(path: checkpoint) }
    guard FileManager.default.fileExists(atPath: checkpoint + "/checkpoints"),
      let (newest, warnings) = try CheckpointStore.newestValid(runDirectory: checkpoint, files: files)
    else {
      throw CheckpointError.damaged(path: checkpoint, reason: "it is neither a checkpoint nor a run with one")
    }
    warnings.forEach { writeError("warning: \($0)") }
    let best = try CheckpointStore.best(runDirectory: checkpoint)
    guard let best, best.iteration != newest.iteration else { return (newest, nil) }
    let loaded = try CheckpointStore.load(path: best.path, files: files)
    return (newest, loaded.isComplete ? nil : loaded)
  }

  /// - Parameter isAsked: print the table; else a line.
  private func evaluate(_ loaded: LoadedCheckpoint, isAsked: Bool, _ communicator: any Communicator) throws {
    let base = try EvaluationBase(loaded)
    let configuration = try base.configuration(options, of: Self.self, used: Self.used).used
    try requireAgreement(
      [("checkpoint", loaded.model.digest.sha256)]
        + configuration.resolved.map { ("--" + $0.name, $0.value) },
      subject: "checkpoint or configuration", cure: "Give every host the same files and options.", communicator)
    try configuration.precision.requireSupport()
    let dataset = try GZSLDataset.load(folder: data, options: configuration.dataOptions)
    let model = HybridModel(
      sizes: configuration.modelSizes(
        feature: dataset.features.featureSize, attribute: dataset.descriptors.columnCount),
      context: ProductContext(precision: configuration.precision))
    do { try model.restore(from: loaded.model) } catch let error as SafetensorsError {
      // One of a list, which has its own full stop.
      let problem = "\(error.problem)"
      throw CheckpointMismatch(
        path: loaded.path, differences: [problem.hasSuffix(".") ? String(problem.dropLast()) : problem])
    }
    let evaluation = GZSLEvaluation(
      model: model, communicator: communicator, classifier: configuration.classifierSettings,
      syntheticPerClass: configuration.syntheticPerClass, source: RandomSource(seed: UInt64(configuration.seed)))
    AllocatorSettings.keepFreedMemory()
    let start = ContinuousClock().now
    let baselines = communicator.isRoot ? Baselines(dataset, withESZSL: false, context: model.context) : nil
    let constants = try base.constants(configuration, withoutNetwork: baselines?.headConstants ?? [:])
    let evaluated = try evaluation.run(dataset, iteration: loaded.iteration, .given(constants))
    try communicator.onRoot {
      guard let evaluated, let baselines else { return }
      let notes = strangeness(of: dataset, to: loaded)
      let results = Results(
        records: [EvaluationRecord(evaluated, iteration: loaded.iteration, epoch: loaded.epoch)],
        validation: configuration.select == .validation ? base.selection : nil, baselines: baselines, notes: notes,
        Results.Origin(
          dataset: dataset, configuration: configuration, ranks: communicator.rankCount,
          seconds: (ContinuousClock().now - start) / .seconds(1), program: try Build.identity()))
      if isAsked {
        printNotes(results.notes)
        print(results.table)
        let figures = FiguresFile(evaluated, dataset, baselines: baselines, iteration: loaded.iteration)
        try write(
          results, figures, PredictionsFile(evaluated, dataset),
          isOfRun: base.differences(configuration, datasetDigest: dataset.contentDigest).isEmpty)
      }
      complete(loaded, base, evaluated, dataset, configuration)
    }
  }

  /// In what data are not those that a checkpoint's model was made for.
  private func strangeness(of dataset: GZSLDataset, to loaded: LoadedCheckpoint) -> [String] {
    guard loaded.isComplete, let classes = try? loaded[.classes].map(ClassesFile.init)?.classes else { return [] }
    let (own, given) = (Set(classes.names), Set(dataset.classNames))
    guard own == given else {
      return [
        "the model answers with other classes than these data have: \(own.subtracting(given).count) of its \(own.count) are not there, and "
          + "\(given.subtracting(own).count) are there that it lacks. The figures are those of a head for the data's classes."
      ]
    }
    return loaded.summary.identity.datasetDigest == dataset.contentDigest
      ? [] : ["these data are not those that the model was trained on: features, labels, descriptors or rows differ."]
  }

  /// - Parameter isOfRun: whether the figures are those that the checkpoint's run would have.
  private func write(_ results: Results, _ figures: FiguresFile, _ rows: PredictionsFile, isOfRun: Bool) throws {
    if let output { try OutputFile.text(output) { try $0(try results.json()) } }
    if let path = predictions { try OutputFile.text(path) { try $0(rows.text()) } }
    if let path = self.figures { try OutputFile.text(path) { try $0(try figures.json()) } }
    // Of a run that goes on meanwhile, its own process writes them.
    guard isOfRun, FileManager.default.fileExists(atPath: checkpoint + "/checkpoints"),
      (try? RunLock.requireFree(runDirectory: checkpoint)) != nil
    else { return }
    do {
      try DurableFile.replace("\(checkpoint)/\(FiguresFile.fileName)", contents: Array(try figures.json().utf8))
    } catch {
      writeError("warning: \(checkpoint) stays without new figures: \(error)")
    }
  }

  /// Adds what a checkpoint lacks. That it cannot be done is told, and no failure: the figures are there.
  private func complete(
    _ loaded: LoadedCheckpoint, _ base: EvaluationBase, _ evaluated: Evaluated, _ dataset: GZSLDataset,
    _ configuration: Configuration
  ) {
    if loaded.isComplete { return }
    let differences = base.differences(configuration, datasetDigest: dataset.contentDigest)
    guard differences.isEmpty else {
      printNotes(["\(loaded.path) stays without its classifiers: \(differences.joined(separator: "; "))"])
      return
    }
    let parts = ModelParts(dataset: dataset, configuration: configuration, programVersion: Build.version)
    do {
      let added: [CheckpointFile: CheckpointPart] = [
        .classes: try parts.classes(),
        .classifier: try parts.classifier(evaluated, iteration: loaded.iteration, epoch: loaded.epoch),
      ]
      if try CheckpointStore.complete(path: loaded.path, with: added) {
        print("completed \(loaded.path): its classes and classifiers are saved with it")
      }
    } catch {
      writeError("warning: \(loaded.path) stays without its classifiers: \(error)")
    }
  }
}
