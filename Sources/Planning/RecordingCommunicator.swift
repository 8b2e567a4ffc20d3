import Collectives
import Matrices
import Profiling

/// A rank whose other ranks do not exist: writes down what it would exchange, and what was computed before. What should come from others
/// stays as it was: zeros, with which nothing overflows. Memory of this rank, and of its host, is real; what its host's other ranks would
/// write is one memory for all of them.
final class RecordingCommunicator: Communicator {
  let rank: Int
  let rankCount: Int
  let hosts: HostMap
  var marksMessages = false
  private(set) var events: [Event] = []
  private let profile: Profile?
  /// Messages of an exchange until one of them is waited for: then the next are of another one.
  private var numbers: [Exchange: Numbers] = [:]

  private struct Numbers {
    var begun: [Message.Direction: Int] = [:]
    var isOver = false
  }

  /// - Parameter profile: around the step; nil: work is not written down.
  init(rank: Int, hosts: HostMap, profile: Profile? = nil) {
    precondition((0..<(hosts.ranks.last?.upperBound ?? 0)).contains(rank))
    self.rank = rank
    self.hosts = hosts
    self.profile = profile
    rankCount = hosts.ranks.reduce(0) { $0 + $1.count }
  }

  /// Forgets what was written down.
  func startAnew() {
    events = []
    _ = profile?.take()
  }

  /// Writes down what was computed since the last exchange.
  func bookWork() {
    guard let profile else { return }
    let work = Work(profile.take())
    if work != Work() { events.append(.work(work)) }
  }

  fileprivate func wait(_ message: Message) {
    bookWork()
    numbers[message.exchange]?.isOver = true
    events.append(.wait(message))
  }

  private func begin(
    _ exchange: Exchange, _ direction: Message.Direction, _ peer: Int, _ matrices: [Matrix]
  ) -> any Transfer {
    bookWork()
    if numbers[exchange]?.isOver ?? true { numbers[exchange] = Numbers() }
    let number = numbers[exchange]?.begun[direction] ?? 0
    numbers[exchange]?.begun[direction] = number + 1
    let message = Message(exchange: exchange, direction: direction, peer: peer, number: number)
    events.append(.begin(message, floats: matrices.reduce(0) { $0 + $1.count }))
    return RecordedTransfer(self, message)
  }

  func startSend(_ matrices: [Matrix], to rank: Int, _ exchange: Exchange) -> any Transfer {
    begin(exchange, .send, rank, matrices)
  }
  func startReceive(_ matrices: [Matrix], from rank: Int, _ exchange: Exchange) -> any Transfer {
    begin(exchange, .receive, rank, matrices)
  }
  /// Ranks of a host do the same at the same time.
  func startHostBarrier(_ exchange: Exchange) -> any Transfer { NoTransfer() }
  func poll() -> Bool { false }

  func hostStorage(count: Int) -> FloatStorage { FloatStorage(count: count) }
  func hostStorages(counts: [Int]) -> [FloatStorage] {
    let place = rank - hosts.ranks[hosts.host(of: rank)].lowerBound
    let own = FloatStorage(count: counts[place])
    guard counts.count > 1 else { return [own] }
    let others = StorageCount.pausing { FloatStorage(count: counts.max() ?? 0) }
    return counts.indices.map { $0 == place ? own : others }
  }

  func sum(_ values: [Double]) -> [Double] {
    bookWork()
    events.append(.agree)
    return values
  }
  func sum(_ values: [Int]) -> [Int] { values }
  func maximum(_ value: Int) -> Int { value }
  func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) {}
  func gatherRowsToRoot(_ local: Matrix, into all: Matrix, partition: RowPartition) {}
  func broadcast(_ storage: FloatStorage) {}
  func broadcast(_ bytes: [UInt8]) -> [UInt8] { bytes }
  func gather(_ bytes: [UInt8]) -> [[UInt8]] { Array(repeating: bytes, count: rankCount) }
  func finalize() {}
  /// Nothing is started here that could be ended: a step never calls it.
  func abort(_ status: Int32) -> Never { preconditionFailure("a rehearsed step ends its run with status \(status)") }
}

/// A message that neither comes nor leaves: it is there when it is asked for.
private final class RecordedTransfer: Transfer {
  private let owner: RecordingCommunicator
  private let message: Message
  private var isFinished = false

  init(_ owner: RecordingCommunicator, _ message: Message) {
    self.owner = owner
    self.message = message
  }

  func isComplete() -> Bool { true }

  func finish() {
    if !isFinished { owner.wait(message) }
    isFinished = true
  }
}
