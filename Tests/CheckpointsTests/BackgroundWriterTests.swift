import Checkpoints
import Files
import Foundation
import Matrices
import Testing

@Suite struct BackgroundWriterTests {
  /// The same as `checkpoint(10)`, of numbers that training is about to change.
  @Test func savesTheNumbersOfTheMomentItBegan() throws {
    let storage = MemoryStorage(tree: emptyRun())
    let writer = BackgroundWriter(store: try storage.store())
    let before = writer.finish()
    #expect(before == nil, "nothing is under way")
    for iteration in [10, 20] {
      let state = checkpoint(iteration)
      // The writer cannot touch the storage before the numbers have changed.
      storage.state.withLock { _ in
        writer.start(state, best: Double(iteration))
        for case .matrix(let matrix) in required.flatMap({ state.parts[$0]?.tensors ?? [] }).map(\.data) {
          matrix.fill(-1)
        }
      }
      let saved = try #require(writer.finish()).get()
      #expect(saved.path.hasSuffix("iteration-0000000\(iteration)"))
      #expect(isWhole(try #require(try storage.newest()), iteration))
      #expect(try storage.store().best()?.iteration == iteration)
    }
  }

  @Test func tellsOfAFailureAndGoesOn() throws {
    let storage = MemoryStorage(tree: emptyRun())
    let writer = BackgroundWriter(store: try storage.store())
    storage.state.withLock { $0.failingCall = $0.calls + 3 }
    writer.start(checkpoint(10), best: nil)
    #expect(throws: StorageError.self) { try #require(writer.finish()).get() }
    #expect(try storage.newest() == nil)
    writer.start(checkpoint(20), best: nil)
    _ = try #require(writer.finish()).get()
    #expect(isWhole(try #require(try storage.newest()), 20))
  }
}
