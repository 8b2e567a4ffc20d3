import Collectives
import Testing

@testable import Planning

private let link = Network(linkBandwidth: 4e6, linkLatency: 0, ranksPerHost: 1, messageSecondsPerByte: 0)
private let rates = Simulation.Rates(rows: 1, pairs: 0, units: 0)

private func message(_ exchange: Exchange, _ direction: Message.Direction, _ number: Int = 0) -> Message {
  Message(exchange: exchange, direction: direction, peer: 1 + number, number: number)
}

/// A message of so many floats each way.
private func begin(_ exchange: Exchange, floats: Int) -> [Event] {
  [
    .begin(message(exchange, .receive), floats: floats), .begin(message(exchange, .send), floats: floats),
  ]
}

private func work(_ rows: Double) -> Event {
  var work = Work()
  work.rows = rows
  return .work(work)
}

private func run(_ events: [Event], _ network: Network = link, ranks: Int = 2, times: Int = 1) -> Simulation {
  var simulation = Simulation(network: network, hosts: network.hosts(ranks: ranks))
  for _ in 0..<times { simulation.run(Trace(events: events, rowCount: 1), rates) }
  return simulation
}

@Suite struct SimulationTests {
  private let a = Exchange.sums("a")
  private let b = Exchange.sums("b")

  @Test func anExchangeOverALinkTakesItsHostsShare() {
    let network = Network(linkBandwidth: 1e8, linkLatency: 1e-3, ranksPerHost: 2, messageSecondsPerByte: 0)
    let events = begin(a, floats: 250_000) + [.wait(message(a, .receive))]
    // Both ranks of a host send 1 MB to the other one.
    #expect(abs(run(events, network, ranks: 4).now - 0.021002) < 1e-12)
    // Each of them handles its own; faster cores do so in less time.
    var costly = network
    costly.messageSecondsPerByte = 1e-6
    #expect(abs(run(events, costly, ranks: 4).now - run(events, network, ranks: 4).now - 1) < 1e-9)
    let fast = run(events, costly.withCores(timesAsFast: 4), ranks: 4)
    #expect(abs(fast.now - run(events, network, ranks: 4).now - 0.25) < 1e-9)
  }

  @Test func computingHidesAnExchangeThatIsShorter() {
    // 2e6 bytes to come take half a second.
    func events(_ seconds: Double) -> [Event] {
      begin(a, floats: 500_000) + [work(seconds), .wait(message(a, .receive))]
    }
    #expect(abs(run(events(1)).now - 1) < 0.01)
    #expect(abs(run(events(0.1)).now - 0.5) < 0.01)
    #expect(abs(run(events(0.1)).computing - 0.1) < 1e-12)
  }

  @Test func exchangesTravelOneAfterTheOther() {
    let both = begin(a, floats: 500_000) + begin(b, floats: 500_000)
    #expect(abs(run(both + [.wait(message(a, .receive))]).now - 0.5) < 0.01)
    #expect(abs(run(both + [.wait(message(b, .receive))]).now - 1) < 0.01)
    // What has left has not always come.
    var far = link
    far.linkLatency = 2
    #expect(abs(run(both + [.wait(message(a, .send))], far).now - 0.5) < 0.01)
    #expect(abs(run(both + [.wait(message(a, .receive))], far).now - 2.5) < 0.01)
  }

  @Test func rowsComeHostByHost() {
    let rows = Exchange.rows("r")
    let begun: [Event] = [Message.Direction.receive, .send].flatMap { direction in
      (0..<4).map { .begin(message(rows, direction, $0), floats: 250_000) }
    }
    for host in 0..<4 {
      let simulation = run(begun + [.wait(message(rows, .receive, host))], ranks: 5)
      #expect(abs(simulation.now - 0.25 * Double(host + 1)) < 0.01)
    }
    // Each row of the trace may stand for many, and each message too; of sums, there are as many floats in more messages.
    var scaled = Simulation(network: link, hosts: link.hosts(ranks: 5))
    (scaled.rowScale, scaled.messageScale) = (3, 2)
    scaled.run(Trace(events: begun + [.wait(message(rows, .receive, 3))], rowCount: 1), rates)
    #expect(abs(scaled.now - 6) < 0.01)
    scaled.run(Trace(events: begin(a, floats: 500_000) + [.wait(message(a, .receive))], rowCount: 1), rates)
    #expect(abs(scaled.now - 6.5) < 0.01)
  }

  /// What an iteration leaves under way is waited for in the next.
  @Test func exchangesOutliveAnIteration() {
    let events = [.wait(message(a, .receive)), work(0.1)] + begin(a, floats: 500_000)
    #expect(abs(run(events).now - 0.1) < 0.01)
    #expect(abs(run(events, times: 2).now - 0.7) < 0.01)
  }

  @Test func agreeingTakesRoundsBetweenHosts() {
    var far = link
    far.linkLatency = 1
    #expect(run([.agree], far, ranks: 1).now == 0)
    #expect(run([.agree], far, ranks: 8).now == 6)
    far.ranksPerHost = 8
    #expect(run([.agree], far, ranks: 8).now == 0)
  }
}
