import Checkpoints
import Files
import Foundation
import TestSupport
import Testing

/// The store on the real file system.
@Suite struct StoreTests {
  private func names(_ run: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints").sorted()
  }

  @Test func roundTrip() throws {
    try withTemporaryFolder { run in
      let store = try CheckpointStore(runDirectory: run, keep: 3)
      #expect(try store.newestValid() == nil)
      let saved = try store.save(checkpoint(120))
      #expect(saved.path == run + "/checkpoints/iteration-000000120" && saved.warnings.isEmpty)
      #expect(isWhole(try CheckpointStore.load(path: saved.path + "/"), 120))
      let newest = try #require(try store.newestValid())
      #expect(newest.checkpoint.path == saved.path && newest.warnings.isEmpty && isWhole(newest.checkpoint, 120))
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: saved.path).sorted()
          == [
            "classes.safetensors", "classifier.safetensors", "manifest.json", "model.safetensors",
            "optimizer.safetensors",
          ])
    }
  }

  @Test func sameContentGivesTheSameBytes() throws {
    let bytes = try (0..<2).map { _ in
      try withTemporaryFolder { run in
        let path = try CheckpointStore(runDirectory: run, keep: 2).save(checkpoint(7)).path
        return try (["manifest.json"] + CheckpointFile.allCases.map(\.rawValue)).map {
          try Data(contentsOf: URL(fileURLWithPath: path + "/" + $0))
        }
      }
    }
    #expect(bytes[0] == bytes[1])
  }

  @Test func keepsTheNewestAndTheBestAndNothingOfOthersIsTouched() throws {
    try withTemporaryFolder { run in
      var store: CheckpointStore? = try CheckpointStore(runDirectory: run, keep: 1)
      for name in ["notes", "iteration-5", "iteration-000000001.mine", "iteration-000000002.tmp-short"] {
        try FileManager.default.createDirectory(
          atPath: run + "/checkpoints/" + name, withIntermediateDirectories: false)
      }
      for iteration in 1...3 { _ = try store!.save(checkpoint(iteration)) }
      try store!.markBest(iteration: 2, figure: 0.625)
      for iteration in 4...6 { _ = try store!.save(checkpoint(iteration)) }
      let others = ["iteration-000000001.mine", "iteration-000000002.tmp-short", "iteration-5", "notes"]
      func kept(_ iterations: Int...) -> [String] {
        (iterations.map { "iteration-00000000\($0)" } + ["best.json"] + others).sorted()
      }
      #expect(try names(run) == kept(2, 5, 6))

      store = nil
      store = try CheckpointStore(runDirectory: run, keep: 1)
      let path = run + "/checkpoints/iteration-000000002"
      let best = try #require(try store!.best())
      #expect(best.iteration == 2 && best.figure == 0.625 && best.path == path)
      _ = try store!.save(checkpoint(7))
      #expect(try names(run) == kept(2, 6, 7))
      try store!.markBest(iteration: 7, figure: 0.75)
      _ = try store!.save(checkpoint(8))
      #expect(try names(run) == kept(7, 8))
      #expect(throws: CheckpointError.unknownIteration(iteration: 3, directory: run + "/checkpoints")) {
        try store!.markBest(iteration: 3, figure: 1)
      }
    }
  }

  @Test func damagedOnesAreSkippedNamedAndNeverRemoved() throws {
    try withTemporaryFolder { run in
      let store = try CheckpointStore(runDirectory: run, keep: 2)
      for iteration in [10, 20, 30] { _ = try store.save(checkpoint(iteration)) }
      let damaged = run + "/checkpoints/iteration-000000030/model.safetensors"
      try Data("?".utf8).write(to: URL(fileURLWithPath: damaged))
      let newest = try #require(try store.newestValid())
      #expect(isWhole(newest.checkpoint, 20))
      #expect(
        newest.warnings.count == 1 && newest.warnings[0].contains(damaged + ": it has 1 bytes, the manifest says"))

      // Training goes on from 20 and reaches 30 again: the damage makes way, nothing is lost.
      let again = try store.save(checkpoint(30))
      #expect(again.warnings.count == 1 && again.warnings[0].contains(damaged))
      #expect(isWhole(try #require(try store.newestValid()).checkpoint, 30))
      #expect(try names(run).filter { $0.contains(".aside-") }.count == 1)

      for iteration in [20, 30] {
        let path = run + "/checkpoints/iteration-0000000\(iteration)/manifest.json"
        try FileManager.default.removeItem(atPath: path)
      }
      let error = #expect(throws: CheckpointError.self) { try store.newestValid() }
      let text = "\(try #require(error))"
      #expect(error?.exitStatus == .badCheckpoint)
      #expect(text.contains("iteration-000000020/manifest.json: it is missing") && text.contains("iteration-000000030"))
    }
  }

  @Test func pruningDoesNotCountDamage() throws {
    try withTemporaryFolder { run in
      let store = try CheckpointStore(runDirectory: run, keep: 2)
      for iteration in [1, 2] { _ = try store.save(checkpoint(iteration)) }
      try Data().write(to: URL(fileURLWithPath: run + "/checkpoints/iteration-000000002/manifest.json"))
      let saved = try store.save(checkpoint(3))
      #expect(saved.warnings.count == 1 && saved.warnings[0].contains("iteration-000000002/manifest.json"))
      #expect(try names(run) == ["iteration-000000001", "iteration-000000002", "iteration-000000003"])
    }
  }

  @Test func goingBackSetsTheNewerAside() throws {
    try withTemporaryFolder { run in
      let store = try CheckpointStore(runDirectory: run, keep: 5)
      for iteration in [10, 20, 30] { _ = try store.save(checkpoint(iteration)) }
      try store.markBest(iteration: 30, figure: 0.5)
      #expect(throws: CheckpointError.iterationExists(path: run + "/checkpoints/iteration-000000020")) {
        try store.save(checkpoint(20, salt: 1))
      }
      #expect(isWhole(try #require(try store.newestValid()).checkpoint, 30))
      #expect(try store.abandon(after: 10).count == 2)
      #expect(try store.best() == nil)
      _ = try store.save(checkpoint(20, salt: 1))
      #expect(isWhole(try #require(try store.newestValid()).checkpoint, 20, salt: 1))
      // Without being told, a save does the same.
      let saved = try store.save(checkpoint(15))
      #expect(saved.warnings.count == 1 && saved.warnings[0].contains("iteration-000000020"))
      #expect(isWhole(try #require(try store.newestValid()).checkpoint, 15))
      #expect(try names(run).filter { $0.contains(".aside-") }.count == 3)
    }
  }

  @Test func savingTheSameAgainChangesNothing() throws {
    try withTemporaryFolder { run in
      let store = try CheckpointStore(runDirectory: run, keep: 2)
      let path = try store.save(checkpoint(10)).path
      #expect(try store.save(checkpoint(10)).path == path)
      #expect(try names(run) == ["iteration-000000010"])
      #expect(isWhole(try CheckpointStore.load(path: path), 10))
    }
  }

  @Test func orderIsByIterationNotByTime() throws {
    try withTemporaryFolder { run in
      let store = try CheckpointStore(runDirectory: run, keep: 4)
      for iteration in [9, 10, 1_000_000_000] { _ = try store.save(checkpoint(iteration)) }
      for (name, time) in [("1000000000", 0.0), ("000000010", 5e8), ("000000009", 1e9)] {
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: time)], ofItemAtPath: run + "/checkpoints/iteration-" + name)
      }
      #expect(try store.newestValid()?.checkpoint.iteration == 1_000_000_000)
    }
  }

  @Test func leftoversOfACrashAreRemovedAtTheStart() throws {
    try withTemporaryFolder { run in
      let leftover = run + "/checkpoints/iteration-000000007.tmp-0123456789abcdef"
      try FileManager.default.createDirectory(atPath: leftover, withIntermediateDirectories: true)
      try Data("half".utf8).write(to: URL(fileURLWithPath: leftover + "/model.safetensors"))
      let foreign = run + "/checkpoints/iteration-000000008.tmp-0123456789abcdef"
      try FileManager.default.createDirectory(atPath: foreign, withIntermediateDirectories: true)
      try Data("mine".utf8).write(to: URL(fileURLWithPath: foreign + "/thesis.txt"))
      try Data().write(to: URL(fileURLWithPath: run + "/checkpoints/best.json.tmp-0123456789abcdef"))
      let store = try CheckpointStore(runDirectory: run, keep: 2)
      #expect(try names(run) == ["iteration-000000008.tmp-0123456789abcdef"])
      #expect(FileManager.default.fileExists(atPath: foreign + "/thesis.txt"))
      #expect(try store.newestValid() == nil)
    }
  }

  @Test func aSecondJobIsRefusedUntilTheFirstEnds() throws {
    try withTemporaryFolder { run in
      var first: CheckpointStore? = try CheckpointStore(runDirectory: run, keep: 2)
      _ = try first!.save(checkpoint(1))
      let error = #expect(throws: CheckpointError.self) { try CheckpointStore(runDirectory: run, keep: 2) }
      let text = "\(try #require(error))"
      #expect(text.contains("process \(ProcessInfo.processInfo.processIdentifier) on \(hostName())"))
      #expect(text.contains(run + "/lock"))
      // Reading needs no lock.
      #expect(try CheckpointStore.newestValid(runDirectory: run)?.checkpoint.iteration == 1)
      first = nil
      _ = try CheckpointStore(runDirectory: run, keep: 2)
    }
  }

  @Test func aRunDirectoryThatCannotBeUsedIsNamed() throws {
    try withTemporaryFolder { run in
      let error = #expect(throws: StorageError.self) { try CheckpointStore(runDirectory: run + "/absent", keep: 2) }
      let text = "\(try #require(error))"
      #expect(error?.exitStatus == .inputOutput && text.contains("/absent/lock") && text.contains("No such file"))
    }
  }
}
