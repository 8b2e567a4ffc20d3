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

/// Everything that a run needs to go on after `iteration`.
package struct Checkpoint: Sendable {
  /// Iterations that are done, from 0.
  package let iteration: Int
  package let epoch: Int
  package let identity: CheckpointIdentity
  /// Further facts, in the caller's own words: the sampler's position, the learning rate, …
  package let state: [String: String]
  /// Goes into `model.safetensors`.
  package let modelTensors: [Tensor]
  /// Goes into `optimizer.safetensors`.
  package let optimizerTensors: [Tensor]

  package init(
    iteration: Int, epoch: Int, identity: CheckpointIdentity, state: [String: String], modelTensors: [Tensor],
    optimizerTensors: [Tensor]
  ) {
    precondition(iteration >= 0 && epoch >= 0, "a checkpoint of iteration \(iteration), epoch \(epoch)")
    self.iteration = iteration
    self.epoch = epoch
    self.identity = identity
    self.state = state
    self.modelTensors = modelTensors
    self.optimizerTensors = optimizerTensors
  }
}

/// A checkpoint whose every byte was compared with its manifest.
package struct LoadedCheckpoint: Sendable {
  /// The checkpoint's directory.
  package let path: String
  package let iteration: Int
  package let epoch: Int
  package let identity: CheckpointIdentity
  package let state: [String: String]
  package let model: SafetensorsFile
  package let optimizer: SafetensorsFile
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
