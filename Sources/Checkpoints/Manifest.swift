import Files

/// `manifest.json`: what a checkpoint is and what its files must be.
struct Manifest: Equatable {
  static let fileName = "manifest.json"
  static let modelName = "model.safetensors"
  static let optimizerName = "optimizer.safetensors"
  /// The only names a checkpoint's directory may hold, so that no name from a file ever becomes a path.
  static let fileNames = [modelName, optimizerName, fileName]
  static let format = "cegzsl checkpoint"
  static let version = 1

  var iteration: Int
  var epoch: Int
  var identity: CheckpointIdentity
  var state: [String: String]
  var model: ContentDigest
  var optimizer: ContentDigest

  var bytes: [UInt8] {
    func file(_ name: String, _ digest: ContentDigest) -> JSONValue {
      .object([
        JSONMember("name", .string(name)), JSONMember("size", .integer(digest.size)),
        JSONMember("sha256", .string(digest.sha256)),
      ])
    }
    let sortedState = state.sorted { $0.key < $1.key }.map { JSONMember($0.key, .string($0.value)) }
    return SealedRecord.bytes([
      JSONMember("format", .string(Self.format)), JSONMember("format_version", .integer(Self.version)),
      JSONMember("iteration", .integer(iteration)), JSONMember("epoch", .integer(epoch)),
      JSONMember("dataset_digest", .string(identity.datasetDigest)),
      JSONMember("configuration_digest", .string(identity.configurationDigest)),
      JSONMember("code_version", .string(identity.codeVersion)),
      JSONMember("rank_count", .integer(identity.rankCount)), JSONMember("state", .object(sortedState)),
      JSONMember("files", .array([file(Self.modelName, model), file(Self.optimizerName, optimizer)])),
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
    guard version == Self.version else {
      throw CheckpointError.unsupportedVersion(path: path, version: version, supported: Self.version)
    }
    guard let iteration = value["iteration"]?.integer, iteration >= 0, let epoch = value["epoch"]?.integer, epoch >= 0,
      let dataset = value["dataset_digest"]?.string, let configuration = value["configuration_digest"]?.string,
      let code = value["code_version"]?.string, let rankCount = value["rank_count"]?.integer,
      case .object(let state) = value["state"], case .array(let files) = value["files"]
    else { throw damaged("a field is missing or has another type") }
    let names = files.map { $0["name"]?.string ?? "?" }
    guard names == [Self.modelName, Self.optimizerName] else {
      throw damaged("it lists the files \(names) instead of \([Self.modelName, Self.optimizerName])")
    }
    let digests = files.compactMap { file -> ContentDigest? in
      guard let size = file["size"]?.integer, size >= 0, let sha256 = file["sha256"]?.string else { return nil }
      return ContentDigest(size: size, sha256: sha256)
    }
    guard digests.count == 2 else { throw damaged("a file is listed without size and SHA-256") }
    self.iteration = iteration
    self.epoch = epoch
    identity = CheckpointIdentity(
      datasetDigest: dataset, configurationDigest: configuration, codeVersion: code, rankCount: rankCount)
    self.state = [:]
    for member in state {
      guard let text = member.value.string else { throw damaged("state \"\(member.key)\" is not a string") }
      self.state[member.key] = text
    }
    model = digests[0]
    optimizer = digests[1]
  }

  init(_ checkpoint: Checkpoint, model: ContentDigest, optimizer: ContentDigest) {
    iteration = checkpoint.iteration
    epoch = checkpoint.epoch
    identity = checkpoint.identity
    state = checkpoint.state
    self.model = model
    self.optimizer = optimizer
  }
}
