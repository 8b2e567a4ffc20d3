import Collectives
import Kernels
import Matrices
import Networks
import Profiling
import TestSupport
import Testing
import Training

@testable import Planning

private let tiny = Result { try Preset.named("tiny") }

private func configuration(
  _ kind: EmbeddingKind = .contrastive, batchSize: Int = 64, microBatch: Int = 0, projectionMemory: Int = 1024
) throws -> Configuration {
  var configuration = Configuration()
  try configuration.apply(try tiny.get().values, place: "preset")
  configuration.embedding = kind
  configuration.batchSize = batchSize
  configuration.microBatchSize = microBatch
  configuration.projectionMemory = projectionMemory
  configuration.criticIterations = 2
  return configuration
}

private func rehearsal(_ configuration: Configuration) throws -> Rehearsal {
  let preset = try tiny.get()
  return Rehearsal(configuration, sizes: try sizes(configuration), classCount: preset.seenClassCount)
}

private func sizes(_ configuration: Configuration) throws -> ModelSizes {
  let preset = try tiny.get()
  return configuration.modelSizes(feature: preset.featureSize, attribute: preset.attributeSize)
}

private func layout(_ configuration: Configuration, hosts: HostMap, rank: Int) throws -> Layout {
  Layout(
    configuration, sizes: try sizes(configuration), classCount: try tiny.get().seenClassCount, hosts: hosts, rank: rank)
}

/// Lines of the rows' channel by who sends: rows that have not left when the next exchange begins leave during it.
private func byDirection(_ lines: [String]?) -> [[String]] {
  ["send", "receive", "wait: receive"].map { start in (lines ?? []).filter { $0.hasPrefix(start) } }
}

@Suite struct TraceTests {
  /// Ranks of each host: one, one host, several, uneven ones, more than messages may be under way.
  static let layouts = [[1], [2], [3], [1, 1], [2, 1], [1, 2], [2, 2, 2], [1, 1, 1, 1, 1, 1]]

  @Test(arguments: layouts, EmbeddingKind.allCases)
  func ranksExchangeWhatTheTraceSays(_ hosts: [Int], _ kind: EmbeddingKind) throws {
    // All rows of a rank at once, and about half.
    for microBatch in [0, 32 * hosts[0] / hosts.reduce(0, +)] {
      try compare(hosts, try configuration(kind, microBatch: microBatch))
    }
  }

  /// Several tiles, and all projections gathered at once or block by block.
  @Test(arguments: [[1, 1], [2, 1], [1, 1, 1, 1]], [0, 1024])
  func largeBatchesAreExchangedAsTheTraceSays(_ hosts: [Int], _ projectionMemory: Int) throws {
    for microBatch in [0, 768 * hosts[0] / hosts.reduce(0, +)] {
      var configuration = try configuration(
        batchSize: 1536, microBatch: microBatch, projectionMemory: projectionMemory)
      configuration.criticIterations = 1
      try compare(hosts, configuration)
    }
  }

  /// An iteration of real ranks, behind another one, against the trace of each rank.
  private func compare(_ hosts: [Int], _ configuration: Configuration) throws {
    let preset = try tiny.get()
    let ranks = try onThreads(hosts: hosts) { communicator in
      let watched = WatchedCommunicator(communicator)
      let benchmark = try IterationBenchmark(preset: preset, configuration: configuration, communicator: watched)
      _ = try benchmark.run(iterations: 0)
      watched.forget()
      _ = try benchmark.run(iterations: 0)
      return (watched.hosts, watched.lines)
    }
    let rehearsal = try rehearsal(configuration)
    for (rank, (map, lines)) in ranks.enumerated() {
      let layout = try layout(configuration, hosts: map, rank: rank)
      if rank == 0 { #expect((configuration.microBatchSize > 0) == (layout.rankRows.groupCount > 1)) }
      #expect(layout.shrunk.rankRows.groupCount == layout.rankRows.groupCount)
      let trace = try rehearsal.trace(layout.shrunk).lines(rows: layout.rankRows.rows.count)
      for channel in [Channel.sums, .parameters] {
        let expected = trace[channel] ?? []
        #expect(lines[channel] ?? [] == expected, "rank \(rank) of \(hosts)")
        #expect(expected.isEmpty == (hosts.count == 1))
      }
      let (real, expected) = (byDirection(lines[.rows]), byDirection(trace[.rows]))
      #expect(real == expected, "rank \(rank) of \(hosts)")
      #expect(expected[0].isEmpty == (hosts.count == 1 || !configuration.embedding.hasProjection))
    }
  }

  /// What begins in an iteration is waited for once, in it or in the next.
  @Test(arguments: [0, 16]) func everyMessageIsWaitedForOnce(_ microBatch: Int) throws {
    let configuration = try configuration(microBatch: microBatch)
    let hosts = HostMap(ranks: [0..<2, 2..<4])
    let trace = try rehearsal(configuration).trace(try layout(configuration, hosts: hosts, rank: 1).shrunk)
    var underWay: Set<Message> = []
    for (number, event) in (trace.events + trace.events).enumerated() {
      switch event {
      case .begin(let message, let floats):
        #expect(floats > 0 && message.peer >= 2)
        #expect(underWay.insert(message).inserted, "\(message) is begun twice")
      case .wait(let message):
        #expect(underWay.remove(message) != nil || number < trace.events.count, "\(message) was not begun")
      case .work, .agree: break
      }
    }
    #expect(underWay.allSatisfy { $0.exchange.channel == .parameters || $0.direction == .send })
    #expect(trace.events.count { $0 == .agree } == configuration.criticIterations + 1)
  }

  /// Work grows with rows and pairs as it does in a real iteration, and that of units is the same.
  @Test(arguments: EmbeddingKind.allCases) func theWorkIsThatOfARealIteration(_ kind: EmbeddingKind) throws {
    let (preset, configuration) = (try tiny.get(), try configuration(kind))
    let benchmark = try IterationBenchmark(
      preset: preset, configuration: configuration, communicator: SingleProcess())
    _ = try benchmark.run(iterations: 1)
    let real = Work(try benchmark.profile().measurements)
    let layout = try layout(configuration, hosts: HostMap(rankCount: 1), rank: 0)
    let trace = try rehearsal(configuration).trace(layout.shrunk)
    let scale = 64 / Double(trace.rowCount)
    #expect(trace.rowCount < 64)
    #expect(abs(trace.work.rows * scale / real.rows - 1) < 1e-12)
    #expect(abs(trace.work.pairs * scale * scale - real.pairs) <= 1e-12 * real.pairs)
    #expect(trace.work.units == real.units)
    #expect((real.pairs > 0) == kind.hasProjection)
    #expect(real.rows > 0 && real.units > 0)
  }

  /// A rank that finishes half of the units, and adds up the sums of two ranks.
  @Test func ranksShareTheWorkOfUnits() throws {
    let configuration = try configuration()
    func work(_ hosts: [Range<Int>]) throws -> Work {
      let layout = try layout(configuration, hosts: HostMap(ranks: hosts), rank: 0)
      return try rehearsal(configuration).trace(layout.shrunk).work
    }
    let (alone, near, far) = (try work([0..<1]), try work([0..<2]), try work([0..<1, 1..<2]))
    #expect(near.units == far.units)
    #expect(near.units > 0.5 * alone.units && near.units < 0.75 * alone.units)
  }
}

@Suite struct StepMemoryTests {
  /// The floats that the ranks' storages really have, of the model and the step.
  @Test(arguments: [[1], [2], [1, 1], [2, 1]], EmbeddingKind.allCases)
  func theForecastIsWhatIsMade(_ hosts: [Int], _ kind: EmbeddingKind) throws {
    let preset = try tiny.get()
    for (batchSize, microBatch, accumulates) in [(64, 0, false), (50, 0, true), (200, 48, false), (1500, 0, false)] {
      var configuration = try configuration(kind, batchSize: batchSize, microBatch: microBatch, projectionMemory: 0)
      configuration.accumulateComparatorGradient = accumulates
      let (fixed, sizes) = (configuration, try sizes(configuration))
      let made = try onThreads(hosts: hosts) { communicator in
        try StorageCount.during { count in
          let model = try HybridModel(sizes: sizes, context: ProductContext(), memory: communicator.hostStorage)
          let step = try HybridStep(
            model: model, descriptors: Matrix(rows: preset.seenClassCount, columns: sizes.attribute),
            settings: fixed.lossSettings, tree: fixed.batchTree, options: fixed.stepOptions,
            communicator: communicator)
          return withExtendedLifetime(step) { (communicator.hosts, count.floats) }
        }
      }
      for (rank, (map, floats)) in made.enumerated() {
        let forecast = try rehearsal(fixed).memory(try layout(fixed, hosts: map, rank: rank))
        #expect(forecast.made == floats, "rank \(rank) of \(hosts), \(kind), \(batchSize) rows")
        #expect((forecast.readElsewhere > 0) == (map.ranks[map.host(of: rank)].count > 1))
      }
    }
  }
}
