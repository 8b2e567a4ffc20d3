/// What carries messages between ranks.
package struct Network: Sendable, Equatable {
  /// Bytes a second that reach a rank from others of its own host.
  package var hostBandwidth: Double
  /// Bytes a second that reach a host from others while it sends as many; its ranks share it.
  package var linkBandwidth: Double
  /// Seconds one way between hosts.
  package var linkLatency: Double
  package var ranksPerHost: Int

  package init(hostBandwidth: Double, linkBandwidth: Double, linkLatency: Double, ranksPerHost: Int) {
    precondition(hostBandwidth > 0 && linkBandwidth > 0 && linkLatency >= 0 && ranksPerHost >= 1)
    self.hostBandwidth = hostBandwidth
    self.linkBandwidth = linkBandwidth
    self.linkLatency = linkLatency
    self.ranksPerHost = ranksPerHost
  }

  /// What the library spends on each message of a collective.
  private static let secondsPerMessage = 1e-6
  /// What copies into and out of sockets take from a rank's own cores, for each byte that it gets.
  private static let socketSecondsPerByte = 0.5e-9

  /// Seconds of one exchange: on the wire, and of the rank's own cores.
  func seconds(floats: Double, kind: ExchangeKind, ranks: Int) -> (wire: Double, own: Double) {
    let p = Double(ranks)
    let here = Double(min(ranksPerHost, ranks))
    let bytes = 4 * floats * (kind == .gather ? 1 : 1 / p)
    let (near, far) = (bytes * (here - 1) / p, bytes * (p - here) / p)
    let messages = (p - 1) * Self.secondsPerMessage
    guard far > 0 else { return (0, near / hostBandwidth + messages) }
    return (
      far * here / linkBandwidth + linkLatency, near / hostBandwidth + far * Self.socketSecondsPerByte + messages
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

  init(network: Network, ranks: Int) {
    self.network = network
    self.ranks = ranks
  }

  /// - Parameter secondsPerWork: for a unit of `Act.compute`.
  mutating func run(_ acts: [Act], secondsPerWork: Double) {
    for act in acts {
      switch act {
      case .compute(let work):
        now += work * secondsPerWork
        computing += work * secondsPerWork
      case .begin(let id, let floats, let kind):
        guard ranks > 1 else { continue }
        let cost = network.seconds(floats: floats, kind: kind, ranks: ranks)
        now += cost.own
        linkIsFree = max(linkIsFree, now) + cost.wire
        arrivals[id] = linkIsFree
      case .wait(let id): now = max(now, arrivals.removeValue(forKey: id) ?? now)
      }
    }
  }

  /// The agreement of all ranks on the losses.
  mutating func agree() {
    guard ranks > network.ranksPerHost else { return }
    var rounds = 0
    while 1 << rounds < ranks { rounds += 1 }
    now += 2 * Double(rounds) * network.linkLatency
  }
}
