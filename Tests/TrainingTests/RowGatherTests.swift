import Collectives
import Matrices
import TestSupport
import Testing

@testable import Training

/// Rows of all ranks, once per host, wherever their places are.
@Suite struct RowGatherTests {
  /// Where the rows of each rank lie: two places each, some of them empty, which cover all rows.
  private struct Places {
    let rowCount: Int
    let ofRanks: [[Range<Int>]]

    init(_ draws: Draws, ranks: Int) {
      var ofRanks = [[Range<Int>]](repeating: [], count: ranks)
      var end = 0
      for _ in 0..<2 {
        for rank in 0..<ranks {
          let count = draws.integer(0...3) == 0 ? 0 : draws.integer(1...6)
          ofRanks[rank].append(end..<end + count)
          end += count
        }
      }
      (rowCount, self.ofRanks) = (end, ofRanks)
    }
  }

  private static func value(_ row: Int, _ column: Int, round: Int) -> Float { Float(1000 * round + 10 * row + column) }

  /// One rank, and hosts of several ranks each, more of them than messages may be under way.
  private static let layouts = RanksTests.layouts + [[1], [2, 2, 2, 2, 2, 2], [3, 1, 2, 2, 1, 3, 2]]

  /// Three rounds in the same memory: waiting for everything, host by host, and for everything again.
  @Test(arguments: layouts) func everyRankSeesAllRows(_ hosts: [Int]) throws {
    let draws = Draws(seed: .random(in: 0...UInt64.max))
    for trial in 0..<8 {
      let places = Places(draws, ranks: hosts.reduce(0, +))
      guard places.rowCount > 0 else { continue }
      let ranks = try onThreads(hosts: hosts) { try Self.violations($0, places) }
      #expect(ranks.flatMap { $0 } == [], "seed \(draws.seed), trial \(trial), hosts of \(hosts)")
    }
  }

  private static func violations(_ communicator: any Communicator, _ places: Places) throws -> [String] {
    let (hosts, columns) = (communicator.hosts, 3)
    let gather = try RowGather("test", rows: places.rowCount, columns: columns, communicator: communicator)
    var violations: [String] = []
    func check(_ ranks: Range<Int>, round: Int) {
      for rank in ranks {
        for row in places.ofRanks[rank].joined() {
          for column in 0..<columns where gather.all[row, column] != value(row, column, round: round) {
            violations.append("round \(round): rank \(communicator.rank) has not row \(row) of rank \(rank)")
          }
        }
      }
    }
    for round in 1...3 {
      let own = places.ofRanks[communicator.rank].map { place in
        let rows = Matrix(rows: place.count, columns: columns)
        for (r, row) in place.enumerated() {
          for column in 0..<columns { rows[r, column] = value(row, column, round: round) }
        }
        return (rows: rows, place: place)
      }
      try gather.start(own, places: { places.ofRanks[$0] })
      if round == 2 {
        for host in gather.hostsInOrder {
          try gather.finish(host: host)
          check(hosts.ranks[host], round: round)
        }
      }
      try gather.finish()
      check(0..<communicator.rankCount, round: round)
      // Nobody may still read when the next round begins.
      _ = try communicator.sum(0)
    }
    if gather.hostsInOrder.sorted() != Array(0..<hosts.count) { violations.append("order \(gather.hostsInOrder)") }
    return violations
  }

  private struct NothingLeaves: Error {}

  /// Also where everything that this rank waits for has arrived: its peers wait for what it could not send.
  @Test(arguments: [false, true]) func aFailureToSendIsThrown(_ isHostByHost: Bool) throws {
    let thrown = try onThreads(hosts: [1, 1]) { communicator in
      let gather = try RowGather("test", rows: 2, columns: 1, communicator: communicator)
      let (own, isAtFault) = (communicator.rank, communicator.rank == 1)
      if isAtFault { (communicator as? ThreadCommunicator)?.sendFailure = NothingLeaves() }
      try gather.start([(Matrix(rows: 1, columns: 1), own..<own + 1)], places: { [$0..<$0 + 1] })
      // Rank 0 would wait for ever.
      guard isAtFault else { return true }
      do {
        if isHostByHost { for host in gather.hostsInOrder { try gather.finish(host: host) } }
        try gather.finish()
        return false
      } catch is NothingLeaves {
        return true
      }
    }
    #expect(thrown == [true, true])
  }
}
