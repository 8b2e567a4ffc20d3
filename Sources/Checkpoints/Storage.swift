import Files
import Foundation

/// The file-system operations of the checkpoint protocol, so that tests can fail or lose any one of them.
package protocol Storage: Sendable {
  func createDirectory(_ path: String) throws
  /// Creates a file that must not exist, writes it, and flushes it to the disk. After an error the file is not to be used,
  /// nor flushed again: a second fsync may claim success for pages that were dropped.
  func writeFile(
    _ path: String, _ body: (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws
  /// Makes creations and renames inside a directory durable.
  func synchroniseDirectory(_ path: String) throws
  func rename(_ path: String, to newPath: String) throws
  /// Removes a directory of plain files.
  func removeDirectory(_ path: String) throws
}

package struct DiskStorage: Storage {
  package init() {}

  package func createDirectory(_ path: String) throws {
    guard mkdir(path, 0o755) == 0 else { throw FileError(call: "mkdir", path: path, number: errno) }
  }

  package func writeFile(
    _ path: String, _ body: (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    try DurableFile.create(path, body)
  }

  package func synchroniseDirectory(_ path: String) throws { try DurableFile.synchroniseDirectory(path) }

  package func rename(_ path: String, to newPath: String) throws {
    guard Foundation.rename(path, newPath) == 0 else { throw FileError(call: "rename", path: newPath, number: errno) }
  }

  package func removeDirectory(_ path: String) throws {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
      guard unlink("\(path)/\(name)") == 0 else {
        throw FileError(call: "unlink", path: "\(path)/\(name)", number: errno)
      }
    }
    guard rmdir(path) == 0 else { throw FileError(call: "rmdir", path: path, number: errno) }
  }
}
