import Checkpoints
import Foundation
import Matrices
import Models

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

/// What `config.yaml` is to hold, and the configuration that it held before; nil for a new run.
package struct RunConfigText: Sendable {
  package let text: String
  package let earlier: Configuration?

  package init(_ text: String, earlier: Configuration? = nil) {
    self.text = text
    self.earlier = earlier
  }
}

/// A run that has figures is to go on with options that would have given others.
package struct EvaluationMismatch: ReportableError {
  package let path: String
  package let differences: [String]

  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    "\(path) holds evaluations with other options: \(differences.joined(separator: "; ")). The figures of a run all belong to its "
      + "config.yaml, so nothing was changed. Leave these options out, and evaluate with them beside the run: 'cegzsl evaluate --data DIR "
      + "--checkpoint \(path) … --output FILE.json'; or start a new run."
  }
}

extension RunDirectory {
  /// Whether the evaluations that the run has, and keeps, were made with the classifier options of a configuration.
  ///
  /// - Parameters:
  ///   - earlier: the run's configuration so far.
  ///   - checkpoint: that it goes on from, perhaps another run's.
  /// - Throws: `EvaluationMismatch`.
  func requireSameClassifiers(
    _ configuration: Configuration, earlier: Configuration?, checkpoint: LoadedCheckpoint
  ) throws {
    var used: [String: String] = [:]
    if let earlier, evaluations.contains(where: { $0.iteration <= checkpoint.iteration }) {
      for (name, value) in earlier.classifierOptions { used[name] = value }
    }
    if checkpoints.holds(checkpoint.path), let file = checkpoint[.classifier] {
      used.merge(try ClassifierFile(file).maker.options) { _, own in own }
    }
    let differences = configuration.classifierOptions.compactMap { name, value in
      used[name].flatMap { $0 == value ? nil : "--\(name) was \($0) and is \(value)" }
    }
    if !differences.isEmpty { throw EvaluationMismatch(path: path, differences: differences) }
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
      differences.append(
        state[ExtendedRun.originKey] == nil
          ? "the data set is another one (digest \(datasetDigest.prefix(12)))"
          : "'cegzsl extend' made it, with classes that no data set has")
    }
    return differences
  }
}
