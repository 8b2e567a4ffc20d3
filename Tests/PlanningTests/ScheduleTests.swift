import Collectives
import Matrices
import Networks
import Testing
import Training

@testable import Planning

/// Rank 0 of two that are one to a host, the other of which does not exist: counts the floats that rank 0 sends. What should come
/// from the other stays as it is.
private final class CountingCommunicator: Communicator {
  let rank = 0
  let rankCount = 2
  let hosts = HostMap(ranks: [0..<1, 1..<2])
  private(set) var sent: [Channel: Double] = [:]

  func startSend(_ matrices: [Matrix], to rank: Int, _ channel: Channel) -> any Transfer {
    sent[channel, default: 0] += Double(matrices.reduce(0) { $0 + $1.count })
    return NoTransfer()
  }
  func startReceive(_ matrices: [Matrix], from rank: Int, _ channel: Channel) -> any Transfer { NoTransfer() }
  func startHostBarrier(_ channel: Channel) -> any Transfer { NoTransfer() }
  func hostStorage(count: Int) -> FloatStorage { FloatStorage(count: count) }
  func hostStorages(count: Int) -> [FloatStorage] { [FloatStorage(count: count)] }
  func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) {}
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
  for (projectionMemory, batchSize) in [(0, 64), (1024, 64), (0, 1024), (1024, 1024), (0, 2048)] {
    var configuration = Configuration()
    try configuration.apply(preset.values, place: "preset")
    configuration.batchSize = batchSize
    configuration.embedding = kind
    configuration.criticIterations = 2
    configuration.microBatchSize = microBatch
    configuration.projectionMemory = projectionMemory
    let communicator = CountingCommunicator()
    let benchmark = try IterationBenchmark(preset: preset, configuration: configuration, communicator: communicator)
    // The first iteration also brings the class terms of the initial parameters.
    _ = try benchmark.run(iterations: 1)
    let before = communicator.sent
    _ = try benchmark.run(iterations: 1)  // and one that is not timed
    let schedule = Schedule(
      sizes: configuration.modelSizes(feature: preset.featureSize, attribute: preset.attributeSize),
      classCount: preset.seenClassCount, rows: configuration.batchSize, isCut: microBatch > 0,
      blockRows: InstanceContrast.blockRows(
        batchSize: batchSize, projection: configuration.projectionSize, mostGathered: projectionMemory << 18))
    let critics = Double(configuration.criticIterations)
    for (channel, kind) in [(Channel.rows, ExchangeKind.rows), (.sums, .sums), (.parameters, .parameters)] {
      // To one other host goes half of what all get; two iterations.
      let sent = (communicator.sent[channel] ?? 0) - (before[channel] ?? 0)
      let expected = critics * floats(schedule.critic, kind) + floats(schedule.generator, kind)
      #expect(sent == expected, "\(channel), \(configuration.embedding), \(projectionMemory) MiB")
    }
  }
}

@Test func everyExchangeIsWaitedForOnce() throws {
  let sizes = ModelSizes(
    feature: 64, attribute: 8, noise: 8, generatorWidth: 32, criticWidth: 32, embedding: 32, projection: 16,
    comparatorWidth: 32)
  for isCut in [false, true] {
    let schedule = Schedule(sizes: sizes, classCount: 4, rows: 12, isCut: isCut, blockRows: 24)
    // Parameters that a step sends are waited for in the next.
    var underWay: Set<String> = []
    for acts in [schedule.critic, schedule.critic, schedule.generator, schedule.critic] {
      for act in acts {
        switch act {
        case .begin(let id, _, _): #expect(underWay.insert(id).inserted, "\(id) is begun twice")
        case .wait(let id): underWay.remove(id)
        case .contrast(_, let id): if let id { underWay.remove(id) }
        case .compute, .agree: break
        }
      }
    }
    #expect(underWay == ["critic", "comparator", "embedding", "projection"])
  }
}
