// Messages as training sends them: to the next rank and from the one before, as in a ring, all ranks at once.
import Collectives
import Matrices

/// A few messages are under way at any time: the next one's handshake does not wait behind this one's rows. Errors come with `finish`.
final class MessageRing {
  private let communicator: any Communicator
  private let next, before: Int
  /// N×1024 floats each, with gaps between rows, as units of a layer have.
  private let own: Matrix
  private let others: [Matrix]
  private static let mostUnderWay = 3

  private var left = 0
  private(set) var received = 0
  private var sends: [any Transfer] = []
  private var receives: [any Transfer] = []
  private var failure: (any Error)?

  /// - Parameter rows: N, 4 KiB of a message each.
  init(_ communicator: any Communicator, rows: Int) {
    self.communicator = communicator
    next = (communicator.rank + 1) % communicator.rankCount
    before = (communicator.rank + communicator.rankCount - 1) % communicator.rankCount
    func room() -> Matrix { Matrix(rows: rows, columns: 1088).columns(0..<1024) }
    own = room()
    others = (0..<Self.mostUnderWay).map { _ in room() }
  }

  /// So many messages are to be sent and received from now on. All before have ended.
  func start(_ count: Int) {
    precondition(left == 0 && sends.isEmpty && receives.isEmpty)
    (left, received) = (count, 0)
    advance()
  }

  /// Returns whether some messages are still to come or to leave.
  @discardableResult
  func advance() -> Bool {
    guard failure == nil else { return false }
    do {
      while let first = receives.first, try first.isComplete() {
        receives.removeFirst()
        received += 1
      }
      try sends.removeAll { try $0.isComplete() }
      while left > 0 && max(sends.count, receives.count) < others.count {
        receives.append(try communicator.startReceive([others[left % others.count]], from: before, .rows("ring")))
        sends.append(try communicator.startSend([own], to: next, .rows("ring")))
        left -= 1
      }
      _ = communicator.poll()
    } catch {
      failure = error
    }
    return left > 0 || !receives.isEmpty || !sends.isEmpty
  }

  /// Returns when all messages have come and left.
  ///
  /// - Throws: `CollectiveError`.
  func finish() throws {
    while advance() {}
    if let failure { throw failure }
  }
}
