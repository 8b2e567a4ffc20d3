import Checkpoints
import Files
import Foundation
import Matrices

/// A run directory that must not be written to.
package struct RunExists: ReportableError {
  package let path: String
  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    "\(path) already holds a run, and nothing is overwritten. Continue it with --resume latest, or choose another "
      + "directory with --run."
  }
}

/// The files of a run, written by rank 0: `config.yaml`, `metrics.jsonl`, `evaluations.jsonl`, `results.json`, `figures.json` and the
/// checkpoints; of a run that selects also `selection.json` and the first phase's own files in `selection`.
package final class RunDirectory {
  package let path: String
  package let checkpoints: CheckpointStore

  /// Creates the directory, or opens that of an earlier run to continue it.
  ///
  /// - Throws: `RunExists` when it holds a run and `isResuming` is false; `CheckpointError.inUse`; `StorageError`.
  package init(path: String, keep: Int, isResuming: Bool) throws {
    try NewPath.folders(path)
    if !isResuming && Self.holdsRun(path) {
      // One that is still running is no run to go on with.
      try RunLock.requireFree(runDirectory: path)
      throw RunExists(path: path)
    }
    self.path = path
    checkpoints = try CheckpointStore(runDirectory: path, keep: keep)
  }

  /// What a run directory, its first phase's or a checkpoint's has besides tensors.
  package static let recordNames: Set = [
    "config.yaml", "metrics.jsonl", "evaluations.jsonl", "results.json", FiguresFile.fileName, SelectionRecord.fileName,
    "validation.csv", "lock",
    "manifest.json",
  ]

  package static func holdsRun(_ path: String) -> Bool {
    // An empty folder of checkpoints is what a refused start leaves.
    let checkpoints = (try? FileManager.default.contentsOfDirectory(atPath: path + "/checkpoints")) ?? []
    return !checkpoints.isEmpty
      || ["config.yaml", "metrics.jsonl", "results.json", "selection"].contains {
        FileManager.default.fileExists(atPath: "\(path)/\($0)")
      }
  }

  /// Starts the run's TensorBoard file; points from `firstStep` on replace those of an earlier one.
  package func openEvents(firstStep: Int) throws -> EventFileWriter {
    let folder = path + "/tensorboard"
    if mkdir(folder, NewEntry.folderMode) != 0 && errno != EEXIST {
      throw StorageError.callFailed(call: "mkdir", path: folder, code: errno)
    }
    return try EventFileWriter(directory: folder, firstStep: firstStep)
  }

  /// Whether a file has exactly this text.
  func holds(_ name: String, text: String) -> Bool {
    FileManager.default.contents(atPath: "\(path)/\(name)") == Data(text.utf8)
  }

  /// Removes a file, if it is there.
  func remove(_ name: String) throws {
    let file = "\(path)/\(name)"
    if unlink(file) != 0 && errno != ENOENT {
      throw StorageError.callFailed(call: "unlink", path: file, code: errno)
    }
  }

  package func write(_ name: String, text: String) throws {
    try DurableFile.replace("\(path)/\(name)", contents: Array(text.utf8))
  }

  /// Drops the lines of a .jsonl file whose iteration is beyond `iteration`: they belong to work that was lost and is
  /// about to be done again. A last line that a crash cut short goes too.
  package func truncate(_ name: String, after iteration: Int) throws {
    guard let bytes = FileManager.default.contents(atPath: "\(path)/\(name)") else { return }
    struct Line: Codable { let iteration: Int }
    let kept = String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { line in
      guard let parsed = try? JSONDecoder().decode(Line.self, from: Data(line.utf8)) else { return false }
      return parsed.iteration <= iteration
    }
    try write(name, text: kept.map { $0 + "\n" }.joined())
  }

  /// The evaluations that `evaluations.jsonl` holds.
  package var evaluations: [EvaluationRecord] {
    let text = FileManager.default.contents(atPath: path + "/evaluations.jsonl") ?? Data()
    return text.split(separator: UInt8(ascii: "\n")).compactMap {
      try? JSONDecoder().decode(EvaluationRecord.self, from: Data($0))
    }
  }

  /// Appends one line in one write, so that a reader never sees half of it.
  package func append(_ name: String, line: String) throws {
    let file = "\(path)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, NewEntry.fileMode)
    // A link would lead out of the run.
    if descriptor < 0, errno == ELOOP { throw StorageError.notRegularFile(path: file) }
    guard descriptor >= 0 else { throw StorageError.callFailed(call: "open", path: file, code: errno) }
    defer { close(descriptor) }
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw StorageError.callFailed(call: "write", path: file, code: errno) }
      // Of a disk that is about to be full a part may be taken; the next call says why.
      rest = rest.dropFirst(count)
    }
  }
}
