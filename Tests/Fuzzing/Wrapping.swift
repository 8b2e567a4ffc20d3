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

private let remainders: [UInt32] = (0..<256).map { byte in
  (0..<8).reduce(UInt32(byte)) { remainder, _ in remainder >> 1 ^ (remainder & 1 == 1 ? 0xEDB8_8320 : 0) }
}

private func crc32(_ bytes: [UInt8]) -> UInt32 {
  ~bytes.reduce(~0) { $0 >> 8 ^ remainders[Int(($0 ^ UInt32($1)) & 0xFF)] }
}

/// A run with one checkpoint, of which only the manifest can be read: members between braces, one on a line, then the seal.
func sealedManifest(members: [UInt8]) -> OneFile {
  let body = Array("{\n".utf8) + members + Array(",\n".utf8)
  let seal = "  \"sha256_of_the_lines_above\": \"" + ContentDigest(of: body[...]).sha256 + "\"\n}\n"
  return OneFile(
    body + Array(seal.utf8),
    entries: [
      "manifest.json", "model.safetensors", "optimizer.safetensors", "classes.safetensors", "classifier.safetensors",
    ])
}

/// A storage of one file, whatever its path: it can be written, then read from its start. Its folder is that of a checkpoint.
final class OneFile: Storage, @unchecked Sendable {
  private(set) var bytes: [UInt8]
  private let entries: [String]
  private var position = 0

  init(_ bytes: [UInt8] = [], entries: [String] = []) { (self.bytes, self.entries) = (bytes, entries) }

  func createFile(_ path: String) throws(StorageError) -> Int32 { 3 }
  func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(StorageError) -> Int {
    self.bytes += bytes
    return bytes.count
  }
  func openForReading(_ path: String) throws(StorageError) -> (file: Int32, size: Int) {
    position = 0
    return (3, bytes.count)
  }
  func read(_ file: Int32, into buffer: UnsafeMutableRawBufferPointer, path: String) throws(StorageError) -> Int {
    let count = min(buffer.count, bytes.count - position)
    buffer.copyBytes(from: bytes[position..<position + count])
    position += count
    return count
  }
  func synchronize(_ file: Int32, path: String) throws(StorageError) {}
  func close(_ file: Int32, path: String) throws(StorageError) {}
  func synchronizeDirectory(_ path: String) throws(StorageError) {}
  func kind(of path: String) throws(StorageError) -> EntryKind? { entries.isEmpty ? nil : .directory }
  func entries(of path: String) throws(StorageError) -> [String] {
    path.hasSuffix("/checkpoints") ? ["iteration-000000010"] : entries
  }

  // Nothing else is asked of it.
  private func refuse(_ path: String) -> StorageError { .callFailed(call: "mkdir", path: path, code: 30) }
  func createDirectory(_ path: String) throws(StorageError) { throw refuse(path) }
  func rename(_ path: String, to newPath: String) throws(StorageError) { throw refuse(path) }
  func removeFile(_ path: String) throws(StorageError) { throw refuse(path) }
  func removeDirectory(_ path: String) throws(StorageError) { throw refuse(path) }
}
