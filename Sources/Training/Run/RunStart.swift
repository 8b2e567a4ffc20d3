import Checkpoints
import Foundation

/// Where a run starts from.
package enum ResumeRequest: Sendable, Equatable {
  case none
  /// The run's newest checkpoint that verifies, or a fresh start if there is none at all.
  case latest
  case path(String)
}

extension ResumeRequest {
  /// The checkpoint that is meant; nil for a fresh start.
  ///
  /// - Parameter log: prints a line.
  /// - Throws: `CheckpointError`, `StorageError`.
  func checkpoint(of directory: RunDirectory, log: (String) -> Void) throws -> LoadedCheckpoint? {
    switch self {
    case .none: return nil
    case .path(let path): return try CheckpointStore.load(path: path)
    case .latest:
      guard let (checkpoint, warnings) = try directory.checkpoints.newestValid() else {
        log("no checkpoint yet in \(directory.path): starting afresh")
        return nil
      }
      warnings.forEach { log("warning: \($0)") }
      return checkpoint
    }
  }
}

extension CheckpointSummary {
  /// Whether a run with this configuration and data may go on from here.
  ///
  /// - Throws: `CheckpointMismatch` with everything that differs.
  func requireFit(_ configuration: Configuration, datasetDigest: String) throws {
    let differences = differences(configuration, datasetDigest: datasetDigest)
    if !differences.isEmpty { throw CheckpointMismatch(path: path, differences: differences) }
  }

  /// In what a run with this configuration and data differs from the checkpoint's.
  package func differences(_ configuration: Configuration, datasetDigest: String) -> [String] {
    var differences: [String] = []
    // An option that did not exist when the checkpoint was written had what is the default now.
    let defaults = Dictionary(uniqueKeysWithValues: Configuration().resolved.map { ($0.name, $0.value) })
    for (name, value) in configuration.trajectory {
      let old = state["--" + name] ?? defaults[name]
      if old != value { differences.append("\(name) was \(old ?? "unknown") and is \(value)") }
    }
    if identity.datasetDigest != datasetDigest {
      differences.append("the data set is another one (digest \(datasetDigest.prefix(12)))")
    }
    return differences
  }
}
