import Foundation
import Matrices

/// A system call on a file failed.
package struct FileError: ReportableError {
  package let call: String
  package let path: String
  package let number: Int32

  package init(call: String, path: String, number: Int32) {
    self.call = call
    self.path = path
    self.number = number
  }

  package var exitStatus: ExitStatus { .inputOutput }
  package var description: String {
    let cure =
      number == ENOSPC ? " Free space on that file system." : number == EROFS ? " The file system is read-only." : ""
    return "\(path): \(call) failed: \(String(cString: strerror(number))).\(cure)"
  }
}

/// Writing that survives a crash: files are flushed before anyone relies on them.
package enum DurableFile {
  /// Creates a file that must not exist yet, writes it and flushes it to the disk.
  ///
  /// - Throws: `FileError` with the call that failed; what `body` throws.
  package static func create(
    _ path: String, _ body: (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard descriptor >= 0 else { throw FileError(call: "open", path: path, number: errno) }
    do {
      try body { try append($0, to: descriptor, path: path) }
      guard fsync(descriptor) == 0 else { throw FileError(call: "fsync", path: path, number: errno) }
    } catch {
      close(descriptor)
      throw error
    }
    guard close(descriptor) == 0 else { throw FileError(call: "close", path: path, number: errno) }
  }

  /// Replaces a file in one step: readers see the old one or the whole new one, and no partial file remains.
  ///
  /// - Throws: `FileError`; what `body` throws.
  package static func replace(
    _ path: String, _ body: (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let temporary = path + ".\(getpid()).tmp"
    unlink(temporary)
    do { try create(temporary, body) } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, path) == 0 else {
      let number = errno
      unlink(temporary)
      throw FileError(call: "rename", path: path, number: number)
    }
    try synchroniseDirectory((path as NSString).deletingLastPathComponent)
  }

  package static func replace(_ path: String, text: String) throws {
    try replace(path) { append in try Array(text.utf8).withUnsafeBytes { try append($0) } }
  }

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
      let written = write(descriptor, start, min(rest.count, 1 << 30))
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw FileError(call: "write", path: path, number: written < 0 ? errno : ENOSPC) }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }
}
