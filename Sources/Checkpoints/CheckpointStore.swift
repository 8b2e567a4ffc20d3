import Files
import Foundation
import Matrices

/// The checkpoints of a run: `RUN/checkpoints/iteration-000000120/` with `model.safetensors`, `optimizer.safetensors` and
/// `manifest.json`.
///
/// A save writes into a temporary directory, flushes every file and the directory, verifies what it wrote, and renames:
/// the rename is the commit. The newest directory that verifies wins; there is no pointer file to go stale.
package struct CheckpointStore: Sendable {
  package let directory: String
  /// Newest checkpoints to keep, at least 2.
  package let keep: Int
  private let storage: any Storage

  package init(runDirectory: String, keep: Int, storage: any Storage = DiskStorage()) {
    directory = runDirectory + "/checkpoints"
    self.keep = max(keep, 2)
    self.storage = storage
  }

  package static func name(_ iteration: Int) -> String {
    let digits = String(iteration)
    return "iteration-" + String(repeating: "0", count: max(0, 9 - digits.count)) + digits
  }

  /// Iterations that have a directory under their final name, ascending. Says nothing of their health.
  package var iterations: [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("iteration-"), let iteration = Int(name.dropFirst("iteration-".count)),
        Self.name(iteration) == name
      else { return nil }
      return iteration
    }.sorted()
  }

  package func path(_ iteration: Int) -> String { "\(directory)/\(Self.name(iteration))" }

  /// Creates the directory and removes what interrupted saves of this program left; call it holding the run's lock.
  ///
  /// - Throws: `FileError`.
  package func prepare() throws {
    if !FileManager.default.fileExists(atPath: directory) { try storage.createDirectory(directory) }
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
      let parts = name.components(separatedBy: ".tmp-")
      if parts.count == 2, parts[0].hasPrefix("iteration-"), Int(parts[0].dropFirst("iteration-".count)) != nil {
        try storage.removeDirectory("\(directory)/\(name)")
      }
    }
  }

  /// Writes a checkpoint, then removes those that are neither among the newest `keep` nor `best`.
  ///
  /// - Parameters:
  ///   - manifest: without its list of files.
  ///   - best: an iteration to keep whatever its age.
  /// - Returns: the checkpoint's path.
  /// - Throws: `FileError` or `CheckpointError`; older checkpoints are intact then and no partial one is visible.
  @discardableResult
  package func save(_ manifest: Manifest, model: [Tensor], optimizer: [Tensor], best: Int? = nil) throws -> String {
    let final = path(manifest.iteration)
    let temporary = final + ".tmp-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    try storage.createDirectory(temporary)
    do {
      var complete = manifest
      complete.files = try zip(LoadedCheckpoint.fileNames, [model, optimizer]).map { name, tensors in
        try write(tensors, name: name, into: temporary)
      }
      let bytes = try complete.encoded()
      try storage.writeFile("\(temporary)/manifest.json") { append in try bytes.withUnsafeBytes { try append($0) } }
      try storage.synchroniseDirectory(temporary)
      _ = try LoadedCheckpoint.verify(temporary)
      if FileManager.default.fileExists(atPath: final) {
        if (try? LoadedCheckpoint.verify(final))?.files == complete.files {
          // A resumed run came past the same point: the same checkpoint stands there already.
          try storage.removeDirectory(temporary)
          return final
        }
        try storage.rename(final, to: final + ".damaged-\(getpid())-\(UInt32.random(in: 0 ... .max))")
      }
      try storage.rename(temporary, to: final)
      try storage.synchroniseDirectory(directory)
    } catch {
      try? storage.removeDirectory(temporary)
      throw error
    }
    prune(best: best)
    return final
  }

  private func write(_ tensors: [Tensor], name: String, into folder: String) throws -> Manifest.File {
    var digest = Digest()
    var size = 0
    try storage.writeFile("\(folder)/\(name)") { append in
      try SafetensorsFile.encode(tensors, metadata: ["format": "pt", "program": "cegzsl"]) { bytes in
        digest.add(bytes)
        size += bytes.count
        try append(bytes)
      }
    }
    return Manifest.File(name: name, size: size, sha256: digest.hexadecimal())
  }

  /// Removes old checkpoints once the newest is safe. A directory is renamed before its files go, so that a half-removed
  /// one never looks whole. Failure to remove is no failure of the save.
  private func prune(best: Int?) {
    for iteration in iterations.dropLast(keep) where iteration != best {
      let old = path(iteration)
      let doomed = old + ".tmp-\(getpid())-old"
      guard (try? storage.rename(old, to: doomed)) != nil else { continue }
      try? storage.removeDirectory(doomed)
    }
  }

  /// The newest checkpoint that verifies, with a line for each newer one that does not; nil if there is none.
  package func newestValid() -> (checkpoint: LoadedCheckpoint, warnings: [String])? {
    var warnings: [String] = []
    for iteration in iterations.reversed() {
      do {
        let checkpoint = try LoadedCheckpoint(path: path(iteration))
        guard checkpoint.manifest.iteration == iteration else {
          throw CheckpointError(
            path: checkpoint.path, reason: "is the checkpoint of iteration \(checkpoint.manifest.iteration), renamed")
        }
        return (checkpoint, warnings)
      } catch {
        warnings.append("skipping a damaged checkpoint: \(error)")
      }
    }
    return nil
  }

  /// Lines about every checkpoint, when none verifies.
  package func damage() -> [String] {
    iterations.reversed().compactMap { iteration in
      do {
        _ = try LoadedCheckpoint.verify(path(iteration))
        return nil
      } catch { return "\(error)" }
    }
  }
}
