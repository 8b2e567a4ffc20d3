import Checkpoints
import Collectives
import Files
import Profiling

extension TrainingRun {
  /// Saves that may fail in a row, while training goes on, before the run gives up with `inputOutput`.
  private static let tolerableFailures = 3

  /// Saves on rank 0, in the background, after all ranks have agreed on their state. A save that fails is logged and tried
  /// again later; one that must succeed is waited for.
  func save(mustSucceed: Bool) throws {
    try trainer.step.requireEqualReplicas(iteration: trainer.iteration)
    let optimizerTensors = try trainer.step.optimizerTensors()
    // The other ranks may have to wait for rank 0's disk.
    try Heartbeat.patiently {
      try communicator.onRoot {
        guard let writer = self.writer else { return }
        try finishSave()
        if lastSaved != trainer.iteration {
          let best = bestRecord.flatMap { $0.iteration == trainer.iteration ? $0.validation?.best.harmonic ?? 0 : nil }
          lastSaved = trainer.iteration
          writer.start(checkpoint(optimizerTensors), best: best)
        }
        if mustSucceed { try finishSave(mustSucceed: true) }
      }
    }
  }

  /// Rank 0: waits for the save under way, if any, and takes note of how it went.
  private func finishSave(mustSucceed: Bool = false) throws {
    switch writer?.finish() {
    case nil: return
    case .success(let saved):
      saved.warnings.forEach { log("warning: \($0)") }
      failedSaves = 0
    case .failure(let error):
      lastSaved = -1
      failedSaves += 1
      if mustSucceed || failedSaves >= Self.tolerableFailures { throw error }
      log("warning: checkpoint \(failedSaves) of \(Self.tolerableFailures) that may fail in a row: \(error)")
    }
  }

  private func checkpoint(_ optimizerTensors: [Tensor]) -> Checkpoint {
    var state = trainer.step.counters
    for (name, value) in configuration.trajectory { state["--" + name] = value }
    var digest = Digest()
    digest.add(configuration.trajectory.map { "\($0.name)=\($0.value)" }.joined(separator: "\n"))
    return Checkpoint(
      iteration: trainer.iteration, epoch: epoch,
      identity: CheckpointIdentity(
        datasetDigest: dataset.contentDigest, configurationDigest: digest.hexadecimal(), codeVersion: version,
        rankCount: communicator.rankCount), state: state, modelTensors: trainer.step.model.tensors,
      optimizerTensors: optimizerTensors)
  }

  /// The evaluation whose model must stay.
  private var bestRecord: EvaluationRecord? {
    configuration.select == .validation ? records.bestOnValidation : nil
  }
}
