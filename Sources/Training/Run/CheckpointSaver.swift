import Checkpoints

/// What a saver needs of a `BackgroundWriter`.
package protocol CheckpointWriting: AnyObject {
  /// Copies the state and begins to save it. The previous save must have been finished.
  ///
  /// - Parameter figure: marks the checkpoint as the best, with this figure.
  func start(_ checkpoint: Checkpoint, best figure: Double?)
  /// Waits for the save under way, if any, and says what came of it.
  func finish() -> BackgroundWriter.Outcome?
  /// Adds parts to a checkpoint that was saved. No save may be under way.
  ///
  /// - Parameter figure: marks the checkpoint as the best, with this figure.
  func complete(iteration: Int, with parts: [CheckpointFile: CheckpointPart], best figure: Double?) throws
}

extension BackgroundWriter: CheckpointWriting {}

/// Rank 0's saves. They go on in the background; one that fails is told and tried again when the next is due, a few times in a row.
package final class CheckpointSaver {
  /// Saves that may fail in a row, while training goes on, before the run gives up.
  package static let tolerableFailures = 3

  private let writer: any CheckpointWriting
  private let log: (String) -> Void
  private var failures = 0
  /// Of the newest checkpoint, saved or under way; nil where there is none in the run.
  package private(set) var savedIteration: Int?

  /// - Parameters:
  ///   - savedIteration: of the checkpoint of this run that it goes on from.
  ///   - log: prints a line.
  package init(writer: any CheckpointWriting, savedIteration: Int?, log: @escaping (String) -> Void) {
    self.writer = writer
    self.savedIteration = savedIteration
    self.log = log
  }

  /// Begins to save, unless that iteration is saved already, once the save before has ended.
  ///
  /// - Parameters:
  ///   - figure: marks the checkpoint as the best, with this figure.
  ///   - mustSucceed: wait for it, and throw if it fails.
  ///   - checkpoint: made if it is needed.
  /// - Throws: `StorageError` or `CheckpointError` of a save that must succeed, or of the last that may fail.
  package func save(
    iteration: Int, best figure: Double?, mustSucceed: Bool, _ checkpoint: () throws -> Checkpoint
  ) throws {
    try finish()
    if savedIteration != iteration {
      savedIteration = iteration
      writer.start(try checkpoint(), best: figure)
    }
    if mustSucceed { try finish(mustSucceed: true) }
  }

  /// Adds parts to the checkpoint of an iteration, which was saved before.
  ///
  /// - Parameter figure: marks the checkpoint as the best, with this figure.
  /// - Throws: `StorageError`, `CheckpointError`.
  package func complete(
    iteration: Int, with parts: [CheckpointFile: CheckpointPart], best figure: Double?
  ) throws {
    try finish(mustSucceed: true)
    try writer.complete(iteration: iteration, with: parts, best: figure)
  }

  /// Of the newest checkpoint that is complete, once a save under way has ended; for messages, so a failure is told and no error.
  package func newestSaved() -> Int? {
    do { try finish() } catch { log("warning: the checkpoint under way was not saved: \(error)") }
    return savedIteration
  }

  /// Waits for the save under way, if any, and takes note of how it went.
  private func finish(mustSucceed: Bool = false) throws {
    switch writer.finish() {
    case nil: return
    case .success(let saved):
      saved.warnings.forEach { log("warning: \($0)") }
      failures = 0
    case .failure(let error):
      savedIteration = nil
      failures += 1
      if mustSucceed || failures >= Self.tolerableFailures { throw error }
      log("warning: checkpoint \(failures) of \(Self.tolerableFailures) that may fail in a row: \(error)")
    }
  }

  /// When the run ends, however it does: a save under way is not cut off, and its failure is told beside the run's own.
  package func end() {
    if case .failure(let error) = writer.finish() {
      log("warning: the checkpoint under way was not saved: \(error)")
    }
  }
}
