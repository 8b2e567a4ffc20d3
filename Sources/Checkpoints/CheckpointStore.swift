import Files
import Foundation
import Matrices
import Synchronization

/// The checkpoints of one run: `RUN/checkpoints/iteration-000000120/` with tensor files and a manifest.
///
/// A save writes into `iteration-000000120.tmp-<nonce>`, synchronizes every file, the manifest last, then the directory,
/// reads everything back, and renames the directory: the rename is the commit. So a crash at any instant leaves the
/// previous checkpoint or the new one, and no pointer file is trusted: the highest iteration that verifies is the newest.
/// Only one save is under way at a time; callers on other threads wait.
package final class CheckpointStore: Sendable {
  /// `RUN/checkpoints`.
  package let directory: String
  let keep: Int
  let storage: any Storage
  private let lock: RunLock?
  /// Names of the checkpoints whose every byte this process has compared with their manifest.
  let verified = Mutex<Set<String>>([])

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

  func path(_ name: String) -> String { directory + "/" + name }

  /// Where the checkpoint of an iteration lies, or will.
  package func path(iteration: Int) -> String { path(EntryName.committed(iteration)) }
}

// MARK: - Loading

extension CheckpointStore {
  /// Loads one checkpoint after comparing every byte with its manifest.
  ///
  /// - Parameter files: those to load, as far as the checkpoint has them; the others are not looked at.
  /// - Throws: `CheckpointError` (`missing`, `isRun`, `damaged`, `unsupportedVersion`), `StorageError`.
  package static func load(
    path: String, files: [CheckpointFile] = CheckpointFile.allCases, storage: any Storage = PosixStorage()
  ) throws -> LoadedCheckpoint {
    let path = withoutSlash(path)
    if try storage.kind(of: path + "/" + Manifest.fileName) == nil,
      try storage.kind(of: path + "/checkpoints") == .directory
    {
      throw CheckpointError.isRun(path: path)
    }
    return try CheckpointDirectory.load(path, files: files, storage: storage)
  }

  /// A slash at the end would follow a link.
  static func withoutSlash(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  /// The newest checkpoint that verifies, with one warning for each damaged one that was skipped; `nil` when a run has
  /// none at all. Needs no lock. Throws `CheckpointError.noneValid` when all are damaged, `unsupportedVersion` when the
  /// newest is of another version (falling back would silently lose work), or `StorageError`.
  ///
  /// - Parameter files: those to load and verify, as for `load`.
  package static func newestValid(
    runDirectory: String, files: [CheckpointFile] = CheckpointFile.allCases, storage: any Storage = PosixStorage()
  ) throws -> (checkpoint: LoadedCheckpoint, warnings: [String])? {
    let directory = runDirectory + "/checkpoints"
    guard try storage.kind(of: directory) != nil else { return nil }
    var reasons: [String] = []
    for name in try committedNames(in: directory, storage: storage) {
      let path = directory + "/" + name.text
      do {
        let loaded = try CheckpointDirectory.load(path, files: files, storage: storage)
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

  /// Whether a checkpoint is one of this run's, however its path is spelt.
  package func holds(_ path: String) -> Bool {
    func canonical(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
    guard let place = RunPlace(ofCheckpoint: path) else { return false }
    return canonical(place.runDirectory + "/checkpoints") == canonical(directory)
  }

  /// As the static function, for this store's run.
  package func newestValid() throws -> (checkpoint: LoadedCheckpoint, warnings: [String])? {
    let runDirectory = String(directory.dropLast("/checkpoints".count))
    guard let found = try Self.newestValid(runDirectory: runDirectory, storage: storage) else { return nil }
    verified.withLock { _ = $0.insert(EntryName.committed(found.checkpoint.iteration)) }
    return found
  }

  /// What each checkpoint of a run says of itself, newest first, or why it cannot; its tensor files are not read. Needs no lock. Throws
  /// `StorageError`.
  package static func list(
    runDirectory: String, storage: any Storage = PosixStorage()
  ) throws -> [Result<CheckpointSummary, any Error>] {
    let directory = runDirectory + "/checkpoints"
    guard try storage.kind(of: directory) != nil else { return [] }
    return try committedNames(in: directory, storage: storage).map { name in
      let path = directory + "/" + name.text
      return Result { try CheckpointDirectory.manifest(path, storage: storage).summary(path: path) }
    }
  }

  /// Newest first.
  static func committedNames(in directory: String, storage: any Storage) throws -> [EntryName] {
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
          try keepMarked(checkpoint.iteration)
          try CheckpointDirectory.complete(path(name), with: checkpoint.parts, storage: storage)
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
    let manifest = Manifest(
      checkpoint, files: try CheckpointDirectory.write(checkpoint.parts, into: temporary, storage: storage))
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
      let differs = CheckpointFile.allCases.contains { $0.isRequired && existing.files[$0] != manifest.files[$0] }
      guard existing.iteration == iteration, !differs else {
        throw CheckpointError.iterationExists(path: path)
      }
      return false
    } catch CheckpointError.damaged(let file, let reason) {
      let aside = EntryName.aside(iteration)
      try storage.rename(path, to: self.path(aside))
      warnings.append("\(file) was damaged (\(reason)); its checkpoint is now \(aside)")
      return true
    }
  }
}
