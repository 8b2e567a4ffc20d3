import Files

// What stands around the bytes that are fuzzed, so that no checksum keeps them from being looked at.

/// An archive of stored members.
func storedZip(_ members: [(name: String, content: [UInt8])]) -> [UInt8] {
  func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
  var (archive, directory): ([UInt8], [UInt8]) = ([], [])
  for (name, content) in members {
    let size = little(content.count, 4)
    // Versions, flags, method, time; checksum and sizes; lengths of name and extra field.
    let common =
      little(0, 8) + little(Int(crc32(content)), 4) + size + size + little(name.utf8.count, 2) + little(0, 2)
    directory += [0x50, 0x4B, 1, 2] + little(20, 2) + little(20, 2) + common + little(0, 10) + little(archive.count, 4)
    directory += Array(name.utf8)
    archive += [0x50, 0x4B, 3, 4] + little(20, 2) + common + Array(name.utf8) + content
  }
  let end =
    [0x50, 0x4B, 5, 6] + little(0, 4) + little(members.count, 2) + little(members.count, 2)
    + little(directory.count, 4) + little(archive.count, 4) + little(0, 2)
  return archive + directory + end
}

private func crc32(_ bytes: [UInt8]) -> UInt32 {
  var remainder: UInt32 = ~0
  for byte in bytes {
    remainder ^= UInt32(byte)
    for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0xEDB8_8320 : 0) }
  }
  return ~remainder
}

/// A run with one checkpoint, of which only the manifest can be read: members between braces, one on a line, then the seal.
struct SealedManifest: Storage {
  private let manifest: [UInt8]
  private let position = Position()

  /// Where reading has come.
  private final class Position: @unchecked Sendable {
    var value = 0
  }

  init(members: [UInt8]) {
    let body = Array("{\n".utf8) + members + Array(",\n".utf8)
    manifest =
      body + Array(("  \"sha256_of_the_lines_above\": \"" + ContentDigest(of: body[...]).sha256 + "\"\n}\n").utf8)
  }

  func openForReading(_ path: String) throws(StorageError) -> (file: Int32, size: Int) {
    position.value = 0
    return (3, manifest.count)
  }

  func read(_ file: Int32, into bytes: UnsafeMutableRawBufferPointer, path: String) throws(StorageError) -> Int {
    let count = min(bytes.count, manifest.count - position.value)
    bytes.copyBytes(from: manifest[position.value..<position.value + count])
    position.value += count
    return count
  }

  func close(_ file: Int32, path: String) throws(StorageError) {}

  func kind(of path: String) throws(StorageError) -> EntryKind? { .directory }

  func entries(of path: String) throws(StorageError) -> [String] {
    path.hasSuffix("/checkpoints")
      ? ["iteration-000000010"]
      : [
        "manifest.json", "model.safetensors", "optimizer.safetensors", "classes.safetensors", "classifier.safetensors",
      ]
  }

  // Nothing is written.
  private func refuse(_ path: String) -> StorageError { .callFailed(call: "write", path: path, code: 30) }
  func createFile(_ path: String) throws(StorageError) -> Int32 { throw refuse(path) }
  func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(StorageError) -> Int {
    throw refuse(path)
  }
  func synchronize(_ file: Int32, path: String) throws(StorageError) { throw refuse(path) }
  func createDirectory(_ path: String) throws(StorageError) { throw refuse(path) }
  func synchronizeDirectory(_ path: String) throws(StorageError) { throw refuse(path) }
  func rename(_ path: String, to newPath: String) throws(StorageError) { throw refuse(path) }
  func removeFile(_ path: String) throws(StorageError) { throw refuse(path) }
  func removeDirectory(_ path: String) throws(StorageError) { throw refuse(path) }
}

/// Takes one file's bytes.
final class WrittenBytes: Storage, @unchecked Sendable {
  private(set) var bytes: [UInt8] = []

  func createFile(_ path: String) throws(StorageError) -> Int32 { 3 }
  func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(StorageError) -> Int {
    self.bytes += bytes
    return bytes.count
  }
  func synchronize(_ file: Int32, path: String) throws(StorageError) {}
  func close(_ file: Int32, path: String) throws(StorageError) {}
  func synchronizeDirectory(_ path: String) throws(StorageError) {}

  // Nothing else is asked of it.
  private func refuse(_ path: String) -> StorageError { .callFailed(call: "open", path: path, code: 2) }
  func openForReading(_ path: String) throws(StorageError) -> (file: Int32, size: Int) { throw refuse(path) }
  func read(_ file: Int32, into bytes: UnsafeMutableRawBufferPointer, path: String) throws(StorageError) -> Int {
    throw refuse(path)
  }
  func kind(of path: String) throws(StorageError) -> EntryKind? { nil }
  func entries(of path: String) throws(StorageError) -> [String] { [] }
  func createDirectory(_ path: String) throws(StorageError) { throw refuse(path) }
  func rename(_ path: String, to newPath: String) throws(StorageError) { throw refuse(path) }
  func removeFile(_ path: String) throws(StorageError) { throw refuse(path) }
  func removeDirectory(_ path: String) throws(StorageError) { throw refuse(path) }
}
