import Files
import Foundation
import TestSupport
import Testing

@testable import Checkpoints

/// Parts that are added to a saved checkpoint.
@Suite struct CompletionTests {
  private let path = "/run/checkpoints/iteration-000000020"

  private func bytes(_ tree: MemoryTree, _ path: String, _ name: String) -> [UInt8]? {
    tree.find(path + "/" + name).flatMap(tree.contents)
  }

  /// A run with a checkpoint that has these files.
  private func run(_ files: [CheckpointFile]) throws -> (MemoryStorage, CheckpointStore) {
    let storage = MemoryStorage(tree: emptyRun())
    let store = try storage.store()
    _ = try store.save(checkpoint(10, files: required))
    _ = try store.save(checkpoint(20, files: files))
    return (storage, store)
  }

  private func load(_ storage: MemoryStorage) throws -> LoadedCheckpoint {
    try CheckpointStore.load(path: path, storage: storage)
  }

  /// A checkpoint that was completed cannot be told from one that was saved whole.
  @Test(arguments: [required, required + [.classes], required + [.classifier]])
  func endsWhereASaveOfAllEnds(_ files: [CheckpointFile]) throws {
    let (storage, store) = try run(files)
    #expect(isWhole(try load(storage), 20, files: files))
    #expect(try store.complete(iteration: 20, with: checkpoint(20).parts))
    #expect(isWhole(try load(storage), 20))
    let (whole, _) = try run(CheckpointFile.allCases)
    for name in CheckpointFile.allCases.map(\.rawValue) + [Manifest.fileName] {
      #expect(bytes(storage.tree, path, name) == bytes(whole.tree, path, name), "\(name)")
    }
    #expect(try storage.entries(of: path).count == 5)
  }

  @Test func whatIsThereStays() throws {
    let (storage, store) = try run(required + [.classifier])
    let before = storage.tree.find(path).flatMap(storage.tree.entries)
    #expect(try !store.complete(iteration: 20, with: [.classifier: CheckpointPart([])]))
    #expect(storage.tree.find(path).flatMap(storage.tree.entries) == before)
    #expect(
      try store.complete(iteration: 20, with: [.classes: checkpoint(20).parts[.classes]!, .classifier: .init([])]))
    #expect(isWhole(try load(storage), 20))
    // What is required cannot be exchanged either.
    #expect(try !store.complete(iteration: 20, with: checkpoint(20, salt: 1).parts))
    #expect(isWhole(try load(storage), 20))
    #expect(throws: CheckpointError.unknownIteration(iteration: 30, directory: "/run/checkpoints")) {
      try store.complete(iteration: 30, with: checkpoint(30).parts)
    }
  }

  @Test func checkpointsWithoutTheNewPartsAreThoseOfVersion1() throws {
    let (storage, _) = try run(required)
    let text = String(decoding: try #require(bytes(storage.tree, path, Manifest.fileName)), as: UTF8.self)
    #expect(text.contains("\"format_version\": 1,") && !text.contains("class"))
  }

  @Test func savingAgainCompletes() throws {
    let (storage, store) = try run(required)
    #expect(try store.save(checkpoint(20)).warnings.isEmpty)
    #expect(isWhole(try load(storage), 20))
    _ = try store.save(checkpoint(20, files: required))
    #expect(isWhole(try load(storage), 20))
  }

  @Test func everyCrashStateIsTheOldOrTheCompleteOne() throws {
    let (storage, store) = try run(required)
    let (start, before) = (storage.tree, storage.state.withLock { $0.log.count })
    _ = try store.complete(iteration: 20, with: checkpoint(20).parts)
    let log = Array(storage.state.withLock { $0.log }.dropFirst(before))
    var seen: Set<Bool> = []
    for count in 0...log.count {
      for variant in CrashVariant.allCases {
        let after = MemoryStorage(tree: crashState(log, first: count, from: start, variant))
        let found = try load(after)
        let isComplete = found.sizes.count == 4
        #expect(isWhole(found, 20, files: isComplete ? CheckpointFile.allCases : required), "\(count), \(variant)")
        if count == log.count { #expect(isComplete, "\(variant)") }
        seen.insert(isComplete)
        // Once more, and nothing of the first time is left; nor is it when the checkpoint is removed.
        let store = try after.store()
        _ = try store.complete(iteration: 20, with: checkpoint(20).parts)
        #expect(isWhole(try load(after), 20))
        let left = try after.entries(of: path)
        if !isComplete { #expect(left.count == 5, "\(left)") }
        try expectRemoval(after)
        // Nor if it is removed without having been completed.
        try expectRemoval(MemoryStorage(tree: crashState(log, first: count, from: start, variant)))
      }
    }
    #expect(seen == [false, true] && log.count > 12)
  }

  /// Two more checkpoints take the place of those that there are.
  private func expectRemoval(_ storage: MemoryStorage) throws {
    let store = try storage.store()
    for iteration in [30, 40] { #expect(try store.save(checkpoint(iteration)).warnings.isEmpty) }
    #expect(storage.names == ["iteration-000000030", "iteration-000000040"])
  }

  @Test(arguments: [false, true]) func everyFailingCallIsReportedAndHarmless(andAllLater: Bool) throws {
    var call = 0
    while true {
      let (storage, store) = try run(required)
      storage.state.withLock { ($0.failingCall, $0.failsOn, $0.code) = ($0.calls + call, andAllLater, ENOSPC) }
      var failure: (any Error)?
      do { try store.complete(iteration: 20, with: checkpoint(20).parts) } catch { failure = error }
      let failed = storage.state.withLock { state in
        (state.failingCall, state.failsOn) = (nil, false)
        return state.failedCalls
      }
      if failed.isEmpty { break }
      call += 1
      #expect(failure != nil || failed[0].hasPrefix("close"), "\(failed[0]) went unnoticed")
      let found = try load(storage)
      #expect(isWhole(found, 20, files: found.sizes.count == 4 ? CheckpointFile.allCases : required), "\(failed)")
      #expect(storage.state.withLock { $0.open.isEmpty }, "a descriptor leaked after \(failed[0])")
      _ = try store.complete(iteration: 20, with: checkpoint(20).parts)
      #expect(isWhole(try load(storage), 20))
    }
    #expect(call > 20)
  }

  @Test func aWriteThatLiesIsNoticed() throws {
    var noticed = 0
    for call in 0..<30 {
      let (storage, store) = try run(required)
      storage.state.withLock { $0.lyingCall = $0.calls + call }
      do {
        try store.complete(iteration: 20, with: checkpoint(20).parts)
        #expect(isWhole(try load(storage), 20))
      } catch CheckpointError.readBackDiffers {
        noticed += 1
        #expect(isWhole(try load(storage), 20, files: required))
        #expect(try storage.entries(of: path).count == 3)
      }
    }
    #expect(noticed >= 3)
  }

  /// Version 0.1 knew the best checkpoint by its manifest.
  @Test func theBestStaysTheBest() throws {
    let (storage, store) = try run(required)
    let manifest = try Manifest(directory: path, storage: storage)
    let note = SealedRecord.bytes([
      JSONMember("iteration", .integer(20)), JSONMember("figure", .number(0.5)),
      JSONMember("manifest_sha256", .string(ContentDigest(of: manifest.bytes).sha256)),
    ])
    _ = try DurableFile.create("/run/checkpoints/best.json", storage: storage) { try $0.write(note) }
    #expect(try store.best() == BestCheckpoint(iteration: 20, figure: 0.5, path: path))
    let (start, before) = (storage.tree, storage.state.withLock { $0.log.count })
    _ = try store.complete(iteration: 20, with: checkpoint(20).parts)
    let log = Array(storage.state.withLock { $0.log }.dropFirst(before))
    for count in 0...log.count {
      let after = MemoryStorage(tree: crashState(log, first: count, from: start, .nothingLost))
      #expect(
        try CheckpointStore.best(runDirectory: "/run", storage: after)
          == BestCheckpoint(iteration: 20, figure: 0.5, path: path), "after \(count) of \(log.count)")
    }
    // Another checkpoint of that iteration does not inherit the figure.
    _ = try store.abandon(after: 10)
    _ = try store.save(checkpoint(20, salt: 1))
    #expect(try store.best() == nil)
  }

  @Test func wherverItLies() throws {
    try withTemporaryFolder { run in
      var store: CheckpointStore? = try CheckpointStore(runDirectory: run, keep: 2)
      let path = try store!.save(checkpoint(20, files: required)).path
      // A run that goes on might be about to remove it.
      #expect(throws: CheckpointError.self) { try CheckpointStore.complete(path: path, with: parts(20)) }
      let copy = run + "/copy"
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      #expect(try CheckpointStore.complete(path: copy + "/", with: parts(20)))
      #expect(isWhole(try CheckpointStore.load(path: copy), 20))
      store = nil
      #expect(isWhole(try CheckpointStore.load(path: path), 20, files: required))
      #expect(try CheckpointStore.complete(path: path + "//", with: parts(20)))
      #expect(isWhole(try CheckpointStore.load(path: path), 20))
    }
  }

  @Test func placesOfCheckpoints() throws {
    for (path, run) in [
      ("/a/b/checkpoints/iteration-000000020/", "/a/b"), ("a/checkpoints/iteration-000000020", "a"),
      ("checkpoints/iteration-000000020", "."), ("/checkpoints/iteration-000000020", "/"),
    ] {
      let place = try #require(RunPlace(ofCheckpoint: path))
      #expect(place.runDirectory == run && place.iteration == 20, "\(path)")
    }
    for path in [
      "", "/", "iteration-000000020", "a/iteration-000000020", "a/checkpoints/iteration-20", "a/checkpoints",
    ] {
      #expect(RunPlace(ofCheckpoint: path) == nil, "\(path)")
    }
  }

  /// Using a model does not take its optimizer's state, nor is it in the way.
  @Test func someFilesAlone() throws {
    let (storage, _) = try run(CheckpointFile.allCases)
    var tree = storage.tree
    tree.nodes[try #require(tree.find(path + "/optimizer.safetensors"))] = .file([1, 2, 3])
    let damaged = MemoryStorage(tree: tree)
    #expect(throws: CheckpointError.self) { try load(damaged) }
    let files: [CheckpointFile] = [.model, .classifier]
    let found = try CheckpointStore.load(path: path, files: files, storage: damaged)
    #expect(found[.optimizer] == nil && found[.classes] == nil && found[.classifier] != nil)
    #expect(found.model.names.count == 2 && found.sizes.count == 4)
    let newest = try CheckpointStore.newestValid(runDirectory: "/run", files: files, storage: damaged)
    #expect(newest?.checkpoint.iteration == 20 && newest?.warnings == [])
  }

  @Test func listsWhatEachCheckpointSaysOfItself() throws {
    let (storage, _) = try run(CheckpointFile.allCases)
    var tree = storage.tree
    let manifest = try #require(tree.find("/run/checkpoints/iteration-000000010/manifest.json"))
    tree.nodes[manifest] = .file([])
    let list = try CheckpointStore.list(runDirectory: "/run", storage: MemoryStorage(tree: tree))
    #expect(list.count == 2)
    let newest = try list[0].get()
    #expect(newest.iteration == 20 && newest.path == path && newest.epoch == 2 && newest.state["sampler"] == "at 20")
    #expect(newest.sizes[.classes] == bytes(tree, path, "classes.safetensors")?.count)
    #expect(throws: CheckpointError.self) { try list[1].get() }
    #expect(try CheckpointStore.list(runDirectory: "/", storage: storage).isEmpty)
  }
}
