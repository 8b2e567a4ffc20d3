import Collectives
import Glibc
import Matrices

/// What messages take between two hosts.
package struct Link: Codable, Sendable, Equatable {
  package var hosts: [String]
  /// Seconds one way for 4 bytes.
  package var latency: Double
  /// Bytes a second, one way, in messages of 4 MiB.
  package var bandwidth: Double

  package init(hosts: [String], latency: Double, bandwidth: Double) {
    self.hosts = hosts
    self.latency = latency
    self.bandwidth = bandwidth
  }
}

/// What collectives over all ranks take.
package struct CollectiveSpeed: Sendable {
  /// Seconds for an all-reduce of one number.
  package var allReduce = 0.0
  /// Bytes a second that reach a rank in an all-gather.
  package var allGather = 0.0
}

/// Who measures with whom in one round, so that after count − 1 rounds (an odd count: count) every pair has met once and nobody was
/// asked twice in a round.
package func pairings(round: Int, of count: Int) -> [(Int, Int)] {
  let seats = count + count % 2  // the last seat of an odd count stays empty
  guard seats > 2 else { return count == 2 ? [(0, 1)] : [] }
  let ring = seats - 1
  return (0..<seats / 2).compactMap { table in
    let (a, b) = table == 0 ? (round % ring, ring) : ((round + table) % ring, (round - table + ring * 2) % ring)
    return a < count && b < count ? (min(a, b), max(a, b)) : nil
  }
}

/// Links that are less than half as fast as is usual among these hosts.
package func speedFindings(_ links: [Link]) -> [Finding] {
  guard links.count >= 3 else { return [] }
  let usual = links.map(\.bandwidth).sorted()[links.count / 2]
  return links.filter { $0.bandwidth < usual / 2 }.map { link in
    Finding(
      .speed,
      "\(link.hosts.joined(separator: " and ")) exchange \(megabytes(link.bandwidth)) MB/s, other hosts \(megabytes(usual))",
      cure: "look at that host's network (ethtool: negotiated speed, errors), or leave it out")
  }
}

func megabytes(_ bandwidth: Double) -> String { "\(Int((bandwidth / 1e6).rounded()))" }

package struct LinkProbe {
  let communicator: MPICommunicator
  /// First rank of each host, and the hosts' names.
  let leaders: [Int]
  let hosts: [String]

  /// - Parameter hosts: of every rank, in rank order.
  package init(_ communicator: MPICommunicator, hosts: [String]) {
    self.communicator = communicator
    var seen: Set<String> = []
    leaders = hosts.indices.filter { seen.insert(hosts[$0]).inserted }
    self.hosts = leaders.map { hosts[$0] }
  }

  /// Rounds of pairs that are measured at most: a thousand hosts would otherwise take minutes.
  private static let mostRounds = 16

  /// Pairs of hosts, several at once; the same on every rank.
  ///
  /// - Throws: `CollectiveError`.
  package func links() throws -> [Link] {
    let rounds = hosts.count < 2 ? 0 : hosts.count - 1 + hosts.count % 2
    var own: [Link] = []
    for round in 0..<min(rounds, Self.mostRounds) {
      _ = try communicator.sum(0)
      for (a, b) in pairings(round: round, of: hosts.count) {
        guard [leaders[a], leaders[b]].contains(communicator.rank) else { continue }
        let answers = communicator.rank == leaders[b]
        let peer = answers ? leaders[a] : leaders[b]
        let latency = try oneWay(with: peer, floats: 1, repeats: 50, answers: answers)
        let seconds = try oneWay(with: peer, floats: 1 << 20, repeats: 3, answers: answers)
        if !answers {
          own.append(Link(hosts: [hosts[a], hosts[b]], latency: latency, bandwidth: Double(4 << 20) / seconds))
        }
      }
    }
    return try communicator.gatherValues(own).flatMap { $0 ?? [] }
  }

  /// Seconds; the shortest of the repeats, since other work only adds to it.
  private func oneWay(with peer: Int, floats: Int, repeats: Int, answers: Bool) throws -> Double {
    let storage = FloatStorage(count: floats)
    var best = Double.infinity
    for _ in 0...repeats {
      let start = ContinuousClock().now
      try communicator.roundTrip(with: peer, storage, answers: answers)
      best = min(best, (ContinuousClock().now - start) / .seconds(2))
    }
    return best
  }

  /// Takes up to ten seconds where a link is slow.
  ///
  /// - Parameter mebibytes: that each of a few ranks gives to an all-gather; many give less.
  package func collectives(mebibytes: Int = 1) throws -> CollectiveSpeed {
    var speed = CollectiveSpeed()
    let clock = ContinuousClock()
    let rankCount = communicator.rankCount
    var times: [Double] = []
    for _ in 0..<50 {
      let start = clock.now
      _ = try communicator.sum(0)
      times.append((clock.now - start) / .seconds(1))
    }
    speed.allReduce = times.sorted()[times.count / 2]
    // Of at most 64 MiB in all, whatever the number of ranks: to the next rank and from the one before, as in a ring.
    let rows = max(1, min(256 * mebibytes, (1 << 14) / rankCount))
    let ring = MessageRing(communicator, rows: rows)
    func secondsPerGather(_ count: Int) throws -> Double {
      let start = clock.now
      ring.start(count * (rankCount - 1))
      try ring.finish()
      return (clock.now - start) / .seconds(Double(count))
    }
    // The first ones open TCP's windows; how long it then takes varies from second to second where a link is slow.
    let first = try secondsPerGather(6)
    let count = max(6, min(24, Int(5 / first)))
    let seconds = try secondsPerGather(try communicator.maximum(count))
    speed.allGather = Double((rankCount - 1) * rows * 4096) / seconds
    return speed
  }
}
