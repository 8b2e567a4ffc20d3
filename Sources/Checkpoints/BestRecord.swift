import Files

/// `checkpoints/best.json`: which checkpoint did best, and by what figure.
struct BestRecord: Equatable {
  static let fileName = "best.json"

  let iteration: Int
  let figure: Double
  /// What tells it from another checkpoint of the same iteration, which must not inherit the figure.
  let mark: Mark

  enum Mark: Equatable {
    /// SHA-256 of its parameters: they stay when it is completed.
    case model(String)
    /// Version 0.1: SHA-256 of its manifest.
    case manifest(String)
  }

  init(_ manifest: Manifest, figure: Double) {
    iteration = manifest.iteration
    self.figure = figure
    mark = .model(manifest.model?.sha256 ?? "")
  }

  func isOf(_ manifest: Manifest) -> Bool {
    guard manifest.iteration == iteration else { return false }
    return switch mark {
    case .model(let digest): manifest.model?.sha256 == digest
    case .manifest(let digest): ContentDigest(of: manifest.bytes).sha256 == digest
    }
  }

  static func isTemporary(_ name: String) -> Bool {
    let prefix = fileName + ".tmp-"
    return name.hasPrefix(prefix) && name.utf8.count == prefix.utf8.count + 16
  }

  func write(directory: String, storage: any Storage) throws {
    let bytes = SealedRecord.bytes([
      JSONMember("iteration", .integer(iteration)), JSONMember("figure", .number(figure)),
      mark.member,
    ])
    try DurableFile.replace(directory + "/" + Self.fileName, contents: bytes, storage: storage)
  }

  /// `nil` where there is none. Throws `CheckpointError.damaged` or `StorageError`.
  static func read(directory: String, storage: any Storage) throws -> BestRecord? {
    let path = directory + "/" + fileName
    guard try storage.kind(of: path) != nil else { return nil }
    let value = try SealedRecord.read(path, storage: storage).value
    guard let iteration = value["iteration"]?.integer, iteration >= 0, let figure = value["figure"]?.double,
      let mark = Mark(value)
    else { throw CheckpointError.damaged(path: path, reason: "a field is missing or has another type") }
    return BestRecord(iteration: iteration, figure: figure, mark: mark)
  }

  private init(iteration: Int, figure: Double, mark: Mark) {
    self.iteration = iteration
    self.figure = figure
    self.mark = mark
  }
}

extension BestRecord.Mark {
  init?(_ record: JSONValue) {
    if let digest = record["model_sha256"]?.string {
      self = .model(digest)
    } else if let digest = record["manifest_sha256"]?.string {
      self = .manifest(digest)
    } else {
      return nil
    }
  }

  var member: JSONMember {
    switch self {
    case .model(let digest): JSONMember("model_sha256", .string(digest))
    case .manifest(let digest): JSONMember("manifest_sha256", .string(digest))
    }
  }
}
