import Files
import Synchronization

extension CheckpointStore {
  /// Notes that a saved checkpoint is the best by the caller's figure, which must be finite. It is then kept until
  /// another one is better. Throws `CheckpointError.unknownIteration` or `damaged`, or `StorageError`.
  package func markBest(iteration: Int, figure: Double) throws {
    precondition(figure.isFinite, "a figure of \(figure)")
    let name = EntryName.committed(iteration)
    guard try storage.kind(of: path(name)) != nil else {
      throw CheckpointError.unknownIteration(iteration: iteration, directory: directory)
    }
    let manifest = try verified.withLock { verified in
      if verified.contains(name) { return try CheckpointDirectory.manifest(path(name), storage: storage) }
      let manifest = try CheckpointDirectory.verify(path(name), storage: storage)
      verified.insert(name)
      return manifest
    }
    try BestRecord(manifest, figure: figure).write(directory: directory, storage: storage)
  }

  /// The best checkpoint, also after a restart; `nil` when none was marked or it is no longer there. Throws
  /// `CheckpointError.damaged` when the note itself is damaged, or `StorageError`.
  package func best() throws -> BestCheckpoint? { try Self.best(in: directory, storage: storage) }

  /// The same of any run; needs no lock.
  package static func best(runDirectory: String, storage: any Storage = PosixStorage()) throws -> BestCheckpoint? {
    try best(in: runDirectory + "/checkpoints", storage: storage)
  }

  private static func best(in directory: String, storage: any Storage) throws -> BestCheckpoint? {
    guard let record = try BestRecord.read(directory: directory, storage: storage) else { return nil }
    let path = directory + "/" + EntryName.committed(record.iteration)
    guard let manifest = try? CheckpointDirectory.manifest(path, storage: storage), record.isOf(manifest) else {
      return nil
    }
    return BestCheckpoint(iteration: record.iteration, figure: record.figure, path: path)
  }

  /// Removes verified checkpoints beyond the newest `keep`, except the best. What does not verify neither counts as kept
  /// nor is removed. Returns a warning for each damaged one.
  func prune(_ verified: inout Set<String>) throws -> [String] {
    let best = try best()
    var warnings: [String] = []
    var kept = 0
    for name in try Self.committedNames(in: directory, storage: storage) {
      do {
        if verified.contains(name.text) {
          _ = try CheckpointDirectory.manifest(path(name.text), storage: storage)
        } else {
          try CheckpointDirectory.verify(path(name.text), storage: storage)
          verified.insert(name.text)
        }
      } catch CheckpointError.damaged(let file, let reason) {
        verified.remove(name.text)
        warnings.append("\(file): \(reason); not counted and not removed")
        continue
      }
      kept += 1
      if kept > keep, name.iteration != best?.iteration {
        verified.remove(name.text)
        try remove(name)
      }
    }
    return warnings
  }

  /// Takes the checkpoint's name away before its files, so that a crash in between leaves no half checkpoint.
  private func remove(_ name: EntryName) throws {
    let temporary = path(EntryName.temporary(name.iteration))
    try storage.rename(path(name.text), to: temporary)
    try storage.synchronizeDirectory(directory)
    discard(temporary)
  }

  /// Removes a temporary directory and the files this program puts there; anything else stays, and the directory too.
  /// Failures do no harm: the next start tries again.
  func discard(_ temporary: String) {
    for name in [Manifest.fileName] + CheckpointFile.allCases.map(\.rawValue) {
      try? storage.removeFile(temporary + "/" + name)
    }
    if (try? storage.removeDirectory(temporary)) != nil { return }
    // A completion that was cut short may have left a manifest without its name.
    for name in (try? storage.entries(of: temporary)) ?? [] where CheckpointDirectory.isTemporaryManifest(name) {
      try? storage.removeFile(temporary + "/" + name)
    }
    try? storage.removeDirectory(temporary)
  }
}
