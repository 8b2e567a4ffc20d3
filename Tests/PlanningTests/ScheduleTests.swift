import Collectives
import Matrices
import Networks
import Testing
import Training

@testable import Planning

/// Rank 0 of several that do not exist: counts what training exchanges, and fills what should come from others with its own rows.
private final class CountingCommunicator: Communicator {
  let rank = 0
  let rankCount: Int
  let spansHosts = false
  /// Floats of all ranks.
  private(set) var gathered = 0.0
  private(set) var scattered = 0.0

  init(rankCount: Int) { self.rankCount = rankCount }

  private final class Done: Transfer {
    func finish() {}
  }

  func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) {
    gathered += Double(all.count)
    for slice in partition.slices { all.rows(slice).copy(from: local.rows(0..<slice.count)) }
  }
  func startGatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) -> any Transfer {
    gatherRows(local, into: all, partition: partition)
    return Done()
  }
  func startExchangeColumns(
    _ local: Matrix, columns: [Range<Int>], into mine: Matrix, partition: RowPartition
  ) -> any Transfer {
    scattered += Double(partition.rowCount * local.columnCount)
    for slice in partition.slices { mine.rows(slice).copy(from: local.columns(columns[0]).rows(0..<slice.count)) }
    return Done()
  }
  func startShareRows(of matrix: Matrix, rows: [Range<Int>]) -> any Transfer {
    gathered += Double(matrix.count)
    return Done()
  }
  func sum(_ values: [Double]) -> [Double] { values }
  func sum(_ values: [Int]) -> [Int] { values }
  func maximum(_ value: Int) -> Int { value }
  func gatherRowsToRoot(_ local: Matrix, into all: Matrix, partition: RowPartition) {}
  func broadcast(_ storage: FloatStorage) {}
  func broadcast(_ bytes: [UInt8]) -> [UInt8] { bytes }
  func poll() -> Bool { false }
  func gather(_ bytes: [UInt8]) -> [[UInt8]] { Array(repeating: bytes, count: rankCount) }
  func finalize() {}
  func abort(_ status: Int32) -> Never { fatalError("status \(status)") }
}

private func floats(_ acts: [Act], _ kind: ExchangeKind) -> Double {
  acts.reduce(0) { sum, act in
    if case .begin(_, let floats, kind) = act { sum + floats } else { sum }
  }
}

@Test(arguments: EmbeddingKind.allCases, [0, 16])
func theScheduleExchangesWhatTrainingExchanges(kind: EmbeddingKind, microBatch: Int) throws {
  let preset = try Preset.named("tiny")
  for projectionMemory in [0, 1024] {
    var configuration = Configuration()
    try configuration.apply(preset.values, place: "preset")
    configuration.embedding = kind
    configuration.microBatchSize = microBatch
    configuration.projectionMemory = projectionMemory
    let communicator = CountingCommunicator(rankCount: 2)
    let benchmark = try IterationBenchmark(preset: preset, configuration: configuration, communicator: communicator)
    let before = (communicator.gathered, communicator.scattered)
    _ = try benchmark.run(iterations: 1)  // and one that is not timed
    let gathered = (communicator.gathered - before.0) / 2
    let scattered = (communicator.scattered - before.1) / 2

    let parts = microBatch == 0 ? 1 : 4
    let schedule = Schedule(
      sizes: configuration.modelSizes(feature: preset.featureSize, attribute: preset.attributeSize),
      microBatch: configuration.batchSize / parts, parts: parts, isStreaming: parts > 1 && projectionMemory == 0,
      classCount: preset.seenClassCount, ranks: 2)
    let critics = Double(configuration.criticIterations)
    #expect(gathered > 0 && scattered > 0)
    let expectedGathered = critics * floats(schedule.critic, .gather) + floats(schedule.generator, .gather)
    let expectedScattered = critics * floats(schedule.critic, .scatter) + floats(schedule.generator, .scatter)
    #expect(gathered == expectedGathered)
    #expect(scattered == expectedScattered)
  }
}

@Test func everyExchangeIsWaitedForOnce() throws {
  let sizes = ModelSizes(
    feature: 64, attribute: 8, noise: 8, generatorWidth: 32, criticWidth: 32, embedding: 32, projection: 16,
    comparatorWidth: 32)
  for parts in [1, 3] {
    let schedule = Schedule(
      sizes: sizes, microBatch: 12, parts: parts, isStreaming: false, classCount: 4, ranks: 3)
    for acts in [schedule.critic, schedule.generator] {
      var underWay: Set<String> = []
      for act in acts {
        switch act {
        case .begin(let id, _, _): #expect(underWay.insert(id).inserted, "\(id) is begun twice")
        case .wait(let id): #expect(underWay.remove(id) != nil, "\(id) is waited for but was not begun")
        case .compute: break
        }
      }
      #expect(underWay.isEmpty)
    }
  }
}

@Test func ranksWithoutUnitsDoNotShortenWeightGradients() throws {
  let preset = try Preset.named("awa1")
  var configuration = Configuration()
  try configuration.apply(preset.values, place: "preset")
  let sizes = configuration.modelSizes(feature: 2048, attribute: 85)
  func work(_ ranks: Int) -> Double {
    Schedule(sizes: sizes, microBatch: 4096, parts: 1, isStreaming: false, classCount: 40, ranks: ranks).critic
      .reduce(0) { if case .compute(let work) = $1 { $0 + work } else { $0 } } / Double(ranks)
  }
  // Shared out evenly as long as there are blocks of units for all, but for those of H, the smallest layer.
  #expect(abs(work(2) * 2 / work(1) - 1) < 1e-9)
  #expect(work(64) * 64 / work(1) < 1.2)
  #expect(work(1024) * 1024 / work(1) > 4)
}
