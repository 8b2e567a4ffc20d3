import Files
import Foundation
import Matrices
import Synchronization

/// Saves checkpoints on a thread of its own, one at a time, while training goes on: a checkpoint's numbers are copied when the
/// save begins. The thread makes no MPI call.
///
/// `@unchecked Sendable`: one thread calls it; what its own thread shares with that one lies behind `outcome`.
package final class BackgroundWriter: @unchecked Sendable {
  /// What came of a save.
  package typealias Outcome = Result<SavedCheckpoint, any Error>

  private let store: CheckpointStore
  /// Copies of the tensors' elements, by place; as large as the state, and kept for the next save.
  private var staging: [Matrix] = []
  private var underWay: DispatchSemaphore?
  private let outcome = Mutex<Outcome?>(nil)

  package init(store: CheckpointStore) { self.store = store }

  /// Copies the state and begins to save it. The previous save must have been finished.
  ///
  /// - Parameter figure: marks the checkpoint as the best, with this figure.
  package func start(_ checkpoint: Checkpoint, best figure: Double?) {
    precondition(underWay == nil, "a save is under way")
    let (store, done) = (store, DispatchSemaphore(value: 0))
    let copy = snapshot(checkpoint)
    underWay = done
    let thread = Thread { [self] in
      let result = Outcome {
        let saved = try store.save(copy)
        if let figure { try store.markBest(iteration: copy.iteration, figure: figure) }
        return saved
      }
      outcome.withLock { $0 = result }
      done.signal()
    }
    thread.name = "checkpoint"
    thread.start()
  }

  /// Waits for the save under way, if any, and says what came of it.
  package func finish() -> Outcome? {
    guard let done = underWay else { return nil }
    done.wait()
    underWay = nil
    return outcome.withLock { $0 }
  }

  /// Adds parts to a checkpoint that was saved, as `CheckpointStore.complete` does, while the caller waits. No save may be under way.
  ///
  /// - Parameter figure: marks the checkpoint as the best, with this figure.
  package func complete(
    iteration: Int, with parts: [CheckpointFile: CheckpointPart], best figure: Double?
  ) throws {
    precondition(underWay == nil, "a save is under way")
    try store.complete(iteration: iteration, with: parts)
    if let figure { try store.markBest(iteration: iteration, figure: figure) }
  }

  private func snapshot(_ checkpoint: Checkpoint) -> Checkpoint {
    var place = 0
    func copy(_ tensor: Tensor) -> Tensor {
      guard case .matrix(let matrix) = tensor.data else { return tensor }
      if place == staging.count { staging.append(Matrix(rows: matrix.rowCount, columns: matrix.columnCount)) }
      let room = staging[place]
      place += 1
      room.copy(from: matrix)
      return Tensor(name: tensor.name, shape: tensor.shape, data: .matrix(room))
    }
    var parts = checkpoint.parts
    // Training goes on to change these two. In their order, so that each tensor finds the same room again.
    for file in [CheckpointFile.model, .optimizer] {
      parts[file] = parts[file].map { CheckpointPart($0.tensors.map(copy), metadata: $0.metadata) }
    }
    return Checkpoint(
      iteration: checkpoint.iteration, epoch: checkpoint.epoch, identity: checkpoint.identity, state: checkpoint.state,
      parts: parts)
  }
}
