import Files

/// Names of the entries below `checkpoints/`.
struct EntryName: Equatable {
  enum Role: Equatable {
    case committed
    /// Being written, or being removed.
    case temporary
    /// A newer branch that was left, or damage that stood in the way. Kept for its owner, never read.
    case aside
  }

  let iteration: Int
  let role: Role
  let text: String

  static func committed(_ iteration: Int) -> String {
    let digits = String(iteration)
    return "iteration-" + String(repeating: "0", count: max(0, 9 - digits.count)) + digits
  }

  static func temporary(_ iteration: Int) -> String { committed(iteration) + ".tmp-" + randomNonce() }
  static func aside(_ iteration: Int) -> String { committed(iteration) + ".aside-" + randomNonce() }

  /// `nil` for a name that this program never gives.
  init?(_ text: String) {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts[0].hasPrefix("iteration-"), let iteration = Int(parts[0].dropFirst("iteration-".count)),
      iteration >= 0, parts[0] == Self.committed(iteration)
    else { return nil }
    if parts.count == 1 {
      role = .committed
    } else {
      guard let nonce = parts[1].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).last,
        nonce.utf8.count == 16, nonce.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
      else { return nil }
      switch parts[1].dropLast(16) {
      case "tmp-": role = .temporary
      case "aside-": role = .aside
      default: return nil
      }
    }
    self.iteration = iteration
    self.text = text
  }
}

/// Reading a checkpoint's directory. Throws `CheckpointError.missing`, `CheckpointError.damaged` that names the file and the reason,
/// `CheckpointError.unsupportedVersion`, or `StorageError` when the system refuses for another reason.
enum CheckpointDirectory {
  /// The manifest, after checking that the directory holds the files that it lists, and nothing else but what a completion that was
  /// cut short may leave.
  static func manifest(_ path: String, storage: any Storage) throws -> Manifest {
    switch try storage.kind(of: path) {
    case .directory: break
    case nil: throw CheckpointError.missing(path: path)
    case .file, .other:
      throw CheckpointError.damaged(path: path, reason: "it is not a directory (links are not followed)")
    }
    let names = try storage.entries(of: path)
    func missing(_ name: String) -> CheckpointError {
      .damaged(path: path + "/" + name, reason: "it is missing")
    }
    guard names.contains(Manifest.fileName) else { throw missing(Manifest.fileName) }
    let manifest = try asDamage(path) { try Manifest(directory: path, storage: storage) }
    if let file = manifest.listed.reversed().first(where: { !names.contains($0.rawValue) }) {
      throw missing(file.rawValue)
    }
    if let extra = names.sorted().first(where: { !isOurs($0) }) {
      throw CheckpointError.damaged(path: path + "/" + extra, reason: "it does not belong to a checkpoint")
    }
    return manifest
  }

  /// Names of files that this program puts into a checkpoint. Tensor files that the manifest does not list, and a manifest without its
  /// final name, are what a completion that was cut short leaves behind: nobody reads them.
  static func isOurs(_ name: String) -> Bool {
    name == Manifest.fileName || CheckpointFile(rawValue: name) != nil || isTemporaryManifest(name)
  }

  static func isTemporaryManifest(_ name: String) -> Bool {
    let prefix = Manifest.fileName + ".tmp-"
    return name.hasPrefix(prefix) && name.utf8.count == prefix.utf8.count + 16
  }

  /// Writes tensor files that must not exist, durably.
  static func write(
    _ parts: [CheckpointFile: CheckpointPart], into directory: String, storage: any Storage
  ) throws -> [CheckpointFile: ContentDigest] {
    var digests: [CheckpointFile: ContentDigest] = [:]
    for file in CheckpointFile.allCases {
      guard let part = parts[file] else { continue }
      digests[file] = try SafetensorsFile.write(
        path: directory + "/" + file.rawValue, tensors: part.tensors, metadata: part.metadata, storage: storage)
    }
    return digests
  }

  /// Compares all tensor files with the manifest in constant memory.
  @discardableResult
  static func verify(_ path: String, storage: any Storage) throws -> Manifest {
    let manifest = try manifest(path, storage: storage)
    for (file, expected) in manifest.files { try verify(path + "/" + file.rawValue, expected, storage: storage) }
    return manifest
  }

  /// Compares one file with what it should be.
  static func verify(_ file: String, _ expected: ContentDigest, storage: any Storage) throws {
    try compare(file, asDamage(file) { try FileSource.digest(file, storage: storage) }, expected)
  }

  /// - Parameter files: those to load, as far as the checkpoint has them; the others are not looked at.
  static func load(
    _ path: String, files: [CheckpointFile] = CheckpointFile.allCases, storage: any Storage
  ) throws -> LoadedCheckpoint {
    let manifest = try manifest(path, storage: storage)
    var loaded: [CheckpointFile: SafetensorsFile] = [:]
    for file in files {
      guard let expected = manifest.files[file] else { continue }
      let name = path + "/" + file.rawValue
      loaded[file] = try asDamage(name) {
        // Cheap, and names a truncated file as such.
        let size = try FileSource(path: name, storage: storage).size
        guard size == expected.size else { throw sizeDiffers(name, size, expected.size) }
        let contents = try SafetensorsFile(path: name, storage: storage)
        try compare(name, contents.digest, expected)
        return contents
      }
    }
    return LoadedCheckpoint(summary: manifest.summary(path: path), files: loaded)
  }

  private static func compare(_ file: String, _ actual: ContentDigest, _ expected: ContentDigest) throws {
    guard actual.size == expected.size else { throw sizeDiffers(file, actual.size, expected.size) }
    guard actual.sha256 == expected.sha256 else {
      throw CheckpointError.damaged(
        path: file, reason: "its SHA-256 is \(actual.sha256), the manifest says \(expected.sha256)")
    }
  }

  private static func sizeDiffers(_ file: String, _ actual: Int, _ expected: Int) -> CheckpointError {
    .damaged(path: file, reason: "it has \(actual) bytes, the manifest says \(expected)")
  }

  /// Turns errors that mean "this file is not usable" into `damaged`, so that an older checkpoint is tried; leaves
  /// errors that would hit every file alike, such as missing permission or too many open files.
  private static func asDamage<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as SafetensorsError {
      throw CheckpointError.damaged(path: error.path, reason: "\(error.problem)")
    } catch StorageError.notRegularFile(let file) {
      throw CheckpointError.damaged(path: file, reason: "it is not a plain file (links are not followed)")
    } catch StorageError.callFailed(let call, let file, let code) where StorageError.isDamage(code) {
      throw CheckpointError.damaged(path: file, reason: "\(call) failed: \(StorageError.text(code))")
    }
  }
}
