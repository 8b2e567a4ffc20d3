// The rows of all ranks, once per host.
import Collectives
import Matrices
import Profiling

/// An all-gather into memory that the ranks of a host share: each rank sends its rows to one rank of every other host, as in a ring: to the
/// host before its own first, to the one behind it last. So hosts' rows arrive one host after the other, and can be used meanwhile.
final class RowGather {
  /// What is gathered, N×K.
  let all: Matrix
  private let exchange: Exchange
  private let communicator: any Communicator
  private var receives: [(host: Int, transfer: any Transfer)] = []
  private var sends: [any Transfer] = []
  private var message: [Matrix] = []
  /// What went wrong where nobody could be told.
  private var failure: (any Error)?
  /// Hosts that have not been sent to yet.
  private var targets: ArraySlice<Int> = []
  /// Messages that are under way at once: more would share the link, and all arrive late.
  private static let mostSends = 3

  /// - Throws: `SharedMemoryError`, `CollectiveError`.
  init(_ name: String, rows: Int, columns: Int, communicator: any Communicator) throws {
    exchange = .rows(name)
    self.communicator = communicator
    all = Matrix(
      storage: try communicator.hostStorage(count: rows * columns), offset: 0, rowCount: rows, columnCount: columns,
      rowStride: columns)
  }

  private var host: Int { communicator.hosts.host(of: communicator.rank) }

  /// This host first, then the others in the order in which their rows arrive.
  var hostsInOrder: [Int] {
    let count = communicator.hosts.count
    return (0..<count).map { (host + $0) % count }
  }

  /// Begins to gather. Nobody may still read what was gathered before.
  ///
  /// - Parameters:
  ///   - own: this rank's rows, with their places in `all`.
  ///   - places: of every rank's rows, in the same way.
  /// - Throws: `CollectiveError`.
  func start(_ own: [(rows: Matrix, place: Range<Int>)], places: (Int) -> [Range<Int>]) throws {
    for (rows, place) in own { all.rows(place).copy(from: rows) }
    let (hosts, rank, order) = (communicator.hosts, communicator.rank, hostsInOrder)
    for other in order.dropFirst() {
      for sender in hosts.ranks[other] where hosts.partner(on: host, of: sender) == rank {
        let matrices = places(sender).filter { !$0.isEmpty }.map { all.rows($0) }
        if !matrices.isEmpty {
          receives.append((other, try communicator.startReceive(matrices, from: sender, exchange)))
        }
      }
    }
    message = own.filter { $0.rows.rowCount > 0 }.map(\.rows)
    targets = message.isEmpty ? [] : order.dropFirst().reversed()[...]
    advance()
  }

  /// Sends what may be sent by now; to be called often. An error is thrown by the next `finish`.
  func advance() {
    guard !targets.isEmpty, failure == nil else { return }
    do {
      while let target = targets.first {
        try sends.removeAll { try $0.isComplete() }
        guard sends.count < Self.mostSends else { return }
        targets.removeFirst()
        let partner = communicator.hosts.partner(on: target, of: communicator.rank)
        sends.append(try communicator.startSend(message, to: partner, exchange))
      }
    } catch {
      failure = error
    }
  }

  /// Waits, and sends meanwhile.
  private func wait(for transfer: any Transfer) throws {
    try wait(until: transfer.isComplete)
    try transfer.finish()
  }

  private func wait(until isDone: () throws -> Bool) throws {
    var isWaiting = false
    while true {
      // First: what could not be sent is missing elsewhere, whatever has arrived here.
      if let failure { throw failure }
      if try isDone() { return }
      if !isWaiting { Heartbeat.enter("MPI_Test") }
      isWaiting = true
      advance()
      _ = communicator.poll()
    }
  }

  /// Returns when the rows of one host are there, for all ranks of this host. Hosts are asked for in order, each once.
  ///
  /// - Throws: `CollectiveError`.
  func finish(host other: Int) throws {
    while let first = receives.first, first.host == other {
      try wait(for: first.transfer)
      receives.removeFirst()
    }
    // Another rank of this host may be waiting for rows whose sender waits, in the same place, for what this rank has not sent yet.
    let barrier = try communicator.startHostBarrier(exchange)
    try wait(until: { try targets.isEmpty || barrier.isComplete() })
    try barrier.finish()
  }

  /// Returns when all rows are there, for all ranks of this host, and this rank's have left.
  ///
  /// - Throws: `CollectiveError`.
  func finish() throws {
    for (_, transfer) in receives { try wait(for: transfer) }
    receives = []
    try wait(until: { targets.isEmpty })
    for send in sends { try send.finish() }
    sends = []
    try communicator.startHostBarrier(exchange).finish()
  }
}
