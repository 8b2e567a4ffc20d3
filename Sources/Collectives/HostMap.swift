/// The ranks of each host; consecutive, so that what hosts exchange is consecutive too.
package struct HostMap: Sendable, Hashable {
  /// Of each host, in order.
  package let ranks: [Range<Int>]

  /// - Parameter ranks: consecutive from 0, none empty.
  package init(ranks: [Range<Int>]) {
    precondition(ranks.first?.lowerBound == 0 && ranks.allSatisfy { !$0.isEmpty })
    precondition(zip(ranks, ranks.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    self.ranks = ranks
  }

  /// One host with so many ranks.
  package init(rankCount: Int) { self.init(ranks: [0..<rankCount]) }

  package var count: Int { ranks.count }

  package func host(of rank: Int) -> Int {
    guard let host = ranks.firstIndex(where: { $0.contains(rank) }) else {
      preconditionFailure("rank \(rank) of \(ranks)")
    }
    return host
  }

  /// The rank of a host that exchanges with a rank of another host what both hosts need: they are shared out evenly.
  package func partner(on host: Int, of rank: Int) -> Int {
    ranks[host].lowerBound + rank % ranks[host].count
  }
}
