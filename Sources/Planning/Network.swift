/// What carries messages between ranks.
package struct Network: Sendable, Equatable {
  /// Bytes a second that reach a rank from others of its own host.
  package var hostBandwidth: Double
  /// Bytes a second that reach a host from others while it sends as many; its ranks share it.
  package var linkBandwidth: Double
  /// Seconds one way between hosts.
  package var linkLatency: Double
  package var ranksPerHost: Int
  /// Seconds by which a rank's own work takes longer for each byte that it gets from other hosts while it sends as many: what copies into
  /// and out of sockets take from its cores.
  package var messageSecondsPerByte: Double

  package init(
    hostBandwidth: Double, linkBandwidth: Double, linkLatency: Double, ranksPerHost: Int,
    messageSecondsPerByte: Double
  ) {
    precondition(
      hostBandwidth > 0 && linkBandwidth > 0 && linkLatency >= 0 && ranksPerHost >= 1 && messageSecondsPerByte >= 0)
    self.messageSecondsPerByte = messageSecondsPerByte
    self.hostBandwidth = hostBandwidth
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

  /// What the library spends on each message of a collective.
  private static let secondsPerMessage = 1e-6

  /// Seconds of one exchange: on the wire, and of the rank's own cores.
  ///
  /// - Parameter nodes: of the batch's tree that a host's rows are: so many sums travel.
  func seconds(floats: Double, kind: ExchangeKind, ranks: Int, nodes: Int) -> (wire: Double, own: Double) {
    let here = Double(min(ranksPerHost, ranks))
    let hosts = (Double(ranks) / here).rounded(.up)
    let bytes = 4 * floats * (kind == .sums ? Double(nodes) : 1)
    // Ranks of a host read one another's sums; parameters and rows lie there once.
    let near = kind == .sums ? 4 * floats * (here - 1) / here : 0
    let messages = (kind == .rows ? hosts - 1 : (hosts - 1) * 2) * Self.secondsPerMessage
    guard hosts > 1 else { return (0, near / hostBandwidth + Self.secondsPerMessage) }
    // A host sends to every other, and gets from every other, as much as this.
    let far = bytes * (hosts - 1) / hosts
    return (
      far / linkBandwidth + linkLatency,
      near / hostBandwidth + far / here * messageSecondsPerByte + messages
    )
  }
}

/// Follows one rank through an iteration: it computes, while what it has begun travels through its link one exchange after another.
struct Simulation {
  private(set) var now = 0.0
  private(set) var computing = 0.0
  private var linkIsFree = 0.0
  private var arrivals: [String: Double] = [:]
  let network: Network
  let ranks: Int
  let nodes: Int

  init(network: Network, ranks: Int, nodes: Int) {
    self.network = network
    self.ranks = ranks
    self.nodes = nodes
  }

  /// - Parameters:
  ///   - secondsPerWork: for a unit of `Act.compute`.
  ///   - secondsPerContrast: for a unit of `Act.contrast`.
  mutating func run(_ acts: [Act], secondsPerWork: Double, secondsPerContrast: Double) {
    for act in acts {
      switch act {
      case .compute(let work): compute(work * secondsPerWork)
      case .contrast(let products, let id):
        compute(products * secondsPerContrast)
        // The last host's share is left when its rows arrive.
        guard let arrival = id.flatMap({ arrivals.removeValue(forKey: $0) }), arrival > 0 else { continue }
        let hosts = max(1, ranks / network.ranksPerHost)
        now = max(now, arrival + products * secondsPerContrast / Double(hosts))
      case .begin(let id, let floats, let kind):
        guard ranks > 1 else { continue }
        let cost = network.seconds(floats: floats, kind: kind, ranks: ranks, nodes: nodes)
        now += cost.own
        linkIsFree = max(linkIsFree, now) + cost.wire
        arrivals[id] = linkIsFree
      case .wait(let id): now = max(now, arrivals.removeValue(forKey: id) ?? now)
      case .agree:
        guard ranks > network.ranksPerHost else { continue }
        var rounds = 0
        while 1 << rounds < ranks { rounds += 1 }
        now += 2 * Double(rounds) * network.linkLatency
      }
    }
  }

  private mutating func compute(_ seconds: Double) {
    now += seconds
    computing += seconds
  }
}
