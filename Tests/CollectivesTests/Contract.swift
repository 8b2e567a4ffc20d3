import Collectives
import Matrices
import TestSupport

/// What `Communicator` promises, asked of a run's ranks. Every rank makes one and calls the same functions in the same order; what is not
/// as promised ends up in `violations`. So the communicators that tests take for MPI are held against the same promises as MPI's.
final class Contract {
  let communicator: any Communicator
  private(set) var violations: [String] = []
  private var rank: Int { communicator.rank }
  private var count: Int { communicator.rankCount }

  init(_ communicator: any Communicator) { self.communicator = communicator }

  private func expect(_ isSo: Bool, _ what: @autoclosure () -> String) {
    if !isSo { violations.append("rank \(rank) of \(communicator.hosts.ranks): \(what())") }
  }

  /// A number that says whose it is and which.
  private func mark(_ rank: Int, _ number: Int = 0) -> Float { Float(1000 * (rank + 1) + number) }

  func checkAll() throws -> [String] {
    checkHosts()
    try checkReductions()
    try checkGathers()
    try checkBroadcasts()
    try checkSharedMemory()
    try checkMessages()
    try checkOnRoot()
    return violations
  }

  private func checkHosts() {
    let hosts = communicator.hosts
    expect(hosts.ranks.last?.upperBound == count, "hosts have other ranks than there are")
    expect(hosts.ranks[hosts.host(of: rank)].contains(rank), "it is on another host")
    expect(communicator.isFirstOfHost == hosts.ranks.contains { $0.lowerBound == rank }, "first of its host or not")
    expect(communicator.isRoot == (rank == 0) && communicator.spansHosts == (hosts.count > 1), "root, hosts")
  }

  private func checkReductions() throws {
    let sums = try communicator.sum([rank + 1, -rank * rank, 1 << 40])
    let squares = (0..<count).reduce(0) { $0 + $1 * $1 }
    expect(sums == [count * (count + 1) / 2, -squares, count << 40], "sum of integers: \(sums)")
    expect(try communicator.sum(rank) == count * (count - 1) / 2, "sum of an integer")
    expect(try communicator.maximum(rank == count / 2 ? 7 : -rank) == 7, "maximum")
    // Exact where one rank alone has something.
    let owned = (0..<count).map { $0 == rank ? 0.1 + Double(rank) / 3 : 0 }
    expect(try communicator.sum(owned) == (0..<count).map { 0.1 + Double($0) / 3 }, "sum of numbers of one rank each")
    expect(try communicator.sum(rank == 0 ? Double.nan : 1).isNaN, "a NaN got lost")
  }

  /// Also with fewer rows than ranks, and with none.
  private func checkGathers() throws {
    for rowCount in [0, 1, count - 1, 3 * count + 1, 200] {
      let partition = RowPartition(rowCount: rowCount, rankCount: count)
      let slice = partition.slice(of: rank)
      let (local, expected) = (Matrix(rows: slice.count, columns: 3), Matrix(rows: rowCount, columns: 3))
      for (r, owner) in partition.slices.enumerated().flatMap({ owner, rows in rows.map { ($0, owner) } }) {
        for c in 0..<3 {
          expected[r, c] = mark(owner, r) + Float(c) / 4
          if owner == rank { local[r - slice.lowerBound, c] = expected[r, c] }
        }
      }
      let (all, atRoot) = (Matrix(rows: rowCount, columns: 3), Matrix(rows: rowCount, columns: 3))
      atRoot.fill(-1)
      try communicator.gatherRows(local, into: all, partition: partition)
      try communicator.gatherRowsToRoot(local, into: atRoot, partition: partition)
      expect(all.elements == expected.elements, "\(rowCount) gathered rows")
      expect(
        atRoot.elements == (rank == 0 ? expected.elements : Array(repeating: -1, count: 3 * rowCount)),
        "\(rowCount) rows gathered at rank 0")
    }
    let bytes = try communicator.gather(Array(repeating: UInt8(rank % 256), count: rank % 4))
    expect(bytes == (0..<count).map { Array(repeating: UInt8($0 % 256), count: $0 % 4) }, "gathered bytes: \(bytes)")
  }

  private func checkBroadcasts() throws {
    for length in [0, 1, 5000] {
      let storage = FloatStorage(count: length)
      let matrix = Matrix(storage: storage, offset: 0, rowCount: 1, columnCount: length, rowStride: length)
      func bits(_ place: Int) -> UInt32 { 0x7FC0_0000 &+ UInt32(place) }  // NaNs of their own
      for c in 0..<length { matrix[0, c] = rank == 0 ? Float(bitPattern: bits(c)) : 1 }
      try communicator.broadcast(storage)
      expect(matrix.elements.map(\.bitPattern) == (0..<length).map(bits), "broadcast of \(length) floats")
    }
    for text in [[UInt8](), Array("what rank 0 says".utf8)] {
      expect(try communicator.broadcast(rank == 0 ? text : [1, 2, 3]) == text, "broadcast of \(text.count) bytes")
    }
  }

  /// What ranks of a host wrote before a barrier, all of them read behind it.
  private func checkSharedMemory() throws {
    let ranks = communicator.hosts.ranks[communicator.hosts.host(of: rank)]
    let length = 40 * ranks.count
    let shared = Matrix(
      storage: try communicator.hostStorage(count: length), offset: 0, rowCount: ranks.count, columnCount: 40,
      rowStride: 40)
    let storages = try hostStorages(communicator, count: 9)
    let rows = storages.map { Matrix(storage: $0, offset: 0, rowCount: 1, columnCount: 9, rowStride: 9) }
    expect(rows.count == ranks.count, "\(rows.count) storages for a host's ranks \(ranks)")
    expect(shared.elements.allSatisfy { $0 == 0 }, "host memory is not zero")
    expect(rows[rank - ranks.lowerBound].elements.allSatisfy { $0 == 0 }, "a rank's memory is not zero")
    try barrier(.rows)
    for round in 0..<3 {
      shared.rows(rank - ranks.lowerBound..<rank - ranks.lowerBound + 1).fill(mark(rank, round))
      rows[rank - ranks.lowerBound].fill(-mark(rank, round))
      for channel in Channel.allCases { try barrier(channel) }
      for (place, other) in ranks.enumerated() {
        expect(
          shared.rows(place..<place + 1).elements.allSatisfy { $0 == mark(other, round) },
          "round \(round): host memory lacks what rank \(other) wrote")
        expect(
          rows[place].elements.allSatisfy { $0 == -mark(other, round) },
          "round \(round): the memory of rank \(other) is not its own")
      }
      try barrier(.sums)
    }
    // Every call makes another one.
    let again = try communicator.hostStorage(count: length)
    try barrier(.parameters)
    let other = Matrix(storage: again, offset: 0, rowCount: 1, columnCount: length, rowStride: length)
    expect(other.elements.allSatisfy { $0 == 0 }, "new host memory is not zero")
    try barrier(.parameters)
  }

  private func barrier(_ channel: Channel) throws { try startBarrier(communicator, channel).finish() }

  /// Every rank sends to every other, several messages on every channel; they meet in the order of their pair and channel, whoever is
  /// first, and reach rows wherever these lie.
  private func checkMessages() throws {
    expect(!communicator.poll(), "nothing is under way, yet it says so")
    let others = (0..<count).filter { $0 != rank }
    func matrices(_ from: Int, _ to: Int, _ channel: Channel, _ number: Int) -> [Matrix] {
      let wide = Matrix(rows: 3, columns: 9)
      wide.fill(mark(from, 100 * to + 10 * channel.rawValue + number))
      return [wide.columns(2..<6), Matrix(rows: number, columns: 2), wide.rows(0..<1)]
    }
    var receives: [(matrices: [Matrix], expected: [Matrix], transfer: any Transfer)] = []
    var sends: [any Transfer] = []
    func receive(_ channels: [Channel]) throws {
      for other in others {
        for channel in channels {
          for number in 0..<3 {
            let expected = matrices(other, rank, channel, number)
            let places = expected.map { matrix in
              let wide = Matrix(rows: matrix.rowCount, columns: matrix.columnCount + 3)
              wide.fill(-1)
              return wide.columns(1..<matrix.columnCount + 1)
            }
            receives.append((places, expected, try startReceive(communicator, places, from: other, channel)))
          }
        }
      }
    }
    // Ranks of even number receive first, the others send first.
    if rank % 2 == 0 { try receive([.parameters, .rows]) }
    for other in others.reversed() {
      for channel in Channel.allCases {
        for number in 0..<3 {
          sends.append(try startSend(communicator, matrices(rank, other, channel, number), to: other, channel))
        }
      }
    }
    if rank % 2 == 1 { try receive([.rows, .parameters]) }
    try receive([.sums])
    expect(communicator.poll() == (count > 1), "messages are under way, yet it says otherwise")
    for (number, receive) in receives.enumerated().reversed() {
      // Either way of waiting.
      if number % 2 == 0 { try receive.transfer.finish() }
      while try !receive.transfer.isComplete() { _ = communicator.poll() }
      for (matrix, expected) in zip(receive.matrices, receive.expected) {
        expect(matrix.elements == expected.elements, "a message of \(expected.elements.first ?? 0) differs")
        let edge = Matrix(
          storage: matrix.storage, offset: 0, rowCount: matrix.rowCount, columnCount: 1, rowStride: matrix.rowStride)
        expect(edge.elements.allSatisfy { $0 == -1 }, "a message was written beside its place")
      }
    }
    for send in sends { try send.finish() }
    expect(!communicator.poll(), "all is finished, yet something is under way")
  }

  private struct Trouble: ReportableError {
    let exitStatus = ExitStatus.badData
    let description = "no such folder"
  }

  /// What rank 0 alone does, all ranks know the outcome of.
  private func checkOnRoot() throws {
    var calls = 0
    try communicator.onRoot { calls += 1 }
    expect(calls == (rank == 0 ? 1 : 0), "\(calls) calls")
    do {
      try communicator.onRoot { throw Trouble() }
      expect(false, "the failure of rank 0 is not known")
    } catch let error as any ReportableError {
      expect(error.exitStatus == .badData && "\(error)" == "no such folder", "another failure: \(error)")
    }
    _ = try communicator.sum(0)
  }
}

// A message's channel is all that its name says here.

extension Channel {
  fileprivate var exchange: Exchange {
    switch self {
    case .rows: .rows("contract")
    case .sums: .sums("contract")
    case .parameters: .parameters("contract")
    }
  }
}

func hostStorages(_ communicator: any Communicator, count: Int) throws -> [FloatStorage] {
  let own = communicator.hosts.ranks[communicator.hosts.host(of: communicator.rank)]
  return try communicator.hostStorages(counts: own.map { _ in count })
}
func startBarrier(_ communicator: any Communicator, _ channel: Channel) throws -> any Transfer {
  try communicator.startHostBarrier(channel.exchange)
}
func startSend(_ communicator: any Communicator, _ matrices: [Matrix], to rank: Int, _ channel: Channel) throws
  -> any Transfer
{ try communicator.startSend(matrices, to: rank, channel.exchange) }
func startReceive(_ communicator: any Communicator, _ matrices: [Matrix], from rank: Int, _ channel: Channel) throws
  -> any Transfer
{ try communicator.startReceive(matrices, from: rank, channel.exchange) }
