import Files
import Synchronization

// A checkpoint may be saved before all of its parts are there: the classifier of a run's last checkpoint, say, is trained behind the save.
// Completing it adds files under names that its manifest does not list yet, and then replaces the manifest, which is the commit. So a
// crash at any instant leaves the checkpoint as it was, perhaps with files that nobody reads, or complete.

extension CheckpointStore {
  /// Adds those parts that a saved checkpoint lacks; what it has stays as it is. Returns whether anything was added.
  ///
  /// - Throws: `CheckpointError.unknownIteration`, `damaged` or `readBackDiffers`, or `StorageError`; then the checkpoint is as it was, or
  ///   complete.
  @discardableResult
  package func complete(iteration: Int, with parts: [CheckpointFile: CheckpointPart]) throws -> Bool {
    let path = path(EntryName.committed(iteration))
    return try verified.withLock { _ in
      guard try storage.kind(of: path) != nil else {
        throw CheckpointError.unknownIteration(iteration: iteration, directory: directory)
      }
      try keepMarked(iteration)
      return try CheckpointDirectory.complete(path, with: parts, storage: storage)
    }
  }

  /// The same for a checkpoint that lies anywhere: in a run, whose lock is then taken, or by itself.
  package static func complete(path: String, with parts: [CheckpointFile: CheckpointPart]) throws -> Bool {
    let path = withoutSlash(path)
    guard let place = RunPlace(ofCheckpoint: path) else {
      return try CheckpointDirectory.complete(path, with: parts, storage: PosixStorage())
    }
    // Nothing is saved, so nothing is removed, whatever it would keep.
    return try CheckpointStore(runDirectory: place.runDirectory, keep: 2)
      .complete(iteration: place.iteration, with: parts)
  }

  /// A note of version 0.1 knows the best checkpoint by its manifest, which is about to change.
  func keepMarked(_ iteration: Int) throws {
    guard let record = try BestRecord.read(directory: directory, storage: storage), record.iteration == iteration,
      case .manifest = record.mark
    else { return }
    let manifest = try CheckpointDirectory.manifest(path(EntryName.committed(iteration)), storage: storage)
    guard record.isOf(manifest) else { return }
    try BestRecord(manifest, figure: record.figure).write(directory: directory, storage: storage)
  }
}

/// Where a run keeps a checkpoint.
package struct RunPlace {
  package let runDirectory: String
  package let iteration: Int

  /// nil for a checkpoint that lies by itself, or under another name.
  package init?(ofCheckpoint path: String) {
    let parts = CheckpointStore.withoutSlash(path).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count >= 2, parts[parts.count - 2] == "checkpoints",
      let name = EntryName(String(parts[parts.count - 1])),
      name.role == .committed
    else { return nil }
    let run = parts.dropLast(2).joined(separator: "/")
    runDirectory = run.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : run
    iteration = name.iteration
  }
}

extension CheckpointDirectory {
  /// Adds those of `parts` that a checkpoint lacks. Returns whether there were any.
  @discardableResult
  static func complete(
    _ path: String, with parts: [CheckpointFile: CheckpointPart], storage: any Storage
  ) throws -> Bool {
    var manifest = try manifest(path, storage: storage)
    let added = parts.filter { manifest.files[$0.key] == nil }
    if added.isEmpty { return false }
    try removeLeftovers(path, manifest, storage: storage)
    do {
      let digests = try write(added, into: path, storage: storage)
      try storage.synchronizeDirectory(path)
      for (file, digest) in digests { try readBack(path + "/" + file.rawValue, digest, storage: storage) }
      manifest.files.merge(digests) { old, _ in old }
      try replace(manifest, in: path, storage: storage)
    } catch {
      if let unchanged = try? self.manifest(path, storage: storage) {
        try? removeLeftovers(path, unchanged, storage: storage)
      }
      throw error
    }
    return true
  }

  private static func removeLeftovers(_ path: String, _ manifest: Manifest, storage: any Storage) throws {
    for name in try storage.entries(of: path) where name != Manifest.fileName && isOurs(name) {
      if CheckpointFile(rawValue: name).map({ manifest.files[$0] == nil }) ?? true {
        try storage.removeFile(path + "/" + name)
      }
    }
  }

  private static func readBack(_ file: String, _ digest: ContentDigest, storage: any Storage) throws {
    do { try verify(file, digest, storage: storage) } catch CheckpointError.damaged(let path, let reason) {
      throw CheckpointError.readBackDiffers(path: path, written: "a complete file", read: "damaged: \(reason)")
    }
  }

  /// The new manifest is read back before it takes the old one's place.
  private static func replace(_ manifest: Manifest, in path: String, storage: any Storage) throws {
    let temporary = path + "/" + Manifest.fileName + ".tmp-" + randomNonce()
    let bytes = manifest.bytes
    let digest = try DurableFile.create(temporary, storage: storage) { try $0.write(bytes) }
    try readBack(temporary, digest, storage: storage)
    try storage.rename(temporary, to: path + "/" + Manifest.fileName)
    try storage.synchronizeDirectory(path)
  }
}
