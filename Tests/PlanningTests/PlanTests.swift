import Networks
import Testing
import Training

@testable import Planning

private let cost = ComputeCost(points: [(32, 1), (128, 2), (512, 6)], secondsPerPair: 0)
private let fast = Network(
  hostBandwidth: 1e12, linkBandwidth: 1e12, linkLatency: 0, ranksPerHost: 2, messageSecondsPerByte: 0)

private func plan(
  _ network: Network = fast, batchSize: Int = 512, cost: ComputeCost = cost, microBatchSize: Int = 0, dataRows: Int = 0
) throws -> Plan {
  let preset = try Preset.named("awa1")
  var configuration = Configuration()
  try configuration.apply(preset.values, place: "preset")
  configuration.batchSize = batchSize
  configuration.microBatchSize = microBatchSize
  return Plan(
    configuration: configuration,
    sizes: configuration.modelSizes(feature: preset.featureSize, attribute: preset.attributeSize),
    classCount: preset.seenClassCount, dataRows: dataRows, cost: cost, network: network)
}

@Test func costsLieOnStraightLinesBetweenAndBeyondMeasurements() {
  #expect(cost.seconds(rows: 32, batch: 32) == 1)
  #expect(cost.seconds(rows: 80, batch: 80) == 1.5)
  #expect(cost.seconds(rows: 512, batch: 512) == 6)
  #expect(cost.seconds(rows: 896, batch: 896) == 10)
  // Products of few rows do not get faster.
  #expect(cost.seconds(rows: 1, batch: 1) == 1)
  #expect(cost.scaled(by: 3).seconds(rows: 80, batch: 80) == 4.5)
}

@Test func everyRowIsContrastedWithAllOthers() {
  // 10000 pairs, 1 of the 2 measured seconds.
  let paired = ComputeCost(points: [(100, 2), (300, 20)], secondsPerPair: 1e-4)
  #expect(abs(paired.seconds(rows: 100, batch: 100) - 2) < 1e-12)
  #expect(abs(paired.seconds(rows: 300, batch: 300) - 20) < 1e-12)
  #expect(abs(paired.seconds(rows: 100, batch: 300) - 4) < 1e-12)
  #expect(abs(paired.seconds(rows: 200, batch: 1000) - 26) < 1e-12)
  #expect(abs(paired.scaled(by: 2).seconds(rows: 100, batch: 300) - 8) < 1e-12)
}

@Test func anExchangeOverALinkTakesItsHostsShare() {
  let network = Network(
    hostBandwidth: 1e9, linkBandwidth: 1e8, linkLatency: 1e-3, ranksPerHost: 2, messageSecondsPerByte: 0)
  // Two hosts of two ranks: half of 4 MB comes from the other host, whatever is exchanged; sums of two nodes twice.
  for kind in [ExchangeKind.rows, .sums, .parameters] {
    #expect(abs(network.seconds(floats: 1e6, kind: kind, ranks: 4, nodes: 1).wire - 0.021) < 1e-12)
  }
  #expect(abs(network.seconds(floats: 1e6, kind: .sums, ranks: 4, nodes: 2).wire - 0.041) < 1e-12)
  #expect(abs(network.seconds(floats: 1e6, kind: .rows, ranks: 8, nodes: 2).wire - 0.031) < 1e-12)
  // One host: what a rank reads of another's sums.
  let within = network.seconds(floats: 1e6, kind: .sums, ranks: 2, nodes: 1)
  #expect(within.wire == 0)
  #expect(abs(within.own - 0.002001) < 1e-12)
  // Each of a host's two ranks handles half of the 2 MB that come from the other host; faster cores do so in less time.
  var costly = network
  costly.messageSecondsPerByte = 1e-6
  func own(_ network: Network) -> Double { network.seconds(floats: 1e6, kind: .rows, ranks: 4, nodes: 1).own }
  #expect(abs(own(costly) - own(network) - 1) < 1e-9)
  #expect(abs(own(costly.withCores(timesAsFast: 4)) - own(network) - 0.25) < 1e-9)
}

@Test func computingHidesAnExchangeThatIsShorter() {
  let network = Network(
    hostBandwidth: 1e12, linkBandwidth: 4e6, linkLatency: 0, ranksPerHost: 1, messageSecondsPerByte: 0)
  func run(_ acts: [Act], _ secondsPerWork: Double) -> Simulation {
    var simulation = Simulation(network: network, ranks: 2, nodes: 1)
    simulation.run(acts, secondsPerWork: secondsPerWork, secondsPerContrast: 0)
    return simulation
  }
  // 2e6 bytes to come take half a second.
  let acts: [Act] = [.begin(id: "a", floats: 1e6, kind: .rows), .compute(1), .wait(id: "a")]
  #expect(abs(run(acts, 1).now - 1) < 0.01)
  #expect(abs(run(acts, 0.1).now - 0.5) < 0.01)
  #expect(abs(run(acts, 0.1).computing - 0.1) < 1e-12)
  // One after the other through the same link.
  let two: [Act] = [
    .begin(id: "a", floats: 1e6, kind: .rows), .begin(id: "b", floats: 1e6, kind: .rows), .wait(id: "b"),
  ]
  #expect(abs(run(two, 1).now - 1) < 0.01)
}

@Test func oneRankTakesWhatWasMeasured() throws {
  let one = try plan().forecast(ranks: 1)
  #expect(abs(one.seconds - 6) < 1e-9)
  #expect(one.communicationShare == 0)
  #expect(one.rowsPerRank == 512 && one.microBatches == 1)
  #expect(abs(one.samplesPerSecond - 512 * 6 / 6) < 1e-6)
}

@Test func moreRanksAreFasterUntilTheLinkIsFull() throws {
  let forecasts = try [1, 2, 4, 8, 16].map { try plan(batchSize: 2048).forecast(ranks: $0) }
  for (few, more) in zip(forecasts, forecasts.dropFirst()) { #expect(more.seconds < few.seconds) }
  let slow = Network(
    hostBandwidth: 1e12, linkBandwidth: 1e6, linkLatency: 1e-4, ranksPerHost: 1, messageSecondsPerByte: 0)
  let (one, four) = (try plan(slow).forecast(ranks: 1), try plan(slow).forecast(ranks: 4))
  #expect(four.seconds > one.seconds)
  #expect(four.communicationShare > 0.9 && four.communicationShare < 1)
}

@Test func microBatchesTakeLongerAndLessMemory() throws {
  let (whole, parts) = (try plan(batchSize: 4096), try plan(batchSize: 4096, microBatchSize: 1024))
  for ranks in [1, 4] {
    let (a, b) = (whole.forecast(ranks: ranks), parts.forecast(ranks: ranks))
    // Two ranks are on one host.
    #expect(a.microBatches == 1 && b.microBatches == (ranks == 1 ? 4 : 2))
    #expect(b.memory < a.memory)
    #expect(b.seconds > a.seconds)
  }
}

@Test func aBatchOfMillionsFits() throws {
  let forecast = try plan(batchSize: 1 << 22).forecast(ranks: 64)
  #expect(forecast.microBatches > 1)
  #expect(forecast.rowsPerRank * 64 >= 1 << 22)
  #expect(forecast.memory < 64 * 1_073_741_824)
  #expect(forecast.seconds.isFinite && forecast.communicationShare < 1)
}

@Test func dataAreInEveryRank() throws {
  let (without, with) = (try plan().forecast(ranks: 2), try plan(dataRows: 1000).forecast(ranks: 2))
  #expect(with.memory - without.memory == 4 * 1000 * 2048)
}
