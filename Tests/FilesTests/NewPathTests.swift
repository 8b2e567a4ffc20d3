import Foundation
import Testing

@testable import Files

@Suite struct NewPathTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "cegzsl-new-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func write(_ path: String, _ text: String) throws {
    _ = try DurableFile.create(path) { try $0.write(Array(text.utf8)) }
  }

  @Test func appearsCompleteOrNotAtAll() throws {
    struct Stop: Error {}
    try withFolder { folder in
      #expect(throws: Stop.self) {
        try NewPath.folder(folder + "/a") { inside in
          try write(inside + "/first", "1")
          #expect(!FileManager.default.fileExists(atPath: folder + "/a"))
          throw Stop()
        }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty, "nothing is left of it")
      try NewPath.folder(folder + "/deep/er/a/") { try write($0 + "/first", "1") }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/deep/er") == ["a"])
      try NewPath.file(folder + "/b") { try write($0, "2") }
      #expect(try String(contentsOfFile: folder + "/b", encoding: .utf8) == "2")
    }
  }

  @Test func foldersOfPaths() {
    for (path, parent) in [
      ("a", ""), ("é", ""), ("", ""), ("/", "/"), ("/a", "/"), ("a/", ""), ("a/b", "a"), ("/a//b//", "/a"), ("..", ""),
      ("a/日", "a"),
    ] { #expect(parentFolder(of: path) == parent, "\(path)") }
    #expect(throws: PathEmpty.self) { try NewPath.folders("") }
    #expect(throws: PathEmpty.self) { try NewPath.folder("") { _ in Issue.record("it was begun") } }
  }

  @Test func nothingIsOverwritten() throws {
    try withFolder { folder in
      try FileManager.default.createDirectory(atPath: folder + "/empty", withIntermediateDirectories: true)
      #expect(throws: PathTaken.self) { try NewPath.folder(folder + "/empty") { _ in Issue.record("it was begun") } }
      // Made while it was written.
      #expect(throws: PathTaken.self) {
        try NewPath.file(folder + "/c") { path in
          try write(path, "mine")
          try write(folder + "/c", "theirs")
        }
      }
      #expect(try String(contentsOfFile: folder + "/c", encoding: .utf8) == "theirs")
      try NewPath.replacing(folder + "/c") { try write($0, "new") }
      #expect(try String(contentsOfFile: folder + "/c", encoding: .utf8) == "new")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["c", "empty"])
    }
  }

  /// Only a plain file is ever replaced: not a device, a link or a folder.
  @Test func replacesPlainFilesAlone() throws {
    try withFolder { folder in
      try write(folder + "/target", "old")
      try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: folder + "/target")
      try FileManager.default.createDirectory(atPath: folder + "/inside", withIntermediateDirectories: true)
      for name in ["link", "inside"] {
        #expect(throws: StorageError.notRegularFile(path: "\(folder)/\(name)")) {
          try NewPath.replacing("\(folder)/\(name)") { try write($0, "new") }
        }
      }
      try NewPath.replacing(folder + "/target") { try write($0, "new") }
      #expect(try String(contentsOfFile: folder + "/link", encoding: .utf8) == "new")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["inside", "link", "target"])
    }
  }
}
