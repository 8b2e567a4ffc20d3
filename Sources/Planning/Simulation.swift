import Collectives

/// Follows one rank through the events of a trace: it computes, while the messages that it has begun travel through its host's link one
/// after the other. All ranks do the same at the same time, so what a rank gets has come as far as what it sends in the same exchange.
struct Simulation {
  /// Seconds for a unit of each kind of `Work`.
  struct Rates {
    var rows, pairs, units: Double

    func seconds(_ work: Work) -> Double { work.rows * rows + work.pairs * pairs + work.units * units }
  }

  let network: Network
  let hosts: HostMap
  /// Rows that stand for one of the trace, and messages for one.
  var rowScale = 1.0
  var messageScale = 1.0

  private(set) var now = 0.0
  private(set) var computing = 0.0
  private var linkIsFree = 0.0
  private var exchanges: [Exchange: Progress] = [:]

  /// What the library spends on each message.
  private static let secondsPerMessage = 1e-6

  private struct Progress {
    /// When the messages that this rank sends have left.
    var departures: [Double] = []
    /// When those that it gets would have come, if nothing else was in their way.
    var arrivals: [Double] = []
  }

  init(network: Network, hosts: HostMap) {
    self.network = network
    self.hosts = hosts
  }

  mutating func run(_ trace: Trace, _ rates: Rates) {
    for event in trace.events {
      switch event {
      case .work(let work):
        now += rates.seconds(work)
        computing += rates.seconds(work)
      case .begin(let message, let floats): begin(message, floats: Double(floats))
      case .wait(let message): now = max(now, end(of: message))
      case .agree:
        guard hosts.count > 1 else { continue }
        var rounds = 0
        while 1 << rounds < hosts.ranks[hosts.count - 1].upperBound { rounds += 1 }
        now += 2 * Double(rounds) * network.linkLatency
      }
    }
  }

  private mutating func begin(_ message: Message, floats: Double) {
    var progress = exchanges[message.exchange] ?? Progress()
    let isRows = message.exchange.channel == .rows
    let bytes = 4 * floats * (isRows ? rowScale * messageScale : 1)
    // The host's other ranks send as much at the same time.
    let wire = bytes * Double(hosts.ranks[0].count) / network.linkBandwidth
    now += Self.secondsPerMessage * messageScale
    switch message.direction {
    case .send:
      if message.number == 0 { progress.departures = [] }
      now += bytes * network.messageSecondsPerByte
      linkIsFree = max(linkIsFree, now) + wire
      progress.departures.append(linkIsFree)
    case .receive:
      if message.number == 0 { progress = Progress() }
      progress.arrivals.append(max(linkIsFree, now) + wire + network.linkLatency)
    }
    exchanges[message.exchange] = progress
  }

  /// When a message has left, or come. What the rank gets first is what its neighbour sends first.
  private func end(of message: Message) -> Double {
    guard let progress = exchanges[message.exchange] else { return now }
    let (sent, got) = (progress.departures.count, progress.arrivals.count)
    switch message.direction {
    case .send: return message.number < sent ? progress.departures[message.number] : now
    case .receive:
      guard message.number < got else { return now }
      guard sent > 0 else { return progress.arrivals[message.number] }
      return progress.departures[((message.number + 1) * sent + got - 1) / got - 1] + network.linkLatency
    }
  }
}
