import ArgumentParser
import Checkpoints
import Collectives
import Datasets
import Evaluation
import Files
import Foundation
import Kernels
import Matrices
import Networks
import Training

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Evaluate a checkpoint on a data set: synthesise unseen features, train the softmax, print U, S, H, T1.",
    discussion: """
      The checkpoint's own options hold, where the command line does not change them.

      \(ConfigurationOptions.help)
      """)

  @Option(help: "Folder with the feature file and the descriptor file, or an .npz file with everything.")
  var data: String
  @Option(help: "A checkpoint directory, or a run directory for its newest checkpoint.")
  var checkpoint: String
  @Option(help: "Write the results here as JSON.")
  var output: String?
  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var threadOptions: ThreadOptions

  func run() throws {
    try withRanks(threads: threadOptions.threads) { communicator in
      let loaded = try find()
      // The checkpoint's own settings, with what the command line changes.
      let lines = loaded.options.map { "\($0.name): '\($0.value)'" }
      let configuration = try options.resolve(of: Self.self, base: (lines.joined(separator: "\n"), loaded.path))
      try requireAgreement(
        [("checkpoint", loaded.model.digest.sha256)]
          + configuration.resolved.map { ("--" + $0.name, $0.value) },
        subject: "checkpoint or configuration", cure: "Give every host the same files and options.", communicator)
      let dataset = try GZSLDataset.load(folder: data, options: configuration.dataOptions)
      let model = HybridModel(
        sizes: configuration.modelSizes(
          feature: dataset.features.featureSize, attribute: dataset.descriptors.columnCount),
        context: ProductContext(precision: configuration.precision))
      do { try model.restore(from: loaded.model) } catch let error as SafetensorsError {
        throw CheckpointMismatch(path: loaded.path, differences: ["\(error.problem)"])
      }
      let iteration = loaded.iteration
      let evaluation = GZSLEvaluation(
        model: model, communicator: communicator, classifier: configuration.classifierSettings,
        syntheticPerClass: configuration.syntheticPerClass, source: RandomSource(seed: UInt64(configuration.seed)))
      AllocatorSettings.keepFreedMemory()
      let start = ContinuousClock().now
      func evaluate(_ task: GZSLTask, draw: Int) throws -> EvaluationResult? {
        try evaluation.run(
          task, features: dataset.features, labels: dataset.labels, descriptors: dataset.descriptors, drawNumber: draw)
      }
      let test = try evaluate(dataset.test, draw: 2 * iteration)
      let validation = try dataset.validation.flatMap { try evaluate($0, draw: 2 * iteration + 1) }
      try communicator.onRoot {
        guard let test else { return }
        let results = Results(
          records: [
            EvaluationRecord(iteration: iteration, epoch: loaded.epoch, test: test, validation: validation)
          ], dataset: dataset, configuration: configuration, ranks: communicator.rankCount,
          seconds: (ContinuousClock().now - start) / .seconds(1), version: Build.version)
        dataset.notes.forEach { print("note: \($0)") }
        print(results.table)
        if let output { try DurableFile.replace(output, contents: Array(try results.json().utf8)) }
      }
      return .done
    }
  }

  private func find() throws -> LoadedCheckpoint {
    guard !FileManager.default.fileExists(atPath: checkpoint + "/manifest.json") else {
      return try CheckpointStore.load(path: checkpoint)
    }
    guard FileManager.default.fileExists(atPath: checkpoint + "/checkpoints"),
      let (loaded, warnings) = try CheckpointStore.newestValid(runDirectory: checkpoint)
    else {
      throw CheckpointError.damaged(path: checkpoint, reason: "it is neither a checkpoint nor a run with one")
    }
    warnings.forEach { writeError("warning: \($0)") }
    return loaded
  }
}
