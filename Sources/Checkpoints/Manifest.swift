import Files

/// `manifest.json`: what a checkpoint is and what its files must be.
struct Manifest: Equatable {
  static let fileName = "manifest.json"
  static let format = "cegzsl checkpoint"
  /// Newest version that is read. Version 1 lists the required files alone, and is written for them alone.
  static let version = 2

  var iteration: Int
  var epoch: Int
  var identity: CheckpointIdentity
  var state: [String: String]
  var files: [CheckpointFile: ContentDigest]

  var model: ContentDigest? { files[.model] }

  /// Files in their order.
  var listed: [CheckpointFile] { CheckpointFile.allCases.filter { files[$0] != nil } }
  private var version: Int { listed.allSatisfy(\.isRequired) ? 1 : 2 }

  var bytes: [UInt8] {
    let files: [JSONValue] = listed.compactMap { file in
      self.files[file].map {
        ["name": .string(file.rawValue), "size": .integer($0.size), "sha256": .string($0.sha256)]
      }
    }
    let sortedState = state.sorted { $0.key < $1.key }.map { JSONMember($0.key, .string($0.value)) }
    return SealedRecord.bytes([
      JSONMember("format", .string(Self.format)), JSONMember("format_version", .integer(version)),
      JSONMember("iteration", .integer(iteration)), JSONMember("epoch", .integer(epoch)),
      JSONMember("dataset_digest", .string(identity.datasetDigest)),
      JSONMember("configuration_digest", .string(identity.configurationDigest)),
      JSONMember("code_version", .string(identity.codeVersion)),
      JSONMember("rank_count", .integer(identity.rankCount)), JSONMember("state", .object(sortedState)),
      JSONMember("files", .array(files)),
    ])
  }

  /// Reads a checkpoint directory's manifest. Throws `CheckpointError` (`damaged`, `unsupportedVersion`) or
  /// `StorageError`.
  init(directory: String, storage: any Storage) throws {
    let path = directory + "/" + Self.fileName
    let value = try SealedRecord.read(path, storage: storage).value
    func damaged(_ reason: String) -> CheckpointError { .damaged(path: path, reason: reason) }
    guard value["format"]?.string == Self.format, let version = value["format_version"]?.integer else {
      throw damaged("it is not a manifest of this program")
    }
    guard (1...Self.version).contains(version) else {
      throw CheckpointError.unsupportedVersion(path: path, version: version, supported: Self.version)
    }
    guard let iteration = value["iteration"]?.integer, iteration >= 0, let epoch = value["epoch"]?.integer, epoch >= 0,
      let dataset = value["dataset_digest"]?.string, let configuration = value["configuration_digest"]?.string,
      let code = value["code_version"]?.string, let rankCount = value["rank_count"]?.integer,
      case .object(let state) = value["state"], case .array(let files) = value["files"]
    else { throw damaged("a field is missing or has another type") }
    var digests: [CheckpointFile: ContentDigest] = [:]
    for file in files {
      guard let name = file["name"]?.string, let known = CheckpointFile(rawValue: name), digests[known] == nil else {
        throw damaged("it lists the file \(file["name"]?.string ?? "?"), which is none of a checkpoint, or twice")
      }
      guard let size = file["size"]?.integer, size >= 0, let sha256 = file["sha256"]?.string else {
        throw damaged("\(name) is listed without size and SHA-256")
      }
      digests[known] = ContentDigest(size: size, sha256: sha256)
    }
    if let missing = CheckpointFile.allCases.first(where: { $0.isRequired && digests[$0] == nil }) {
      throw damaged("it does not list \(missing.rawValue)")
    }
    self.files = digests
    self.iteration = iteration
    self.epoch = epoch
    identity = CheckpointIdentity(
      datasetDigest: dataset, configurationDigest: configuration, codeVersion: code, rankCount: rankCount)
    self.state = [:]
    for member in state {
      guard let text = member.value.string else { throw damaged("state \"\(member.key)\" is not a string") }
      self.state[member.key] = text
    }
  }

  init(_ checkpoint: Checkpoint, files: [CheckpointFile: ContentDigest]) {
    iteration = checkpoint.iteration
    epoch = checkpoint.epoch
    identity = checkpoint.identity
    state = checkpoint.state
    self.files = files
  }

  func summary(path: String) -> CheckpointSummary {
    CheckpointSummary(
      path: path, iteration: iteration, epoch: epoch, identity: identity, state: state, sizes: files.mapValues(\.size))
  }
}
