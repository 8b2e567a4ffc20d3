import Foundation
import Matrices

/// A call of the file system that failed.
package enum StorageError: ReportableError, LocalizedError, Equatable {
  /// `call` on `path` returned the error number `code`.
  case callFailed(call: String, path: String, code: Int32)
  /// A symbolic link, a pipe, a device or a directory stands where a plain file was expected.
  case notRegularFile(path: String)
  /// A write reported that it stored `written` of `requested` bytes, without an error.
  case impossibleWrite(path: String, written: Int, requested: Int)

  package var exitStatus: ExitStatus { .inputOutput }

  package var description: String {
    switch self {
    case .callFailed(let call, let path, let code):
      "\(call) failed on \(path): \(Self.text(code)). \(Self.advice(code))"
    case .notRegularFile(let path):
      "\(path) is not a plain file (a link, a pipe, a device or a directory). Name the file itself."
    case .impossibleWrite(let path, let written, let requested):
      "write on \(path) reported \(written) of \(requested) bytes. The storage cannot be trusted; use another one."
    }
  }

  package var errorDescription: String? { description }

  /// The system's words for an error number.
  package static func text(_ code: Int32) -> String { "\(String(cString: strerror(code))) (error \(code))" }

  /// Whether a failed read means that this one file is lost, rather than that something is wrong in general.
  package static func isDamage(_ code: Int32) -> Bool { code == EIO || code == ENOENT || code == EUCLEAN }

  private static func advice(_ code: Int32) -> String {
    switch code {
    case ENOSPC, EDQUOT: "Free some space or name a run directory elsewhere."
    case EROFS, EACCES, EPERM: "Name a directory that this user may write."
    case EIO: "The device reports damage; copy what is left and use another one."
    case ENOENT: "Check the path."
    default: "Check the path and the file system."
    }
  }
}

/// Permissions of what is made, less those that the user's umask takes away; nothing is ever writable for everybody.
package enum NewEntry {
  package static let fileMode: mode_t = 0o664
  package static let folderMode: mode_t = 0o775
}

/// What a path leads to, links not followed.
package enum EntryKind: Sendable, Equatable {
  case file
  case directory
  /// A symbolic link, a pipe, a socket or a device.
  case other
}

/// The file-system calls that checkpoints are made of, one method per call, so that a test can fail any single one and
/// replay what a crash between two of them leaves behind. `path` beside a descriptor serves the error message.
package protocol Storage: Sendable {
  /// Creates a file that must not exist; returns its descriptor.
  func createFile(_ path: String) throws(StorageError) -> Int32
  /// Returns how many of the bytes were accepted, which may be fewer than given.
  func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(StorageError) -> Int
  /// Makes the contents durable. After a failure the descriptor must not be synchronized again: the kernel may have
  /// dropped the pages and would report success.
  func synchronize(_ file: Int32, path: String) throws(StorageError)
  func close(_ file: Int32, path: String) throws(StorageError)
  /// Opens a plain file, never through a link; returns its descriptor and its size in bytes.
  func openForReading(_ path: String) throws(StorageError) -> (file: Int32, size: Int)
  /// Returns how many bytes were read, 0 at the end of the file.
  func read(_ file: Int32, into bytes: UnsafeMutableRawBufferPointer, path: String) throws(StorageError) -> Int
  func createDirectory(_ path: String) throws(StorageError)
  /// Makes creations, removals and renames inside the directory durable.
  func synchronizeDirectory(_ path: String) throws(StorageError)
  func rename(_ path: String, to newPath: String) throws(StorageError)
  func removeFile(_ path: String) throws(StorageError)
  /// Removes an empty directory.
  func removeDirectory(_ path: String) throws(StorageError)
  /// Names in the directory, in no order, without `.` and `..`.
  func entries(of path: String) throws(StorageError) -> [String]
  /// `nil` where nothing exists.
  func kind(of path: String) throws(StorageError) -> EntryKind?
}

/// The operating system's file system.
package struct PosixStorage: Storage {
  package init() {}

  package func createFile(_ path: String) throws(StorageError) -> Int32 {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, NewEntry.fileMode)
    return try Self.check(file, "open for writing", path)
  }

  package func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(StorageError) -> Int {
    while true {
      let count = Foundation.write(file, bytes.baseAddress, bytes.count)
      if count >= 0 { return count }
      if errno != EINTR { throw .callFailed(call: "write", path: path, code: errno) }
    }
  }

  package func synchronize(_ file: Int32, path: String) throws(StorageError) {
    try Self.check(fsync(file), "fsync", path)
    // The pages are clean now. Without them a later read comes from the device, which is what is to be verified.
    _ = posix_fadvise(file, 0, 0, Int32(POSIX_FADV_DONTNEED))
  }

  package func close(_ file: Int32, path: String) throws(StorageError) {
    // Linux closes the descriptor even when interrupted.
    if Foundation.close(file) != 0, errno != EINTR { throw .callFailed(call: "close", path: path, code: errno) }
  }

  package func openForReading(_ path: String) throws(StorageError) -> (file: Int32, size: Int) {
    // O_NONBLOCK: opening a pipe without a writer must not wait.
    let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    if file < 0, errno == ELOOP { throw .notRegularFile(path: path) }
    try Self.check(file, "open", path)
    var status = stat()
    guard fstat(file, &status) == 0 else {
      let code = errno
      _ = Foundation.close(file)
      throw .callFailed(call: "fstat", path: path, code: code)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      _ = Foundation.close(file)
      throw .notRegularFile(path: path)
    }
    return (file, Int(status.st_size))
  }

  package func read(
    _ file: Int32, into bytes: UnsafeMutableRawBufferPointer, path: String
  ) throws(StorageError) -> Int {
    while true {
      let count = Foundation.read(file, bytes.baseAddress, bytes.count)
      if count >= 0 { return count }
      if errno != EINTR { throw .callFailed(call: "read", path: path, code: errno) }
    }
  }

  package func createDirectory(_ path: String) throws(StorageError) {
    try Self.check(mkdir(path, NewEntry.folderMode), "mkdir", path)
  }

  package func synchronizeDirectory(_ path: String) throws(StorageError) {
    let directory = try Self.check(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open directory", path)
    let result = fsync(directory)
    let code = errno
    _ = Foundation.close(directory)
    if result != 0 { throw .callFailed(call: "fsync of directory", path: path, code: code) }
  }

  package func rename(_ path: String, to newPath: String) throws(StorageError) {
    try Self.check(Foundation.rename(path, newPath), "rename to \(newPath)", path)
  }

  package func removeFile(_ path: String) throws(StorageError) { try Self.check(unlink(path), "unlink", path) }
  package func removeDirectory(_ path: String) throws(StorageError) { try Self.check(rmdir(path), "rmdir", path) }

  package func entries(of path: String) throws(StorageError) -> [String] {
    guard let directory = opendir(path) else { throw .callFailed(call: "opendir", path: path, code: errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(directory) else { break }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    if errno != 0 { throw .callFailed(call: "readdir", path: path, code: errno) }
    return names
  }

  package func kind(of path: String) throws(StorageError) -> EntryKind? {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw .callFailed(call: "lstat", path: path, code: errno)
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFDIR: return .directory
    default: return .other
    }
  }

  @discardableResult
  private static func check(_ result: Int32, _ call: String, _ path: String) throws(StorageError) -> Int32 {
    if result < 0 { throw .callFailed(call: call, path: path, code: errno) }
    return result
  }
}

/// This machine's name, as the kernel knows it.
package func hostName() -> String {
  let text = (try? String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8)) ?? ""
  let name = text.trimmingCharacters(in: .whitespacesAndNewlines)
  return name.isEmpty ? "unknown-host" : name
}
