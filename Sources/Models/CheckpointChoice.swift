import Checkpoints
import Files

/// Which checkpoint of a run is meant.
package enum CheckpointChoice: Sendable, Equatable {
  /// The one that validation rows chose; where nothing was chosen, the last.
  case best
  /// The newest that verifies.
  case last
  /// This one, of any run.
  case path(String)

  /// `best`, `last`, or else a path.
  package init(_ text: String) {
    switch text {
    case "best": self = .best
    case "last": self = .last
    default: self = .path(text)
    }
  }

  /// What using a model takes.
  package static let filesForUse: [CheckpointFile] = [.model, .classes, .classifier]

  /// Loads some files of the checkpoint, with a warning for each damaged one that was passed over.
  ///
  /// - Throws: `ModelError.noCheckpoint`, `CheckpointError`, `StorageError`.
  package func load(
    run: String, files: [CheckpointFile] = filesForUse
  ) throws -> (checkpoint: LoadedCheckpoint, warnings: [String]) {
    switch self {
    case .path(let path): return (try CheckpointStore.load(path: path, files: files), [])
    case .best:
      guard let best = try CheckpointStore.best(runDirectory: run) else { fallthrough }
      return (try CheckpointStore.load(path: best.path, files: files), [])
    case .last:
      guard let found = try CheckpointStore.newestValid(runDirectory: run, files: files) else {
        throw ModelError.noCheckpoint(run: run)
      }
      return found
    }
  }
}
