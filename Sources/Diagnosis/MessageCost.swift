// What messages take from the cores of a rank that has something else to do.
import Collectives
import Kernels
import Matrices

extension LinkProbe {
  /// Rows of a message of 8 MiB, and messages that are under way at once, as in training.
  private static let messageRows = 2048
  private static let messageBytes = 4096.0 * Double(messageRows)
  private static let mostUnderWay = 3

  /// Seconds by which products take longer for each byte that a rank gets while it sends as many: from the rank before, to the next, all
  /// ranks at once. What that is depends on the kernel, the network's card, and on whether ranks share cores.
  ///
  /// - Parameter bandwidth: bytes a second that reach a rank.
  /// - Returns: the same on every rank: the largest.
  /// - Throws: `CollectiveError`.
  package func messageCost(bandwidth: Double) throws -> Double {
    guard communicator.rankCount > 1 else { return 0 }
    let (a, b, c) = (
      Matrix(rows: 512, columns: 2048), Matrix(rows: 2048, columns: 2048), Matrix(rows: 512, columns: 2048)
    )
    func seconds(_ products: Int) -> Double {
      let start = ContinuousClock().now
      for _ in 0..<products { multiply(into: c, a, b) }
      return (ContinuousClock().now - start) / .seconds(1)
    }
    _ = seconds(1)
    // All ranks do the same: half a second of messages behind at least as long a time of products.
    let messages = try communicator.maximum(max(1, Int(0.5 * bandwidth / Self.messageBytes)))
    let wire = Double(messages) * Self.messageBytes / bandwidth
    let products = try communicator.maximum(max(4, Int((2 * wire + 0.2) / seconds(1))))
    var costs: [Double] = []
    for _ in 0..<5 {
      _ = try communicator.sum(0)
      let alone = seconds(products)
      _ = try communicator.sum(0)
      let stream = MessageStream(communicator, count: messages, rows: Self.messageRows, mostUnderWay: Self.mostUnderWay)
      let together = ProductBreaks { stream.advance() }.during { seconds(products) }
      let received = Double(stream.received) * Self.messageBytes
      while stream.advance() {}
      try stream.finish()
      if received > 0 { costs.append((together - alone) / received) }
    }
    let middle = costs.isEmpty ? 0 : costs.sorted()[costs.count / 2]
    return Double(try communicator.maximum(Int(max(0, middle) * 1e15))) / 1e15
  }
}

/// Messages in a ring, a few under way at any time. Errors come with `finish`.
private final class MessageStream {
  private let communicator: any Communicator
  private let next, before: Int
  private let own: Matrix
  private let others: [Matrix]
  private let count: Int
  private var begun = 0
  private(set) var received = 0
  private var sends: [any Transfer] = []
  private var receives: [any Transfer] = []
  private var failure: (any Error)?

  init(_ communicator: any Communicator, count: Int, rows: Int, mostUnderWay: Int) {
    self.communicator = communicator
    self.count = count
    next = (communicator.rank + 1) % communicator.rankCount
    before = (communicator.rank + communicator.rankCount - 1) % communicator.rankCount
    // With gaps between rows, as units of a layer have.
    func room() -> Matrix { Matrix(rows: rows, columns: 1088).columns(0..<1024) }
    own = room()
    others = (0..<mostUnderWay).map { _ in room() }
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
      while begun < count && receives.count < others.count && sends.count < others.count {
        receives.append(try communicator.startReceive([others[begun % others.count]], from: before, .rows))
        sends.append(try communicator.startSend([own], to: next, .rows))
        begun += 1
      }
      _ = communicator.poll()
    } catch {
      failure = error
    }
    return begun < count || !receives.isEmpty || !sends.isEmpty
  }

  /// - Throws: `CollectiveError`.
  func finish() throws {
    if let failure { throw failure }
    for transfer in receives + sends { try transfer.finish() }
  }
}
