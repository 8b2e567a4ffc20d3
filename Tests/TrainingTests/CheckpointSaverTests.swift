import Checkpoints
import Files
import Foundation
import Testing
import Training

/// Saves that go on in the background, and those that fail.
@Suite struct CheckpointSaverTests {
  private final class Writer: CheckpointWriting {
    var calls: [String] = []
    /// What comes of the saves, in order; beyond, they succeed.
    var outcomes: [BackgroundWriter.Outcome] = []
    private var underWay = false

    func start(_ checkpoint: Checkpoint, best figure: Double?) {
      precondition(!underWay)
      underWay = true
      calls.append("start \(checkpoint.iteration)" + (figure.map { " best \($0)" } ?? ""))
    }

    func complete(iteration: Int, with parts: [CheckpointFile: CheckpointPart], best figure: Double?) {
      precondition(!underWay)
      calls.append("complete \(iteration) \(parts.keys.map(\.rawValue))" + (figure.map { " best \($0)" } ?? ""))
    }

    func finish() -> BackgroundWriter.Outcome? {
      guard underWay else { return nil }
      underWay = false
      calls.append("finish")
      return outcomes.isEmpty ? .success(SavedCheckpoint(path: "", warnings: [])) : outcomes.removeFirst()
    }
  }

  private final class Log {
    var lines: [String] = []
  }

  private struct Full: Error, CustomStringConvertible {
    let description = "the disk is full"
  }

  private let writer = Writer()
  private let log = Log()

  private func saver(saved: Int? = nil) -> CheckpointSaver {
    CheckpointSaver(writer: writer, savedIteration: saved, log: { [log] in log.lines.append($0) })
  }

  private func save(_ saver: CheckpointSaver, _ iteration: Int, best: Double? = nil, mustSucceed: Bool = false) throws {
    try saver.save(iteration: iteration, best: best, mustSucceed: mustSucceed) {
      Checkpoint(
        iteration: iteration, epoch: 1,
        identity: CheckpointIdentity(datasetDigest: "", configurationDigest: "", codeVersion: "", rankCount: 1),
        state: [:], parts: [.model: CheckpointPart([]), .optimizer: CheckpointPart([])])
    }
  }

  @Test func aSaveIsWaitedForWhenTheNextBeginsOrWhenItMustSucceed() throws {
    let saver = saver()
    try save(saver, 10)
    #expect(writer.calls == ["start 10"])
    try save(saver, 20, best: 0.5)
    try save(saver, 30, mustSucceed: true)
    #expect(writer.calls == ["start 10", "finish", "start 20 best 0.5", "finish", "start 30", "finish"])
    saver.end()
    #expect(writer.calls.count == 6 && log.lines.isEmpty)
  }

  @Test func anIterationIsSavedOnce() throws {
    let resumed = saver(saved: 10)
    try save(resumed, 10, mustSucceed: true)
    #expect(writer.calls.isEmpty)
    try save(resumed, 20)
    try save(resumed, 20, mustSucceed: true)
    #expect(writer.calls == ["start 20", "finish"])
  }

  @Test func twoFailuresInARowAreToldAndTheThirdEndsTheRun() throws {
    let saver = saver()
    writer.outcomes = [
      .failure(Full()), .failure(Full()), .success(SavedCheckpoint(path: "", warnings: ["odd"])),
      .failure(Full()), .failure(Full()), .failure(Full()),
    ]
    for iteration in 1...6 { try save(saver, iteration) }
    #expect(
      log.lines == [
        "warning: checkpoint 1 of 3 that may fail in a row: the disk is full",
        "warning: checkpoint 2 of 3 that may fail in a row: the disk is full", "warning: odd",
        "warning: checkpoint 1 of 3 that may fail in a row: the disk is full",
        "warning: checkpoint 2 of 3 that may fail in a row: the disk is full",
      ])
    #expect(throws: Full.self) { try save(saver, 7) }
  }

  @Test func oneThatMustSucceedDoesOrThrows() throws {
    let saver = saver()
    writer.outcomes = [.failure(Full())]
    #expect(throws: Full.self) { try save(saver, 10, mustSucceed: true) }
    #expect(log.lines.isEmpty)
    // What failed is not taken for saved.
    try save(saver, 10, mustSucceed: true)
    #expect(writer.calls == ["start 10", "finish", "start 10", "finish"])
  }

  /// The iteration is tried again even where nothing else was saved in between.
  @Test func aFailureIsForgottenByTheNextSaveOfTheSameIteration() throws {
    let saver = saver()
    writer.outcomes = [.failure(Full())]
    try save(saver, 10)
    try save(saver, 10, mustSucceed: true)
    #expect(writer.calls == ["start 10", "finish", "start 10", "finish"])
  }

  @Test func aSaveIsWaitedForBeforeItIsCompleted() throws {
    let saver = saver()
    try save(saver, 10)
    #expect(saver.savedIteration == 10)
    try saver.complete(iteration: 10, with: [.classifier: CheckpointPart([])], best: 0.5)
    #expect(writer.calls == ["start 10", "finish", "complete 10 [\"classifier.safetensors\"] best 0.5"])
    writer.outcomes = [.failure(Full())]
    try save(saver, 20)
    #expect(throws: Full.self) { try saver.complete(iteration: 20, with: [:], best: nil) }
    #expect(writer.calls.last == "finish")
  }

  @Test func theEndOfARunTellsOfASaveThatFailed() throws {
    let saver = saver()
    writer.outcomes = [.failure(Full())]
    try save(saver, 10)
    saver.end()
    #expect(log.lines == ["warning: the checkpoint under way was not saved: the disk is full"])
  }
}
