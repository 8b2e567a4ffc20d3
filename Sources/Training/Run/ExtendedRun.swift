import Checkpoints
import Evaluation
import Files
import Models

/// A run directory whose only checkpoint is that of another run with other classes: parameters and optimizer are copied, the final
/// softmaxes are new. It was trained on no data set with these classes, so `train --resume` refuses to go on from it.
package struct ExtendedRun {
  /// Of a checkpoint's state: the directory of the checkpoint that it was made from.
  package static let originKey = "extended_from"

  private let origin: LoadedCheckpoint
  private let data: ClassesFile
  private let classifiers: FinalClassifiers
  private let configuration: Configuration
  private let programVersion: String

  /// - Parameters:
  ///   - origin: loaded with all of its files.
  ///   - data: of the model that it holds, with the new classes.
  ///   - classifiers: for these classes.
  ///   - configuration: which they were trained with.
  package init(
    _ origin: LoadedCheckpoint, data: ClassesFile, classifiers: FinalClassifiers, configuration: Configuration,
    programVersion: String
  ) {
    precondition(classifiers.generalized.classCount == data.classes.count)
    self.origin = origin
    self.data = data
    self.classifiers = classifiers
    self.configuration = configuration
    self.programVersion = programVersion
  }

  /// Makes the run directory, whole or not at all.
  ///
  /// - Parameter configText: of `config.yaml`.
  /// - Throws: `PathTaken`, `StorageError`, `CheckpointError.readBackDiffers`.
  package func write(to path: String, configText: String) throws {
    let checkpoint = try checkpoint()
    try NewPath.folder(path) { folder in
      let run = try RunDirectory(path: folder, keep: 2, isResuming: false)
      try run.write("config.yaml", text: configText)
      _ = try run.checkpoints.save(checkpoint)
    }
  }

  private func checkpoint() throws -> Checkpoint {
    let options = configuration.trajectory + configuration.classifierOptions
    let maker = ClassifierFile.Maker(
      programVersion: programVersion, iteration: origin.iteration, epoch: origin.epoch,
      datasetDigest: data.origin.datasetDigest,
      options: Dictionary(uniqueKeysWithValues: options.map { ($0.name, $0.value) }))
    var state = origin.state
    state[Self.originKey] = origin.path
    // No data set has this digest.
    var digest = Digest()
    digest.add(data.origin.datasetDigest + "\n" + data.classes.names.joined(separator: "\n"))
    let identity = origin.identity
    return Checkpoint(
      iteration: origin.iteration, epoch: origin.epoch,
      identity: CheckpointIdentity(
        datasetDigest: digest.hexadecimal(), configurationDigest: identity.configurationDigest,
        codeVersion: programVersion, rankCount: 1),
      state: state,
      parts: [
        .model: CheckpointPart(origin.model), .optimizer: CheckpointPart(origin.optimizer),
        .classes: try data.part(),
        .classifier: try ClassifierFile(classifiers: classifiers, figures: nil, maker: maker).part(),
      ])
  }
}
