import Collectives
import TestSupport
import Testing

@Suite struct HostMapTests {
  private func map(_ counts: [Int]) -> HostMap {
    var first = 0
    return HostMap(
      ranks: counts.map { count in
        defer { first += count }
        return first..<first + count
      })
  }

  @Test func oneHostHasAllRanks() {
    let map = HostMap(rankCount: 3)
    #expect(map.count == 1 && map.ranks == [0..<3] && (0..<3).allSatisfy { map.host(of: $0) == 0 })
    #expect((0..<3).allSatisfy { map.partner(on: 0, of: $0) == $0 })
  }

  /// Random hosts: every rank is on the host that has it, and a host's partners of another's ranks are ranks of that host, each with
  /// as many of them as the others but for one.
  @Test func partnersAreSharedOutEvenly() {
    let draws = Draws(seed: .random(in: 0...UInt64.max))
    for trial in 0..<200 {
      let counts = (0..<draws.integer(1...6)).map { _ in draws.integer(1...9) }
      let map = map(counts)
      let place = "seed \(draws.seed), trial \(trial), hosts of \(counts)"
      for (host, ranks) in map.ranks.enumerated() {
        #expect(ranks.count == counts[host] && ranks.allSatisfy { map.host(of: $0) == host }, "\(place)")
        for (other, others) in map.ranks.enumerated() where other != host {
          var partners: [Int: Int] = [:]
          for rank in others { partners[map.partner(on: host, of: rank), default: 0] += 1 }
          #expect(partners.keys.allSatisfy(ranks.contains), "\(place)")
          let each = ranks.map { partners[$0] ?? 0 }
          #expect((each.max() ?? 0) - (each.min() ?? 0) <= 1, "\(place): \(each)")
        }
      }
    }
  }
}
