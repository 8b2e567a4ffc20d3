import Files
import Foundation
import Matrices
import TestSupport
import Testing

@testable import Checkpoints

/// Every alteration of a checkpoint is noticed before its numbers are used.
@Suite struct DamageTests {
  private let path = "/run/checkpoints/iteration-000000010"
  private let fileNames = CheckpointFile.allCases.map(\.rawValue) + [Manifest.fileName]

  private func saved(_ iteration: Int = 10) throws -> MemoryTree {
    let storage = MemoryStorage(tree: emptyRun())
    _ = try storage.store().save(checkpoint(iteration))
    return storage.tree
  }

  private func file(_ tree: MemoryTree, _ name: String) throws -> (node: Int, bytes: [UInt8]) {
    let node = try #require(tree.find(path + "/" + name))
    return (node, try #require(tree.contents(node)))
  }

  /// Loads the checkpoint with one file's bytes replaced; returns the error.
  private func errorWith(_ tree: MemoryTree, _ node: Int, _ bytes: [UInt8]) -> CheckpointError? {
    var altered = tree
    altered.nodes[node] = .file(bytes)
    do {
      _ = try CheckpointStore.load(path: path, storage: MemoryStorage(tree: altered))
      return nil
    } catch {
      return error as? CheckpointError
    }
  }

  @Test func everyTruncationAndExtension() throws {
    let tree = try saved()
    for name in fileNames {
      let (node, bytes) = try file(tree, name)
      for length in Set(Array(0...16) + Array(stride(from: 16, to: bytes.count, by: 7)) + [bytes.count - 1]) {
        let error = errorWith(tree, node, Array(bytes.prefix(length)))
        guard case .damaged(let file, _) = error else {
          Issue.record("\(name) cut to \(length) bytes: \(String(describing: error))")
          continue
        }
        #expect(file == path + "/" + name && error?.exitStatus == .badCheckpoint)
      }
      #expect(errorWith(tree, node, bytes + [0]) != nil)
      #expect(errorWith(tree, node, bytes) == nil)
    }
  }

  @Test func everySingleBit() throws {
    let tree = try saved()
    var flips = 0
    for name in fileNames {
      let (node, bytes) = try file(tree, name)
      for bit in 0..<bytes.count * 8 {
        var altered = bytes
        altered[bit / 8] ^= 1 << (bit % 8)
        guard case .damaged(let file, _) = errorWith(tree, node, altered), file == path + "/" + name else {
          Issue.record("bit \(bit) of \(name) went unnoticed")
          continue
        }
        flips += 1
      }
    }
    print("\(flips) single bits flipped, all noticed")
    #expect(flips >= 10_000)
  }

  @Test func filesOfAnotherCheckpoint() throws {
    let tree = try saved()
    let other = MemoryStorage(tree: emptyRun())
    let otherPath = try other.store().save(checkpoint(10, salt: 1)).path
    for name in fileNames {
      let bytes = try #require(other.tree.find(otherPath + "/" + name).flatMap(other.tree.contents))
      #expect(errorWith(tree, try file(tree, name).node, bytes) != nil, "\(name)")
    }
  }

  @Test func missingAndExtraFiles() throws {
    let tree = try saved()
    let directory = try #require(tree.find(path))
    for name in fileNames {
      var altered = tree
      altered.apply(.removeEntry(directory: directory, name: name))
      #expect(throws: CheckpointError.damaged(path: path + "/" + name, reason: "it is missing")) {
        try CheckpointStore.load(path: path, storage: MemoryStorage(tree: altered))
      }
    }
    var altered = tree
    altered.apply(.createEntry(directory: directory, name: "extra", node: 999, isDirectory: false))
    #expect(throws: CheckpointError.damaged(path: path + "/extra", reason: "it does not belong to a checkpoint")) {
      try CheckpointStore.load(path: path, storage: MemoryStorage(tree: altered))
    }
    #expect(throws: CheckpointError.self) {
      try CheckpointStore.load(path: path + "0", storage: MemoryStorage(tree: altered))
    }
  }

  /// The manifest's members with one of them replaced, sealed again.
  private func manifest(_ tree: MemoryTree, _ key: String, _ value: JSONValue?) throws -> [UInt8] {
    guard case .object(let members) = try JSONValue(parsing: file(tree, Manifest.fileName).bytes) else { return [] }
    return SealedRecord.bytes(
      members.dropLast().compactMap { member in
        member.key == key ? value.map { JSONMember(key, $0) } : member
      })
  }

  @Test func foreignManifests() throws {
    let tree = try saved()
    let node = try file(tree, Manifest.fileName).node
    #expect(errorWith(tree, node, try manifest(tree, "epoch", .integer(1))) == nil)

    for version in [0, Manifest.version + 1] {
      let other = errorWith(tree, node, try manifest(tree, "format_version", .integer(version)))
      #expect(
        other
          == .unsupportedVersion(path: path + "/" + Manifest.fileName, version: version, supported: Manifest.version))
    }
    let newer = errorWith(tree, node, try manifest(tree, "format_version", .integer(Manifest.version + 1)))
    #expect(newer?.description.contains("Update the program") == true && newer?.exitStatus == .badCheckpoint)

    func listing(_ name: String) -> JSONValue {
      .array(
        [name, CheckpointFile.optimizer.rawValue].map {
          .object([JSONMember("name", .string($0)), JSONMember("size", .integer(1)), JSONMember("sha256", .string(""))])
        })
    }
    for name in ["../model.safetensors", "/etc/passwd", "model.safetensors\u{0}", "", "optimizer.safetensors"] {
      #expect(errorWith(tree, node, try manifest(tree, "files", listing(name))) != nil, "\(name)")
    }
    for key in ["format", "iteration", "epoch", "dataset_digest", "rank_count", "state", "files", "format_version"] {
      #expect(errorWith(tree, node, try manifest(tree, key, nil)) != nil, "\(key) missing")
      #expect(errorWith(tree, node, try manifest(tree, key, .boolean(true))) != nil, "\(key) of another type")
    }
    #expect(errorWith(tree, node, try manifest(tree, "iteration", .integer(-1))) != nil)
    #expect(errorWith(tree, node, try manifest(tree, "state", .object([JSONMember("a", .integer(1))]))) != nil)
  }

  @Test func aNewerFormatIsNotSilentlyPassedOver() throws {
    let storage = MemoryStorage(tree: emptyRun())
    for iteration in [5, 10] { _ = try storage.store().save(checkpoint(iteration)) }
    var tree = storage.tree
    let node = try file(tree, Manifest.fileName).node
    tree.nodes[node] = .file(try manifest(tree, "format_version", .integer(Manifest.version + 1)))
    #expect(throws: CheckpointError.self) {
      try CheckpointStore.newestValid(runDirectory: "/run", storage: MemoryStorage(tree: tree))
    }
  }

  @Test func aDirectoryUnderAnotherName() throws {
    let storage = MemoryStorage(tree: emptyRun())
    for iteration in [5, 10] { _ = try storage.store().save(checkpoint(iteration)) }
    try storage.rename("/run/checkpoints/iteration-000000005", to: "/run/checkpoints/iteration-000000050")
    let newest = try #require(try CheckpointStore.newestValid(runDirectory: "/run", storage: storage))
    #expect(isWhole(newest.checkpoint, 10))
    #expect(newest.warnings.count == 1 && newest.warnings[0].contains("its manifest is of iteration 5"))
  }

  @Test func aDamagedNoteOfTheBestStopsPruningOnly() throws {
    let storage = MemoryStorage(tree: emptyRun())
    let store = try storage.store()
    for iteration in [1, 2] { _ = try store.save(checkpoint(iteration)) }
    try store.markBest(iteration: 1, figure: 0.5)
    let node = try #require(storage.tree.find("/run/checkpoints/best.json"))
    storage.state.withLock { $0.tree.nodes[node] = .file([1, 2, 3]) }
    #expect(throws: CheckpointError.self) { try store.best() }
    for iteration in [3, 4] { #expect(try store.save(checkpoint(iteration)).warnings.count == 1) }
    #expect(storage.names.count == 5)
    try store.markBest(iteration: 4, figure: 0.75)
    #expect(try store.save(checkpoint(5)).warnings.isEmpty)
    #expect(storage.names == ["best.json", "iteration-000000004", "iteration-000000005"])
  }

  @Test func linksPipesAndDirectoriesInPlaceOfFiles() throws {
    try withTemporaryFolder { run in
      let path = try CheckpointStore(runDirectory: run, keep: 2).save(checkpoint(10)).path
      let files = FileManager.default
      for name in fileNames {
        let file = path + "/" + name
        let moved = run + "/moved"
        try files.moveItem(atPath: file, toPath: moved)
        try files.createSymbolicLink(atPath: file, withDestinationPath: moved)
        #expect(throws: CheckpointError.self, "link") { try CheckpointStore.load(path: path) }
        try files.removeItem(atPath: file)
        #expect(mkfifo(file, 0o644) == 0)
        #expect(throws: CheckpointError.self, "pipe") { try CheckpointStore.load(path: path) }
        try files.removeItem(atPath: file)
        try files.createDirectory(atPath: file, withIntermediateDirectories: false)
        #expect(throws: CheckpointError.self, "directory") { try CheckpointStore.load(path: path) }
        try files.removeItem(atPath: file)
        try files.moveItem(atPath: moved, toPath: file)
        #expect(isWhole(try CheckpointStore.load(path: path), 10))
      }
      let link = run + "/link"
      try files.createSymbolicLink(atPath: link, withDestinationPath: path)
      #expect(throws: CheckpointError.self) { try CheckpointStore.load(path: link + "/") }
    }
  }

  @Test func namesOfEntries() {
    #expect(EntryName.committed(120) == "iteration-000000120")
    #expect(EntryName("iteration-000000120")?.role == .committed)
    #expect(EntryName("iteration-1000000000")?.iteration == 1_000_000_000)
    #expect(EntryName(EntryName.temporary(3))?.role == .temporary)
    #expect(EntryName(EntryName.aside(3))?.role == .aside)
    for name in [
      "iteration-120", "iteration--00000001", "iteration-+00000001", "iteration-000000120.", "iteration-000000120.tmp-",
      "iteration-000000120.tmp-0123456789ABCDEF", "iteration-000000120.old-0123456789abcdef", "iteration-0000000120",
      "step-000000120", "", "iteration-99999999999999999999", "iteration-000000120.tmp-0123-456789abcdef",
    ] {
      #expect(EntryName(name) == nil, "\(name)")
    }
  }
}
