import Checkpoints
import Files
import Foundation
import Testing

@Suite struct FaultTests {
  /// Two checkpoints with the first marked best, then the operations of saving the third, which prunes, and marking it.
  private func committed() throws -> (MemoryTree, [Operation]) {
    let storage = MemoryStorage(tree: emptyRun())
    let store = try storage.store()
    for iteration in [10, 20, 30] { _ = try store.save(checkpoint(iteration)) }
    try store.markBest(iteration: 20, figure: 0.5)
    let start = storage.tree
    let before = storage.state.withLock { $0.log.count }
    _ = try store.save(checkpoint(40))
    try store.markBest(iteration: 40, figure: 0.75)
    _ = try store.save(checkpoint(50))
    return (start, Array(storage.state.withLock { $0.log }.dropFirst(before)))
  }

  @Test func everyCrashStateLoadsTheOldOrTheNew() throws {
    let (start, log) = try committed()
    var seen: Set<Int> = []
    var states = 0
    for count in 0...log.count {
      for variant in CrashVariant.allCases {
        let storage = MemoryStorage(tree: crashState(log, first: count, from: start, variant))
        let newest = try #require(try storage.newest(), "nothing after \(count) operations, \(variant)")
        #expect(isWhole(newest, newest.iteration) && [30, 40, 50].contains(newest.iteration))
        seen.insert(newest.iteration)
        states += 1
        // The run goes on: what the crash left is removed, the best is known, and two checkpoints remain.
        let store = try storage.store()
        #expect(storage.names.allSatisfy { !$0.contains(".tmp-") }, "\(storage.names)")
        let best = try store.best()
        #expect(best?.figure == 0.5 || best?.figure == 0.75)
        let saved = try store.save(checkpoint(60))
        #expect(saved.warnings.isEmpty, "\(saved.warnings)")
        #expect(isWhole(try #require(try storage.newest()), 60))
        #expect(storage.names.filter { $0.hasPrefix("iteration") }.count >= 2)
      }
    }
    #expect(seen == [30, 40, 50])
    #expect(states == (log.count + 1) * CrashVariant.allCases.count && log.count > 30)
  }

  @Test func whatWasReportedSavedSurvivesTheLossOfAllElse() throws {
    let storage = MemoryStorage(tree: emptyRun())
    let store = try storage.store()
    _ = try store.save(checkpoint(10))
    let log = storage.state.withLock { $0.log }
    for variant in CrashVariant.allCases {
      let after = MemoryStorage(tree: crashState(log, first: log.count, from: emptyRun(), variant))
      #expect(isWhole(try #require(try after.newest()), 10), "\(variant)")
    }
    for count in 0..<log.count {
      let after = MemoryStorage(tree: crashState(log, first: count, from: emptyRun(), .everythingLost))
      let newest = try after.newest()
      #expect(newest == nil || isWhole(newest!, 10))
    }
  }

  /// The enumeration must notice a protocol that forgets to synchronize.
  @Test func theCrashModelNoticesMissingSynchronization() throws {
    let (start, log) = try committed()
    let careless = log.filter { if case .synchronizeFile = $0 { false } else { true } }
    let lost = (0...careless.count).contains { count in
      let storage = MemoryStorage(tree: crashState(careless, first: count, from: start, .contentsHalved))
      return (try? CheckpointStore.newestValid(runDirectory: "/run", storage: storage))??.warnings.isEmpty != true
    }
    #expect(lost)
  }

  @Test(arguments: [ENOSPC, EIO], [false, true])
  func everyFailingCallIsReportedAndHarmless(code: Int32, andAllLater: Bool) throws {
    var reported = 0
    var call = 0
    while true {
      let storage = MemoryStorage(tree: emptyRun())
      let store = try storage.store()
      for iteration in [10, 20] { _ = try store.save(checkpoint(iteration)) }
      storage.state.withLock {
        ($0.failingCall, $0.failsOn, $0.code) = ($0.calls + call, andAllLater, code)
      }
      var failure: (any Error)?
      var warnings: [String] = []
      do { warnings = try store.save(checkpoint(30)).warnings } catch { failure = error }
      let failed = storage.state.withLock { state in
        (state.failingCall, state.failsOn) = (nil, false)
        return state.failedCalls
      }
      if failed.isEmpty { break }
      call += 1
      if let failure {
        reported += 1
        let text = "\(failure)"
        #expect(failure is StorageError || failure is CheckpointError)
        #expect(text.contains("/run/checkpoints"), "\(text)")
        if !andAllLater {
          #expect(!storage.names.contains { $0.contains(".tmp-") }, "\(failed) left \(storage.names)")
        }
      }
      // Only removing what is no longer needed and closing what was read may fail without a word.
      let quiet = ["unlink", "rmdir", "close"].contains { failed[0].hasPrefix($0) }
      #expect(failure != nil || !warnings.isEmpty || quiet, "\(failed[0]) went unnoticed")
      #expect(isWhole(try CheckpointStore.load(path: "/run/checkpoints/iteration-000000020", storage: storage), 20))
      let newest = try #require(try storage.newest())
      #expect(isWhole(newest, newest.iteration) && [20, 30].contains(newest.iteration))
      #expect(storage.state.withLock { $0.open.isEmpty }, "a descriptor leaked after \(failed[0])")
      // Once there is space again, the next save succeeds, also in a new process.
      _ = try store.save(checkpoint(30))
      _ = try storage.store().save(checkpoint(40))
      #expect(isWhole(try #require(try storage.newest()), 40))
      #expect(!storage.names.contains { $0.contains(".tmp-") })
    }
    #expect(call > 40 && reported > 20, "\(call) calls, \(reported) reported")
  }

  @Test func shortWritesAreContinued() throws {
    let storage = MemoryStorage(tree: emptyRun())
    let store = try storage.store()
    storage.state.withLock { $0.writeLimit = 3 }
    _ = try store.save(checkpoint(10))
    #expect(isWhole(try #require(try storage.newest()), 10))
    storage.state.withLock { $0.writeLimit = 0 }
    #expect(throws: StorageError.self) { try store.save(checkpoint(20)) }
  }

  @Test func aWriteThatLiesIsNoticed() throws {
    var noticed = 0
    for call in 0..<25 {
      let storage = MemoryStorage(tree: emptyRun())
      let store = try storage.store()
      storage.state.withLock { $0.lyingCall = $0.calls + call }
      do {
        _ = try store.save(checkpoint(10))
        #expect(isWhole(try #require(try storage.newest()), 10))
      } catch CheckpointError.readBackDiffers {
        noticed += 1
        #expect(try storage.newest() == nil && storage.names.isEmpty)
      }
    }
    #expect(noticed >= 5)
  }
}
