import Files
import Foundation
import Testing

/// What `convert`, `export`, `extend`, `predict` and `synthesize` make is there whole, or not at all, wherever power fails.
@Suite struct NewPathCrashTests {
  private static let contents: [String: [UInt8]] = ["a.bin": Array(0..<200), "b.json": Array("{\"of\": \"b\"}".utf8)]

  private func write(_ folder: String, _ storage: MemoryStorage) throws {
    for (name, bytes) in Self.contents.sorted(by: { $0.key < $1.key }) {
      _ = try DurableFile.create(folder + "/" + name, storage: storage) { try $0.write(bytes) }
    }
    try storage.createDirectory(folder + "/inner")
    _ = try DurableFile.create(folder + "/inner/c", storage: storage) { try $0.write([1, 2, 3]) }
    try storage.synchronizeDirectory(folder + "/inner")
  }

  /// Whether the folder is there; an error where it is there in part.
  private func isThere(_ tree: MemoryTree, _ path: String) -> Bool {
    guard let folder = tree.find(path) else { return false }
    #expect(tree.entries(folder)?.keys.sorted() == ["a.bin", "b.json", "inner"])
    for (name, bytes) in Self.contents {
      #expect(tree.find(path + "/" + name).flatMap(tree.contents) == bytes, "\(name)")
    }
    #expect(tree.find(path + "/inner/c").flatMap(tree.contents) == [1, 2, 3])
    return true
  }

  @Test(arguments: ["/out", "/deep/er/out"]) func everyCrashStateHasTheWholeFolderOrNone(_ path: String) throws {
    let storage = MemoryStorage()
    try NewPath.folder(path, storage: storage) { try write($0, storage) }
    let log = storage.state.withLock { $0.log }
    var seen: Set<Bool> = []
    for count in 0...log.count {
      for variant in CrashVariant.allCases {
        let tree = crashState(log, first: count, from: MemoryTree(), variant)
        let found = isThere(tree, path)
        if count == log.count { #expect(found, "\(variant): it was reported as made") }
        seen.insert(found)
        // What is left aside is in nobody's way.
        let again = MemoryStorage(tree: tree)
        if !found { try NewPath.folder(path, storage: again) { try write($0, again) } }
        #expect(isThere(again.tree, path))
      }
    }
    #expect(seen == [true, false] && log.count > 10)
  }

  @Test func everyCrashStateHasTheOldFileOrTheNew() throws {
    let (old, new) = ([UInt8](repeating: 7, count: 300), [UInt8](repeating: 9, count: 200))
    let before = MemoryStorage()
    try NewPath.file("/out", storage: before) { path in
      _ = try DurableFile.create(path, storage: before) { try $0.write(old) }
    }
    let storage = MemoryStorage(tree: before.tree)
    try NewPath.replacing("/out", storage: storage) { path in
      _ = try DurableFile.create(path, storage: storage) { try $0.write(new) }
    }
    let log = storage.state.withLock { $0.log }
    for count in 0...log.count {
      for variant in CrashVariant.allCases {
        let tree = crashState(log, first: count, from: before.tree, variant)
        let found = tree.find("/out").flatMap(tree.contents)
        #expect(found == new || (found == old && count < log.count), "\(count), \(variant)")
      }
    }
  }

  /// Nothing is left of what fails, and what was there stays.
  @Test(arguments: [ENOSPC, EIO]) func everyFailingCallLeavesNothing(_ code: Int32) throws {
    var call = 0
    while true {
      let storage = MemoryStorage()
      storage.state.withLock { ($0.failingCall, $0.code) = (call, code) }
      var failure: (any Error)?
      do { try NewPath.folder("/out", storage: storage) { try write($0, storage) } } catch { failure = error }
      let failed = storage.state.withLock { $0.failedCalls }
      if failed.isEmpty { break }
      call += 1
      #expect(failure != nil || failed[0].hasPrefix("close"), "\(failed[0]) went unnoticed")
      #expect(storage.state.withLock { $0.open.isEmpty }, "a descriptor leaked after \(failed[0])")
      let root = storage.tree.entries(0)?.keys.sorted() ?? []
      // Made, though not known to last, or nothing at all.
      #expect(root == [] || (root == ["out"] && isThere(storage.tree, "/out")), "\(failed): \(root)")
    }
    #expect(call > 15)
  }
}
