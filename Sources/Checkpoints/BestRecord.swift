import Files

/// `checkpoints/best.json`: which checkpoint did best, and by what figure.
struct BestRecord: Equatable {
  static let fileName = "best.json"

  let iteration: Int
  let figure: Double
  /// SHA-256 of its manifest, so that another checkpoint of the same iteration does not inherit the figure.
  let manifestDigest: String

  init(_ manifest: Manifest, figure: Double) {
    iteration = manifest.iteration
    self.figure = figure
    manifestDigest = ContentDigest(of: manifest.bytes).sha256
  }

  func isOf(_ manifest: Manifest) -> Bool {
    manifest.iteration == iteration && ContentDigest(of: manifest.bytes).sha256 == manifestDigest
  }

  static func isTemporary(_ name: String) -> Bool {
    let prefix = fileName + ".tmp-"
    return name.hasPrefix(prefix) && name.utf8.count == prefix.utf8.count + 16
  }

  func write(directory: String, storage: any Storage) throws {
    let bytes = SealedRecord.bytes([
      JSONMember("iteration", .integer(iteration)), JSONMember("figure", .number(figure)),
      JSONMember("manifest_sha256", .string(manifestDigest)),
    ])
    try DurableFile.replace(directory + "/" + Self.fileName, contents: bytes, storage: storage)
  }

  /// `nil` where there is none. Throws `CheckpointError.damaged` or `StorageError`.
  static func read(directory: String, storage: any Storage) throws -> BestRecord? {
    let path = directory + "/" + fileName
    guard try storage.kind(of: path) != nil else { return nil }
    let value = try SealedRecord.read(path, storage: storage).value
    guard let iteration = value["iteration"]?.integer, iteration >= 0, let figure = value["figure"]?.double,
      let digest = value["manifest_sha256"]?.string
    else { throw CheckpointError.damaged(path: path, reason: "a field is missing or has another type") }
    return BestRecord(iteration: iteration, figure: figure, manifestDigest: digest)
  }

  private init(iteration: Int, figure: Double, manifestDigest: String) {
    self.iteration = iteration
    self.figure = figure
    self.manifestDigest = manifestDigest
  }
}
