import Foundation

/// Size in bytes and SHA-256 (64 lower-case hexadecimal digits) of a file's contents.
package struct ContentDigest: Sendable, Equatable {
  package let size: Int
  package let sha256: String

  package init(size: Int, sha256: String) {
    self.size = size
    self.sha256 = sha256
  }

  /// The digest of bytes in memory.
  package init(of bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.add($0) }
    self.init(size: bytes.count, sha256: hash.hexadecimal())
  }
}

/// Sixteen random hexadecimal digits: a name that no other process chooses.
package func randomNonce() -> String {
  let text = String(UInt64.random(in: .min ... .max), radix: 16)
  return String(repeating: "0", count: 16 - text.count) + text
}

/// Bytes on their way into a new file; digests them in passing.
package final class FileSink {
  private let storage: any Storage
  private let file: Int32
  private let path: String
  private var hash = SHA256()
  private var size = 0

  fileprivate init(storage: any Storage, file: Int32, path: String) {
    self.storage = storage
    self.file = file
    self.path = path
  }

  /// Stores all the bytes, in as many calls as the system needs. Throws `StorageError`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      // Pieces that fit a cache, so that the digest and the copy into the kernel read memory once.
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 20))
      let written = try storage.write(piece, to: file, path: path)
      guard written > 0, written <= piece.count else {
        throw StorageError.impossibleWrite(path: path, written: written, requested: piece.count)
      }
      hash.add(UnsafeRawBufferPointer(rebasing: piece.prefix(written)))
      size += written
      rest = rest.dropFirst(written)
    }
  }

  package func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  fileprivate var digest: ContentDigest { ContentDigest(size: size, sha256: hash.hexadecimal()) }
}

/// Files that are complete and on the device once the call returns.
package enum DurableFile {
  /// Creates `path`, which must not exist, with what `body` writes, and synchronizes it. After an error an incomplete
  /// file may remain for the caller to remove; its descriptor is closed and never used again.
  package static func create(
    _ path: String, storage: any Storage = PosixStorage(), body: (FileSink) throws -> Void
  ) throws -> ContentDigest {
    let file = try storage.createFile(path)
    let sink = FileSink(storage: storage, file: file, path: path)
    do {
      try body(sink)
      try storage.synchronize(file, path: path)
    } catch {
      try? storage.close(file, path: path)
      throw error
    }
    try storage.close(file, path: path)
    return sink.digest
  }

  /// Puts `contents` at `path` in one step: whoever reads it, even after a crash, finds the old or the new contents.
  package static func replace(
    _ path: String, contents: [UInt8], storage: any Storage = PosixStorage()
  ) throws {
    let aside = path + ".tmp-" + randomNonce()
    do {
      _ = try create(aside, storage: storage) { try $0.write(contents) }
      try storage.rename(aside, to: path)
    } catch {
      try? storage.removeFile(aside)
      throw error
    }
    let parent = parentFolder(of: path)
    try storage.synchronizeDirectory(parent.isEmpty ? "." : parent)
  }
}

/// A plain file, read from front to back in exact amounts and digested in passing.
package final class FileSource {
  package let path: String
  /// Bytes in the file when it was opened.
  package let size: Int
  package private(set) var position = 0
  private let storage: any Storage
  private let file: Int32
  private var hash = SHA256()

  /// Throws `StorageError` where there is no plain file to read.
  package init(path: String, storage: any Storage = PosixStorage()) throws {
    (file, size) = try storage.openForReading(path)
    self.path = path
    self.storage = storage
  }

  deinit { try? storage.close(file, path: path) }

  /// Fills `bytes`; false when the file ends before.
  package func read(into bytes: UnsafeMutableRawBufferPointer) throws -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeMutableRawBufferPointer(rebasing: rest.prefix(1 << 20))
      let count = try storage.read(file, into: piece, path: path)
      if count == 0 { return false }
      hash.add(UnsafeRawBufferPointer(rebasing: piece.prefix(count)))
      position += count
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// The next `count` bytes, or `nil` when the file ends before.
  package func read(_ count: Int) throws -> [UInt8]? {
    guard count <= size - position else { return nil }
    var complete = true
    let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      complete = try read(into: UnsafeMutableRawBufferPointer(buffer))
      filled = complete ? count : 0
    }
    return complete ? bytes : nil
  }

  /// Digest of what was read so far; of the file, once `position` equals `size`.
  package var digest: ContentDigest { ContentDigest(size: position, sha256: hash.hexadecimal()) }

  /// Digest of a whole file in constant memory.
  package static func digest(_ path: String, storage: any Storage = PosixStorage()) throws -> ContentDigest {
    let source = try FileSource(path: path, storage: storage)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while source.position < source.size {
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(source.size - source.position))
      if try !source.read(into: piece) { break }
    }
    return source.digest
  }
}
