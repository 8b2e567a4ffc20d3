import Foundation
import Matrices

/// The folder that holds `path`: "" for the current one. Foundation's traps on names of one character.
package func parentFolder(of path: String) -> String {
  var bytes = Array(path.utf8)
  func dropSlashes() { while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() } }
  dropSlashes()
  while let last = bytes.last, last != UInt8(ascii: "/") { bytes.removeLast() }
  dropSlashes()
  return String(decoding: bytes, as: UTF8.self)
}

/// A new file or folder has no name.
package struct PathEmpty: ReportableError, Equatable {
  package init() {}
  package var exitStatus: ExitStatus { .usage }
  package var description: String { "the path of what is to be written is empty; give a name" }
}

/// Something stands where a new file or folder was to be made.
package struct PathTaken: ReportableError, Equatable {
  package let path: String
  package init(path: String) { self.path = path }
  package var exitStatus: ExitStatus { .badData }
  package var description: String { "\(path): it exists already, and nothing is overwritten; give another name" }
}

/// New files and folders that appear under their name complete, on the device, or not at all.
package enum NewPath {
  /// Makes the folder `path`.
  ///
  /// - Parameter body: fills the folder that it gets, with durable files.
  /// - Throws: `PathTaken`, `PathEmpty`, `StorageError`, and what `body` throws; nothing is left then.
  package static func folder(
    _ path: String, storage: any Storage = PosixStorage(), body: (String) throws -> Void
  ) throws {
    try make(path, storage: storage) { aside in
      try storage.createDirectory(aside)
      try body(aside)
      try storage.synchronizeDirectory(aside)
    }
  }

  /// Makes the file `path`.
  ///
  /// - Parameter body: creates the file whose name it gets, and makes it durable.
  /// - Throws: `PathTaken`, `PathEmpty`, `StorageError`, and what `body` throws; nothing is left then.
  package static func file(
    _ path: String, storage: any Storage = PosixStorage(), body: (String) throws -> Void
  ) throws { try make(path, storage: storage, body) }

  /// The same where an older file may be replaced.
  ///
  /// - Throws: also `StorageError.notRegularFile` where something else stands, which is left alone.
  package static func replacing(
    _ path: String, storage: any Storage = PosixStorage(), body: (String) throws -> Void
  ) throws { try make(path, mayReplace: true, storage: storage, body) }

  /// Makes a folder and those above it, as far as they are not there, durably; with the user's umask.
  ///
  /// - Throws: `PathEmpty`, `StorageError`.
  package static func folders(_ path: String, storage: any Storage = PosixStorage()) throws {
    guard !path.isEmpty else { throw PathEmpty() }
    try make(folder: path, storage: storage)
  }

  /// "" is the current folder, and there.
  private static func make(folder path: String, storage: any Storage) throws {
    guard try !path.isEmpty && storage.kind(of: path) == nil else { return }
    let parent = parentFolder(of: path)
    try make(folder: parent, storage: storage)
    do { try storage.createDirectory(path) } catch {
      // Somebody else was faster.
      guard case .callFailed(_, _, EEXIST) = error else { throw error }
    }
    try storage.synchronizeDirectory(parent.isEmpty ? "." : parent)
  }

  private static func make(
    _ path: String, mayReplace: Bool = false, storage: any Storage, _ body: (String) throws -> Void
  ) throws {
    guard !path.isEmpty else { throw PathEmpty() }
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    let there = try storage.kind(of: path)
    guard mayReplace || there == nil else { throw PathTaken(path: path) }
    guard there == nil || there == .file else { throw StorageError.notRegularFile(path: path) }
    let parent = parentFolder(of: path)
    try make(folder: parent, storage: storage)
    let aside = path + ".partial-" + randomNonce()
    do {
      try body(aside)
      // Between the look above and here somebody may have made it; an empty folder would be replaced without a word.
      guard try mayReplace || storage.kind(of: path) == nil else { throw PathTaken(path: path) }
      try storage.rename(aside, to: path)
    } catch {
      try? remove(aside, storage: storage)
      throw error
    }
    try storage.synchronizeDirectory(parent.isEmpty ? "." : parent)
  }

  private static func remove(_ path: String, storage: any Storage) throws {
    guard let kind = try storage.kind(of: path) else { return }
    guard kind == .directory else { return try storage.removeFile(path) }
    for name in try storage.entries(of: path) { try remove(path + "/" + name, storage: storage) }
    try storage.removeDirectory(path)
  }
}

/// A path with its links followed, for comparing: of whatever spelling, whether there is something or not.
package func resolvedPath(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
