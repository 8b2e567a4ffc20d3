import Files

/// A JSON object of one member per line whose last member is the SHA-256 of all bytes before that line. A single wrong
/// bit anywhere is noticed, and people can still read it.
enum SealedRecord {
  private static let sealKey = "  \"sha256_of_the_lines_above\": \""
  private static let ending = "\"\n}\n"

  static func bytes(_ members: [JSONMember]) -> [UInt8] {
    let lines = members.map { "  " + JSONValue.string($0.key).text() + ": " + $0.value.text() + ",\n" }
    let body = Array(("{\n" + lines.joined()).utf8)
    return body + Array((sealKey + ContentDigest(of: body).sha256 + ending).utf8)
  }

  /// The object, or why it is not one that `bytes(_:)` made.
  static func parse(_ bytes: [UInt8]) -> Result<JSONValue, SealError> {
    let sealLength = sealKey.utf8.count + 64 + ending.utf8.count
    guard bytes.count > sealLength else { return .failure(SealError(reason: "\(bytes.count) bytes are too few")) }
    let body = bytes.dropLast(sealLength)
    guard Array(bytes.suffix(sealLength)) == Array((sealKey + ContentDigest(of: body).sha256 + ending).utf8) else {
      return .failure(SealError(reason: "its contents do not match the SHA-256 in its last line"))
    }
    do {
      return .success(try JSONValue(parsing: bytes))
    } catch {
      return .failure(SealError(reason: "\(error)"))
    }
  }

  /// Reads and parses a file of at most 16 MiB. Throws `StorageError`, or `CheckpointError.damaged` naming the file.
  static func read(_ path: String, storage: any Storage) throws -> (value: JSONValue, bytes: [UInt8]) {
    let source = try FileSource(path: path, storage: storage)
    guard source.size <= 1 << 24, let bytes = try source.read(source.size) else {
      throw CheckpointError.damaged(path: path, reason: "\(source.size) bytes, at most \(1 << 24) are expected")
    }
    switch parse(bytes) {
    case .success(let value): return (value, bytes)
    case .failure(let error): throw CheckpointError.damaged(path: path, reason: error.reason)
    }
  }
}

struct SealError: Error {
  let reason: String
}
