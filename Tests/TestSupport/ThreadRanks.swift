import Collectives
import Foundation
import Matrices

/// Runs `body` on several ranks, each a thread of this process, on hosts of so many ranks each.
///
/// - Returns: what the ranks returned, in rank order.
package func onThreads<Result: Sendable>(
  hosts: [Int], _ body: @escaping @Sendable (any Communicator) throws -> Result
) throws -> [Result] {
  let hub = ThreadHub(hosts: hosts)
  let results = ResultBox<Result>(count: hub.rankCount)
  let group = DispatchGroup()
  for rank in 0..<hub.rankCount {
    group.enter()
    let thread = Thread {
      results.set(rank, Swift.Result { try body(ThreadCommunicator(hub, rank: rank)) })
      group.leave()
    }
    thread.stackSize = 8 << 20
    thread.start()
  }
  group.wait()
  return try results.all.map { try $0.get() }
}

private final class ResultBox<Value: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private var values: [Swift.Result<Value, any Error>?]

  init(count: Int) { values = Array(repeating: nil, count: count) }

  func set(_ index: Int, _ value: Swift.Result<Value, any Error>) { lock.withLock { values[index] = value } }
  var all: [Swift.Result<Value, any Error>] { lock.withLock { values.compactMap { $0 } } }
}

/// What the threads share. A message is matched when both sides have begun it, in the order of each pair and channel, as MPI does; until
/// then neither side is complete. It reaches the receiver's matrices when the receiver looks after it, and not before: who does not
/// wait works with what was there. Matrices of other shapes than the sender's end the test.
private final class ThreadHub: @unchecked Sendable {
  let hosts: HostMap
  let rankCount: Int
  private let condition = NSCondition()
  private var sends: [Lane: [Half]] = [:]
  private var receives: [Lane: [Half]] = [:]
  private var barriers: [BarrierKey: Int] = [:]
  private var rounds: [Int: [Int: Any]] = [:]

  struct Lane: Hashable {
    let from, to: Int
    let channel: Channel
  }

  struct BarrierKey: Hashable {
    let host: Int
    let channel: Channel
    let number: Int
  }

  final class Half {
    let matrices: [Matrix]
    var isDone = false
    /// What the receiver gets.
    var message: [Matrix] = []
    init(_ matrices: [Matrix]) { self.matrices = matrices }
  }

  init(hosts: [Int]) {
    var first = 0
    self.hosts = HostMap(
      ranks: hosts.map { count in
        defer { first += count }
        return first..<first + count
      })
    rankCount = hosts.reduce(0, +)
  }

  func begin(_ lane: Lane, _ half: Half, isSend: Bool) {
    condition.withLock {
      if isSend { sends[lane, default: []].append(half) } else { receives[lane, default: []].append(half) }
      while let send = sends[lane]?.first, let receive = receives[lane]?.first {
        precondition(
          send.matrices.map { [$0.rowCount, $0.columnCount] }
            == receive.matrices.map { [$0.rowCount, $0.columnCount] },
          "rank \(lane.to) expects other matrices from rank \(lane.from) (\(lane.channel)) than it sends")
        receive.message = send.matrices.map { $0.copied() }
        (send.isDone, receive.isDone) = (true, true)
        sends[lane]?.removeFirst()
        receives[lane]?.removeFirst()
      }
      condition.broadcast()
    }
  }

  func arrive(_ key: BarrierKey) {
    condition.withLock {
      barriers[key, default: 0] += 1
      condition.broadcast()
    }
  }

  func isComplete(_ key: BarrierKey) -> Bool {
    condition.withLock { barriers[key, default: 0] == hosts.ranks[key.host].count }
  }

  func isComplete(_ half: Half) -> Bool {
    condition.withLock {
      for (source, target) in zip(half.message, half.matrices) { target.copy(from: source) }
      half.message = []
      return half.isDone
    }
  }

  /// The values of all ranks in a round of a collective.
  func collect(_ round: Int, rank: Int, _ value: Any) -> [Any] {
    condition.withLock {
      rounds[round, default: [:]][rank] = value
      condition.broadcast()
    }
    wait { rounds[round]?.count == rankCount }
    return condition.withLock { (0..<rankCount).map { rounds[round]?[$0] ?? () } }
  }

  /// `isDone` is asked under the lock.
  func wait(_ isDone: () -> Bool) {
    condition.lock()
    defer { condition.unlock() }
    while !isDone() {
      guard condition.wait(until: Date() + 60) else { fatalError("a rank waits for what nobody does") }
    }
  }
}

private final class HubTransfer: Transfer {
  private let hub: ThreadHub
  private let half: ThreadHub.Half?
  private let key: ThreadHub.BarrierKey?
  /// Whose transfer it is, while it is under way.
  private var owner: ThreadCommunicator?
  /// A sender hears late that its message is there, as on a slow link: whoever has more to send than may be under way waits.
  private var looksLeft: Int
  /// When the test ends: ranks that wait for each other would do so for ever.
  private let end = Date() + 120

  init(
    _ owner: ThreadCommunicator, _ hub: ThreadHub, half: ThreadHub.Half? = nil, key: ThreadHub.BarrierKey? = nil,
    looks: Int = 0
  ) {
    (self.owner, self.hub, self.half, self.key, looksLeft) = (owner, hub, half, key, looks)
    owner.transfersUnderWay += 1
  }

  func isComplete() -> Bool {
    guard let owner else { return true }
    guard half.map(hub.isComplete) ?? key.map(hub.isComplete) ?? true else {
      guard Date() < end else { fatalError("rank \(owner.rank) waits for what nobody does") }
      return false
    }
    looksLeft -= 1
    guard looksLeft < 0 else { return false }
    owner.transfersUnderWay -= 1
    self.owner = nil
    return true
  }

  func finish() {
    while !isComplete() { usleep(20) }
  }
}

/// A rank that is a thread.
package final class ThreadCommunicator: Communicator {
  package let rank: Int
  private let hub: ThreadHub
  private var round = 0
  private var barrierNumbers: [Channel: Int] = [:]
  fileprivate var transfersUnderWay = 0

  fileprivate init(_ hub: ThreadHub, rank: Int) {
    self.hub = hub
    self.rank = rank
  }

  /// What `startSend` throws; nil: it sends.
  package var sendFailure: (any Error)?
  /// Threads copy floats themselves.
  package var marksMessages = false
  package var rankCount: Int { hub.rankCount }
  package var hosts: HostMap { hub.hosts }
  private var host: Int { hosts.host(of: rank) }

  private func collect<Value>(_ value: Value) -> [Value] {
    round += 1
    return hub.collect(round, rank: rank, value).compactMap { $0 as? Value }
  }

  /// From the last rank to the first, as MPI may: whoever relies on an order is found out.
  package func sum(_ values: [Double]) -> [Double] {
    collect(values).reversed().reduce(Array(repeating: 0, count: values.count)) { zip($0, $1).map { $0 + $1 } }
  }
  package func sum(_ values: [Int]) -> [Int] {
    collect(values).reduce(Array(repeating: 0, count: values.count)) { zip($0, $1).map { $0 + $1 } }
  }
  package func maximum(_ value: Int) -> Int { collect(value).max() ?? value }

  package func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) {
    for (slice, rows) in zip(partition.slices, collect(local.copied())) { all.rows(slice).copy(from: rows) }
  }
  package func gatherRowsToRoot(_ local: Matrix, into all: Matrix, partition: RowPartition) {
    let rows = collect(local.copied())
    if rank == 0 { for (slice, rows) in zip(partition.slices, rows) { all.rows(slice).copy(from: rows) } }
  }

  package func hostStorage(count: Int) -> FloatStorage {
    collect(FloatStorage(count: count))[hosts.ranks[host].lowerBound]
  }
  package func hostStorages(counts: [Int]) -> [FloatStorage] {
    let own = counts[rank - hosts.ranks[host].lowerBound]
    let storages = Array(collect(FloatStorage(count: own))[hosts.ranks[host]])
    precondition(storages.map(\.count) == counts, "rank \(rank) expects storages of \(counts) floats from its host")
    return storages
  }

  package func startHostBarrier(_ exchange: Exchange) -> any Transfer {
    let channel = exchange.channel
    barrierNumbers[channel, default: 0] += 1
    let key = ThreadHub.BarrierKey(host: host, channel: channel, number: barrierNumbers[channel] ?? 0)
    hub.arrive(key)
    return HubTransfer(self, hub, key: key)
  }
  package func startSend(_ matrices: [Matrix], to rank: Int, _ exchange: Exchange) throws -> any Transfer {
    if let sendFailure { throw sendFailure }
    return begin(ThreadHub.Lane(from: self.rank, to: rank, channel: exchange.channel), matrices, isSend: true)
  }
  package func startReceive(_ matrices: [Matrix], from rank: Int, _ exchange: Exchange) -> any Transfer {
    begin(ThreadHub.Lane(from: rank, to: self.rank, channel: exchange.channel), matrices, isSend: false)
  }
  private func begin(_ lane: ThreadHub.Lane, _ matrices: [Matrix], isSend: Bool) -> any Transfer {
    let half = ThreadHub.Half(matrices)
    hub.begin(lane, half, isSend: isSend)
    return HubTransfer(self, hub, half: half, looks: isSend ? 60 : 0)
  }
  package func poll() -> Bool {
    sched_yield()
    return transfersUnderWay > 0
  }

  package func broadcast(_ storage: FloatStorage) {
    let root = collect(storage)[0]
    if root !== storage { storage.base.update(from: root.base, count: storage.count) }
    _ = collect(0)
  }
  package func broadcast(_ bytes: [UInt8]) -> [UInt8] { collect(bytes)[0] }
  package func gather(_ bytes: [UInt8]) -> [[UInt8]] { collect(bytes) }
  package func finalize() {}
  package func abort(_ status: Int32) -> Never { fatalError("status \(status)") }
}
