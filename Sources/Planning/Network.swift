import Collectives

/// What carries messages between ranks.
package struct Network: Sendable, Equatable {
  /// Bytes a second that reach a host from others while it sends as many; its ranks share it.
  package var linkBandwidth: Double
  /// Seconds one way between hosts.
  package var linkLatency: Double
  package var ranksPerHost: Int
  /// Seconds by which a rank's own work takes longer for each byte that it gets from other hosts while it sends as many: what copies into
  /// and out of sockets take from its cores.
  package var messageSecondsPerByte: Double

  package init(linkBandwidth: Double, linkLatency: Double, ranksPerHost: Int, messageSecondsPerByte: Double) {
    precondition(linkBandwidth > 0 && linkLatency >= 0 && ranksPerHost >= 1 && messageSecondsPerByte >= 0)
    self.messageSecondsPerByte = messageSecondsPerByte
    self.linkBandwidth = linkBandwidth
    self.linkLatency = linkLatency
    self.ranksPerHost = ranksPerHost
  }

  /// The same with ranks whose cores are so many times as fast: what is left to the wire stays.
  package func withCores(timesAsFast factor: Double) -> Network {
    var result = self
    result.messageSecondsPerByte /= factor
    return result
  }

  /// What `messageSecondsPerByte` is assumed to be where there is no second host to measure it: 2 GB/s of one core, a rank's threads
  /// taking over what one of them does not multiply meanwhile.
  package static func assumedMessageSecondsPerByte(threads: Int) -> Double { 0.5e-9 / Double(threads) }

  /// The hosts of so many ranks.
  func hosts(ranks: Int) -> HostMap {
    HostMap(
      ranks: stride(from: 0, to: ranks, by: ranksPerHost).map { $0..<min($0 + ranksPerHost, ranks) })
  }
}
