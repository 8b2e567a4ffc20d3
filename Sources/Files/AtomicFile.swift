import Foundation

/// A system call on a file failed.
package struct FileError: Error, CustomStringConvertible, Sendable {
  package let call: String
  package let path: String
  package let number: Int32

  package init(call: String, path: String, number: Int32) {
    self.call = call
    self.path = path
    self.number = number
  }

  package var description: String { "\(path): \(call) failed: \(String(cString: strerror(number)))." }
}

/// Files that appear whole or not at all.
package enum AtomicFile {
  /// Writes beside `path`, flushes to the disk, then renames over it; on failure the old file is untouched and no partial
  /// one remains.
  ///
  /// - Throws: `FileError` with the call that failed.
  package static func write(
    _ path: String, _ body: (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let temporary = path + ".\(getpid()).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError(call: "open", path: temporary, number: errno) }
    do {
      try body { try append($0, to: descriptor, path: temporary) }
      guard fsync(descriptor) == 0 else { throw FileError(call: "fsync", path: temporary, number: errno) }
    } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
    guard close(descriptor) == 0 else { throw FileError(call: "close", path: temporary, number: errno) }
    guard rename(temporary, path) == 0 else {
      let number = errno
      unlink(temporary)
      throw FileError(call: "rename", path: path, number: number)
    }
    try synchroniseDirectory((path as NSString).deletingLastPathComponent)
  }

  package static func write(_ path: String, text: String) throws {
    try write(path) { append in try Array(text.utf8).withUnsafeBytes { try append($0) } }
  }

  /// Makes a rename or a creation inside a directory survive a power cut.
  package static func synchroniseDirectory(_ path: String) throws {
    let directory = path.isEmpty ? "." : path
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(call: "open", path: directory, number: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError(call: "fsync", path: directory, number: errno) }
  }

  private static func append(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws {
    var rest = bytes
    while let start = rest.baseAddress, !rest.isEmpty {
      // Linux writes at most 2 GiB per call.
      let written = Glibc.write(descriptor, start, min(rest.count, 1 << 30))
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw FileError(call: "write", path: path, number: written < 0 ? errno : ENOSPC) }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }
}
