import Files
import Matrices
import Synchronization

/// The checkpoints of one run: `RUN/checkpoints/iteration-000000120/` with two tensor files and a manifest.
///
/// A save writes into `iteration-000000120.tmp-<nonce>`, synchronizes every file, the manifest last, then the directory,
/// reads everything back, and renames the directory: the rename is the commit. So a crash at any instant leaves the
/// previous checkpoint or the new one, and no pointer file is trusted: the highest iteration that verifies is the newest.
/// Only one save is under way at a time; callers on other threads wait.
package final class CheckpointStore: Sendable {
  /// `RUN/checkpoints`.
  package let directory: String
  private let keep: Int
  private let storage: any Storage
  private let lock: RunLock?
  /// Names of the checkpoints whose every byte this process has compared with their manifest.
  private let verified = Mutex<Set<String>>([])

  /// Locks the run directory, which must exist, makes `checkpoints` in it, and removes what a crashed save left there.
  /// The newest `keep` checkpoints are kept, never fewer than two. Throws `CheckpointError.inUse` or `StorageError`.
  package convenience init(runDirectory: String, keep: Int) throws {
    try self.init(
      runDirectory: runDirectory, keep: keep, storage: PosixStorage(), lock: RunLock(runDirectory: runDirectory))
  }

  /// The same with any storage and lock, so that tests can make calls fail.
  package init(runDirectory: String, keep: Int, storage: any Storage, lock: RunLock?) throws {
    directory = runDirectory + "/checkpoints"
    self.keep = max(keep, 2)
    self.storage = storage
    self.lock = lock
    if try storage.kind(of: directory) == nil { try storage.createDirectory(directory) }
    try storage.synchronizeDirectory(runDirectory)
    for name in try storage.entries(of: directory) {
      if EntryName(name)?.role == .temporary { discard(path(name)) }
      if BestRecord.isTemporary(name) { try? storage.removeFile(path(name)) }
    }
  }

  private func path(_ name: String) -> String { directory + "/" + name }
}

// MARK: - Loading

extension CheckpointStore {
  /// Loads one checkpoint after comparing every byte with its manifest. Throws `CheckpointError` (`damaged`,
  /// `unsupportedVersion`) or `StorageError`.
  package static func load(path: String, storage: any Storage = PosixStorage()) throws -> LoadedCheckpoint {
    var path = path
    // A slash at the end would follow a link.
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return try CheckpointDirectory.load(path, storage: storage)
  }

  /// The newest checkpoint that verifies, with one warning for each damaged one that was skipped; `nil` when a run has
  /// none at all. Needs no lock. Throws `CheckpointError.noneValid` when all are damaged, `unsupportedVersion` when the
  /// newest is of another version (falling back would silently lose work), or `StorageError`.
  package static func newestValid(
    runDirectory: String, storage: any Storage = PosixStorage()
  ) throws -> (checkpoint: LoadedCheckpoint, warnings: [String])? {
    let directory = runDirectory + "/checkpoints"
    guard try storage.kind(of: directory) != nil else { return nil }
    var reasons: [String] = []
    for name in try committedNames(in: directory, storage: storage) {
      let path = directory + "/" + name.text
      do {
        let loaded = try CheckpointDirectory.load(path, storage: storage)
        guard loaded.iteration == name.iteration else {
          throw CheckpointError.damaged(path: path, reason: "its manifest is of iteration \(loaded.iteration)")
        }
        return (loaded, reasons.map { "skipped a damaged checkpoint: " + $0 })
      } catch CheckpointError.damaged(let file, let reason) {
        reasons.append("\(file): \(reason)")
      }
    }
    if reasons.isEmpty { return nil }
    throw CheckpointError.noneValid(path: directory, reasons: reasons)
  }

  /// As the static function, for this store's run.
  package func newestValid() throws -> (checkpoint: LoadedCheckpoint, warnings: [String])? {
    let runDirectory = String(directory.dropLast("/checkpoints".count))
    guard let found = try Self.newestValid(runDirectory: runDirectory, storage: storage) else { return nil }
    verified.withLock { _ = $0.insert(EntryName.committed(found.checkpoint.iteration)) }
    return found
  }

  /// Newest first.
  private static func committedNames(in directory: String, storage: any Storage) throws -> [EntryName] {
    try storage.entries(of: directory).compactMap(EntryName.init).filter { $0.role == .committed }
      .sorted { $0.iteration > $1.iteration }
  }
}

// MARK: - Saving

extension CheckpointStore {
  /// Saves durably, then removes checkpoints that need not be kept. Saving the same state of an iteration again changes
  /// nothing. Newer checkpoints, which a run that went back to an older one has left behind, are set aside.
  ///
  /// Throws `StorageError`, `CheckpointError.readBackDiffers` or `CheckpointError.iterationExists`; then the temporary
  /// directory is removed, older checkpoints are untouched, and a later save may succeed.
  package func save(_ checkpoint: Checkpoint) throws -> SavedCheckpoint {
    try verified.withLock { verified in
      let name = EntryName.committed(checkpoint.iteration)
      var warnings: [String] = []
      let temporary = path(EntryName.temporary(checkpoint.iteration))
      do {
        try storage.createDirectory(temporary)
        let manifest = try write(checkpoint, into: temporary)
        try readBack(manifest, in: temporary)
        if try clearTheWay(for: manifest, at: path(name), iteration: checkpoint.iteration, &warnings) {
          try storage.rename(temporary, to: path(name))
        } else {
          discard(temporary)
        }
      } catch {
        discard(temporary)
        throw error
      }
      try storage.synchronizeDirectory(directory)
      verified.insert(name)
      do {
        warnings += try setAside(after: checkpoint.iteration)
        warnings += try prune(&verified)
      } catch {
        warnings.append("older checkpoints stay for now: \(error)")
      }
      return SavedCheckpoint(path: path(name), warnings: warnings)
    }
  }

  /// Renames checkpoints of later iterations to `….aside-<nonce>`; for a run that goes on from an older one. Returns one
  /// line for each. They are never read or removed again by this program. Throws `StorageError`.
  package func abandon(after iteration: Int) throws -> [String] {
    try verified.withLock { _ in try setAside(after: iteration) }
  }

  private func setAside(after iteration: Int) throws -> [String] {
    let newer = try Self.committedNames(in: directory, storage: storage).filter { $0.iteration > iteration }
    if newer.isEmpty { return [] }
    let lines = try newer.map { name in
      let aside = EntryName.aside(name.iteration)
      try storage.rename(path(name.text), to: path(aside))
      return "\(name.text) belongs to a continuation that was left; it is now \(aside)"
    }
    try storage.synchronizeDirectory(directory)
    return lines
  }

  private func write(_ checkpoint: Checkpoint, into temporary: String) throws -> Manifest {
    let model = try SafetensorsFile.write(
      path: temporary + "/" + Manifest.modelName, tensors: checkpoint.modelTensors, storage: storage)
    let optimizer = try SafetensorsFile.write(
      path: temporary + "/" + Manifest.optimizerName, tensors: checkpoint.optimizerTensors, storage: storage)
    let manifest = Manifest(checkpoint, model: model, optimizer: optimizer)
    _ = try DurableFile.create(temporary + "/" + Manifest.fileName, storage: storage) { try $0.write(manifest.bytes) }
    try storage.synchronizeDirectory(temporary)
    return manifest
  }

  private func readBack(_ manifest: Manifest, in temporary: String) throws {
    do {
      let read = try CheckpointDirectory.verify(temporary, storage: storage)
      guard read == manifest else {
        throw CheckpointError.readBackDiffers(
          path: temporary + "/" + Manifest.fileName, written: "\(manifest)", read: "\(read)")
      }
    } catch CheckpointError.damaged(let path, let reason) {
      throw CheckpointError.readBackDiffers(path: path, written: "a complete file", read: "damaged: \(reason)")
    }
  }

  /// Whether the new checkpoint may take its name: false when the same state is already there. Damage under that name is
  /// set aside.
  private func clearTheWay(
    for manifest: Manifest, at path: String, iteration: Int, _ warnings: inout [String]
  ) throws -> Bool {
    guard try storage.kind(of: path) != nil else { return true }
    do {
      let existing = try CheckpointDirectory.verify(path, storage: storage)
      guard existing.iteration == iteration, existing.model == manifest.model, existing.optimizer == manifest.optimizer
      else { throw CheckpointError.iterationExists(path: path) }
      return false
    } catch CheckpointError.damaged(let file, let reason) {
      let aside = EntryName.aside(iteration)
      try storage.rename(path, to: self.path(aside))
      warnings.append("\(file) was damaged (\(reason)); its checkpoint is now \(aside)")
      return true
    }
  }
}

// MARK: - Keeping and removing

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
  package func best() throws -> BestCheckpoint? {
    guard let record = try BestRecord.read(directory: directory, storage: storage) else { return nil }
    let path = path(EntryName.committed(record.iteration))
    guard let manifest = try? CheckpointDirectory.manifest(path, storage: storage), record.isOf(manifest) else {
      return nil
    }
    return BestCheckpoint(iteration: record.iteration, figure: record.figure, path: path)
  }

  /// Removes verified checkpoints beyond the newest `keep`, except the best. What does not verify neither counts as kept
  /// nor is removed. Returns a warning for each damaged one.
  private func prune(_ verified: inout Set<String>) throws -> [String] {
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
  private func discard(_ temporary: String) {
    for name in Manifest.fileNames { try? storage.removeFile(temporary + "/" + name) }
    try? storage.removeDirectory(temporary)
  }
}
