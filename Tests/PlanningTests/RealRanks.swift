import Collectives
import Matrices

@testable import Planning

/// A rank that writes down what it sends, gets and waits for, a line each, and leaves the rest to another communicator.
final class WatchedCommunicator: Communicator {
  private let base: any Communicator
  private(set) var lines: [Channel: [String]] = [:]
  private var numbers: [String: Int] = [:]

  init(_ base: any Communicator) { self.base = base }

  func forget() { lines = [:] }

  private func watched(_ transfer: any Transfer, _ exchange: Exchange, _ line: String, _ matrices: [Matrix])
    -> any Transfer
  {
    lines[exchange.channel, default: []].append("\(line), \(matrices.reduce(0) { $0 + $1.count }) floats")
    return WatchedTransfer(transfer) { [self] in lines[exchange.channel, default: []].append("wait: \(line)") }
  }

  var rank: Int { base.rank }
  var rankCount: Int { base.rankCount }
  var hosts: HostMap { base.hosts }
  var marksMessages: Bool {
    get { base.marksMessages }
    set { base.marksMessages = newValue }
  }
  func startSend(_ matrices: [Matrix], to rank: Int, _ exchange: Exchange) throws -> any Transfer {
    watched(try base.startSend(matrices, to: rank, exchange), exchange, "send \(exchange.name) to \(rank)", matrices)
  }
  func startReceive(_ matrices: [Matrix], from rank: Int, _ exchange: Exchange) throws -> any Transfer {
    watched(
      try base.startReceive(matrices, from: rank, exchange), exchange, "receive \(exchange.name) from \(rank)", matrices
    )
  }
  func startHostBarrier(_ exchange: Exchange) throws -> any Transfer { try base.startHostBarrier(exchange) }
  func hostStorage(count: Int) throws -> FloatStorage { try base.hostStorage(count: count) }
  func hostStorages(counts: [Int]) throws -> [FloatStorage] { try base.hostStorages(counts: counts) }
  func poll() -> Bool { base.poll() }
  func sum(_ values: [Double]) throws -> [Double] { try base.sum(values) }
  func sum(_ values: [Int]) throws -> [Int] { try base.sum(values) }
  func maximum(_ value: Int) throws -> Int { try base.maximum(value) }
  func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) throws {
    try base.gatherRows(local, into: all, partition: partition)
  }
  func gatherRowsToRoot(_ local: Matrix, into all: Matrix, partition: RowPartition) throws {
    try base.gatherRowsToRoot(local, into: all, partition: partition)
  }
  func broadcast(_ storage: FloatStorage) throws { try base.broadcast(storage) }
  func broadcast(_ bytes: [UInt8]) throws -> [UInt8] { try base.broadcast(bytes) }
  func gather(_ bytes: [UInt8]) throws -> [[UInt8]] { try base.gather(bytes) }
  func finalize() throws { try base.finalize() }
  func abort(_ status: Int32) -> Never { base.abort(status) }
}

private final class WatchedTransfer: Transfer {
  private let base: any Transfer
  private var onFinish: (() -> Void)?

  init(_ base: any Transfer, _ onFinish: @escaping () -> Void) {
    self.base = base
    self.onFinish = onFinish
  }

  func isComplete() throws -> Bool { try base.isComplete() }
  func finish() throws {
    onFinish?()
    onFinish = nil
    try base.finish()
  }
}

extension Trace {
  /// The lines of a `WatchedCommunicator`.
  ///
  /// - Parameter rows: of the real rank.
  func lines(rows: Int) -> [Channel: [String]] {
    func text(_ message: Message) -> String {
      let name = message.exchange.name
      return message.direction == .send ? "send \(name) to \(message.peer)" : "receive \(name) from \(message.peer)"
    }
    var lines: [Channel: [String]] = [:]
    for event in events {
      switch event {
      case .begin(let message, let floats):
        let isRows = message.exchange.channel == .rows
        lines[message.exchange.channel, default: []].append(
          "\(text(message)), \(isRows ? floats * rows / rowCount : floats) floats")
      case .wait(let message): lines[message.exchange.channel, default: []].append("wait: \(text(message))")
      case .work, .agree: break
      }
    }
    return lines
  }
}
