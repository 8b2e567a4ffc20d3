import Files

/// What a checkpoint belongs to. Training goes on only where the digests are the same.
package struct CheckpointIdentity: Sendable, Equatable {
  package let datasetDigest: String
  package let configurationDigest: String
  package let codeVersion: String
  /// Ranks that took part; a note only, any number may resume.
  package let rankCount: Int

  package init(datasetDigest: String, configurationDigest: String, codeVersion: String, rankCount: Int) {
    self.datasetDigest = datasetDigest
    self.configurationDigest = configurationDigest
    self.codeVersion = codeVersion
    self.rankCount = rankCount
  }
}

/// The tensor files of a checkpoint, in the order in which its manifest lists them. These are the only names that its directory holds
/// beside the manifest, so that no name from a file ever becomes a path.
package enum CheckpointFile: String, Sendable, CaseIterable {
  /// All parameters.
  case model = "model.safetensors"
  /// What training needs besides, to go on.
  case optimizer = "optimizer.safetensors"
  /// What using the model needs of the data set: scaler, names and descriptors of its classes. Absent from checkpoints of versions
  /// that did not save it, until they are completed.
  case classes = "classes.safetensors"
  /// The final softmaxes. Absent where nothing was evaluated.
  case classifier = "classifier.safetensors"

  /// Without them a run cannot go on.
  package var isRequired: Bool { self == .model || self == .optimizer }
}

/// The contents of a tensor file.
package struct CheckpointPart: Sendable {
  package let tensors: [Tensor]
  package let metadata: [String: String]

  package init(_ tensors: [Tensor], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// The contents of a file that was loaded, to be saved again.
  package init(_ file: SafetensorsFile) { self.init(file.tensors, metadata: file.metadata) }
}

/// Everything that a run needs to go on after `iteration`, and that others need to use its model.
package struct Checkpoint: Sendable {
  /// Iterations that are done, from 0.
  package let iteration: Int
  package let epoch: Int
  package let identity: CheckpointIdentity
  /// Further facts, in the caller's own words: the sampler's position, the learning rate, …
  package let state: [String: String]
  /// At least those that are required. Tensors of the others are not written to any more.
  package let parts: [CheckpointFile: CheckpointPart]

  package init(
    iteration: Int, epoch: Int, identity: CheckpointIdentity, state: [String: String],
    parts: [CheckpointFile: CheckpointPart]
  ) {
    precondition(iteration >= 0 && epoch >= 0, "a checkpoint of iteration \(iteration), epoch \(epoch)")
    precondition(
      CheckpointFile.allCases.allSatisfy { !$0.isRequired || parts[$0] != nil }, "a checkpoint with \(parts.keys)")
    self.iteration = iteration
    self.epoch = epoch
    self.identity = identity
    self.state = state
    self.parts = parts
  }
}

/// What a checkpoint says of itself.
package struct CheckpointSummary: Sendable {
  /// The checkpoint's directory.
  package let path: String
  package let iteration: Int
  package let epoch: Int
  package let identity: CheckpointIdentity
  package let state: [String: String]
  /// Bytes of the files that it has.
  package let sizes: [CheckpointFile: Int]

  /// Whether its model can be used without the data set.
  package var isComplete: Bool { CheckpointFile.allCases.allSatisfy { sizes[$0] != nil } }
}

/// A checkpoint, or some files of it, whose every byte was compared with its manifest.
@dynamicMemberLookup
package struct LoadedCheckpoint: Sendable {
  package let summary: CheckpointSummary
  /// Those that were asked for, as far as the checkpoint has them.
  let files: [CheckpointFile: SafetensorsFile]

  package subscript<Value>(dynamicMember path: KeyPath<CheckpointSummary, Value>) -> Value { summary[keyPath: path] }

  package var model: SafetensorsFile { required(.model) }
  package var optimizer: SafetensorsFile { required(.optimizer) }
  /// nil: not in this checkpoint, or not asked for.
  package subscript(file: CheckpointFile) -> SafetensorsFile? { files[file] }

  private func required(_ file: CheckpointFile) -> SafetensorsFile {
    guard let loaded = files[file] else { preconditionFailure("\(file.rawValue) was not asked for") }
    return loaded
  }
}

/// Where a save went, and what went wrong beside it without harming it.
package struct SavedCheckpoint: Sendable {
  package let path: String
  /// One line each, for the log.
  package let warnings: [String]

  package init(path: String, warnings: [String]) {
    self.path = path
    self.warnings = warnings
  }
}

/// The checkpoint that did best so far, by the caller's figure.
package struct BestCheckpoint: Sendable, Equatable {
  package let iteration: Int
  package let figure: Double
  package let path: String
}
