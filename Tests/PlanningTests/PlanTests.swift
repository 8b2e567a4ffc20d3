import Networks
import Testing
import Training

@testable import Planning

private let cost = ComputeCost(points: [(32, 1), (128, 2), (512, 6)], secondsPerPair: 0)
private let fast = Network(linkBandwidth: 1e12, linkLatency: 0, ranksPerHost: 2, messageSecondsPerByte: 0)

private func plan(
  _ network: Network = fast, preset name: String = "tiny", batchSize: Int = 512, cost: ComputeCost = cost,
  microBatchSize: Int = 0, dataRows: Int = 0, precision: String = "float32"
) throws -> Plan {
  let preset = try Preset.named(name)
  var configuration = Configuration()
  try configuration.apply(preset.values, place: "preset")
  configuration.batchSize = batchSize
  configuration.microBatchSize = microBatchSize
  try configuration.apply([("precision", precision)], place: "test")
  return Plan(
    configuration: configuration,
    sizes: configuration.modelSizes(feature: preset.featureSize, attribute: preset.attributeSize),
    classCount: preset.seenClassCount, dataRows: dataRows, cost: cost, network: network)
}

@Suite struct ComputeCostTests {
  @Test func costsLieOnStraightLinesBetweenAndBeyondMeasurements() {
    #expect(cost.seconds(rows: 32) == 1)
    #expect(cost.seconds(rows: 80) == 1.5)
    #expect(cost.seconds(rows: 512) == 6)
    #expect(cost.seconds(rows: 896) == 10)
    // Products of few rows do not get faster.
    #expect(cost.seconds(rows: 1) == 1)
    #expect(cost.scaled(by: 3).seconds(rows: 80) == 4.5)
  }

  @Test func everyRowIsContrastedWithAllOthers() {
    // 10000 pairs, 1 of the 2 measured seconds.
    let paired = ComputeCost(points: [(100, 2), (300, 20)], secondsPerPair: 1e-4)
    func whole(_ cost: ComputeCost, rows: Int, batch: Int) -> Double {
      cost.seconds(rows: rows) + cost.contrastSeconds(rows: rows, batch: batch)
    }
    #expect(abs(whole(paired, rows: 100, batch: 100) - 2) < 1e-12)
    #expect(abs(whole(paired, rows: 300, batch: 300) - 20) < 1e-12)
    #expect(abs(whole(paired, rows: 100, batch: 300) - 4) < 1e-12)
    #expect(abs(whole(paired, rows: 200, batch: 1000) - 26) < 1e-12)
    #expect(abs(whole(paired.scaled(by: 2), rows: 100, batch: 300) - 8) < 1e-12)
  }

  @Test func theUpdateIsNoWorkOfRows() {
    let updated = ComputeCost(points: [(32, 1), (128, 2)], secondsPerPair: 0, updateSeconds: 0.25)
    #expect(updated.seconds(rows: 32) == 0.75 && updated.seconds(rows: 128) == 1.75)
    #expect(updated.scaled(by: 2).updateSeconds == 0.5 && updated.scaled(by: 2).seconds(rows: 32) == 1.5)
  }
}

@Suite struct PlanTests {
  @Test func oneRankTakesWhatWasMeasured() throws {
    let paired = ComputeCost(points: [(32, 1), (128, 2), (512, 6)], secondsPerPair: 1e-6, updateSeconds: 0.5)
    for cost in [cost, paired] {
      let one = try plan(cost: cost).forecast(ranks: 1)
      #expect(abs(one.seconds - 6) < 1e-9)
      #expect(one.communicationShare == 0)
      #expect(one.rowsPerRank == 512 && one.microBatches == 1)
      #expect(abs(one.samplesPerSecond - 512 * 6 / 6) < 1e-6)
    }
  }

  @Test func moreRanksAreFasterUntilTheLinkIsFull() throws {
    let large = try plan(batchSize: 2048)
    let forecasts = try [1, 2, 4, 8, 16].map { try large.forecast(ranks: $0) }
    for (few, more) in zip(forecasts, forecasts.dropFirst()) { #expect(more.seconds < few.seconds) }
    let slow = try plan(
      Network(linkBandwidth: 1e4, linkLatency: 1e-4, ranksPerHost: 1, messageSecondsPerByte: 0))
    let (one, four) = (try slow.forecast(ranks: 1), try slow.forecast(ranks: 4))
    #expect(four.seconds > one.seconds)
    #expect(four.communicationShare > 0.9 && four.communicationShare < 1)
  }

  /// Of two ranks on two hosts, each sends half of every sum and of every parameter, and gathers the projections of half the rows: that
  /// is all that a link of this kind lets through, and nothing hides it.
  @Test func aSlowLinkTakesWhatTravels() throws {
    let slow = try plan(
      Network(linkBandwidth: 1e3, linkLatency: 0, ranksPerHost: 1, messageSecondsPerByte: 0), batchSize: 256)
    let (sizes, s, b) = (slow.sizes, slow.classCount, 256)
    let (d, k, g) = (sizes.criticWidth, sizes.comparatorWidth, sizes.generatorWidth)
    let (x, a, h, z, e) = (sizes.feature, sizes.attribute, sizes.embedding, sizes.projection, sizes.noise)
    // Sums and parameters of E and H are the same; D and F, and G's first layer, exchange class sums and class terms besides.
    let sums = [d * (x + s), h * (x + 1), z * (h + 1), k * (h + s + 2), b * (z + 1)]
    let parameters = [d * (x + a + 2 + s), h * (x + 1), z * (h + 1), k * (h + a + 2 + s)]
    let critic = (sums + parameters).reduce(0, +)
    let generator = [g * (e + s), g * (e + a + 1 + s), x * (g + 1), x * (g + 1), 2 * b * (z + 1)].reduce(0, +)
    let floats = slow.configuration.criticIterations * critic + generator
    let forecast = try slow.forecast(ranks: 2)
    #expect(abs(forecast.seconds / (4 * Double(floats) / 2 / 1e3) - 1) < 0.01)
  }

  @Test func microBatchesTakeLongerAndLessMemory() throws {
    let (whole, parts) = (try plan(batchSize: 4096), try plan(batchSize: 4096, microBatchSize: 1024))
    for ranks in [1, 4] {
      let (a, b) = (try whole.forecast(ranks: ranks), try parts.forecast(ranks: ranks))
      // Two ranks are on one host.
      #expect(a.microBatches == 1 && b.microBatches == (ranks == 1 ? 4 : 2))
      #expect(b.memory < a.memory)
      // E's first layer, and G, for all rows once more: a third of an iteration at these widths.
      #expect(b.seconds > a.seconds * 1.05 && b.seconds < a.seconds * 1.5)
    }
  }

  @Test func aBatchOfMillionsFits() throws {
    let plan = try plan(preset: "awa1", batchSize: 1 << 22)
    let rows = plan.layout(ranks: 64).rankRows
    #expect(rows.groupCount > 1)
    #expect(rows.rows.count * 64 >= 1 << 22)
    let memory = try plan.memory(ranks: 64)
    #expect(memory > 1_073_741_824 && memory < 64 * 1_073_741_824)
  }

  /// More hosts than a trace has.
  @Test func thousandsOfHostsArePlanned() throws {
    let network = Network(linkBandwidth: 1e9, linkLatency: 1e-5, ranksPerHost: 1, messageSecondsPerByte: 0)
    let plan = try plan(network, batchSize: 1 << 20)
    let (some, many) = (try plan.forecast(ranks: 1024), try plan.forecast(ranks: 4096))
    #expect(many.rowsPerRank * 4 == some.rowsPerRank)
    // Each message takes a rank a microsecond, and there are four times as many.
    let overhead = (some.seconds * some.communicationShare, many.seconds * many.communicationShare)
    #expect(overhead.1 > 3 * overhead.0 && overhead.1 < 5 * overhead.0)
  }

  @Test func dataAreInEveryRank() throws {
    let (without, with) = (try plan().memory(ranks: 2), try plan(dataRows: 1000).memory(ranks: 2))
    #expect(with - without == 4 * 1000 * 32)
  }

  /// What is rounded takes half of what it is in float32.
  @Test func roundedCopiesTakeMemory() throws {
    let (float32, bfloat16) = (
      try plan(preset: "awa1").memory(ranks: 1), try plan(preset: "awa1", precision: "bfloat16").memory(ranks: 1)
    )
    #expect(bfloat16 > 1.05 * float32 && bfloat16 < 1.5 * float32)
  }
}
