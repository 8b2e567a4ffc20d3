import Collectives
import Datasets
import Files
import Foundation
import Kernels
import Matrices
import Networks
import TestSupport
import Testing
import Training

/// Ranks as threads, on hosts of every kind: the bits of one rank.
@Suite struct RanksTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/parity").path

  /// Ranks of each host: one host, several, uneven ones, more hosts than messages may be under way, more ranks than rows.
  static let layouts = [[2], [3], [1, 1], [2, 1], [1, 2], [2, 2, 2], [1, 1, 1, 1, 1, 1, 1], [5, 3, 9]]

  @Test(arguments: ["basic", "some_anchors_without_positive", "uneven_batch"])
  func parityCasesHaveTheBitsOfOneRank(_ name: String) throws {
    let path = Self.fixtures + "/\(name).safetensors"
    let expected = try ParityCase(path: path).run(SingleProcess()).map(bits)
    for hosts in Self.layouts {
      for groupRows in [nil, 3] as [Int?] {
        let ranks = try onThreads(hosts: hosts) { communicator in
          try ParityCase(path: path).run(communicator, microBatchSize: groupRows).map(bits)
        }
        for (rank, actual) in ranks.enumerated() {
          #expect(actual == expected, "rank \(rank) of hosts \(hosts), groups of \(groupRows ?? 0)")
        }
      }
    }
  }

  /// More rows than a tile of the contrast, and than are gathered at once where nothing may be kept.
  @Test(arguments: [EmbeddingKind.contrastive, .class, .semantic], [0, 1024])
  func largeBatchesHaveTheBitsOfOneRank(_ embedding: EmbeddingKind, _ projectionMemory: Int) throws {
    let expected = try train(SingleProcess(), embedding, projectionMemory)
    for hosts in [[3], [1, 1], [2, 1], [1, 1, 1, 1, 1, 1]] {
      let ranks = try onThreads(hosts: hosts) { try train($0, embedding, projectionMemory) }
      for (rank, actual) in ranks.enumerated() {
        #expect(actual == expected, "rank \(rank) of hosts \(hosts), \(embedding), \(projectionMemory) MiB")
      }
    }
  }

  /// Every rank rounds for itself: what it moves, what arrives, and what its hosts' other ranks move in the memory that they share.
  @Test(
    .enabled(if: (try? ProductPrecision.bfloat16.requireSupport()) != nil, "no products in bfloat16 on this processor"))
  func ranksInBFloat16HaveTheBitsOfOneRank() throws {
    let expected = try train(SingleProcess(), .contrastive, 0, .bfloat16)
    let exact = try train(SingleProcess(), .contrastive, 0)
    #expect(expected != exact)
    for hosts in [[3], [1, 1], [2, 1]] {
      for (rank, actual) in try onThreads(hosts: hosts, { try train($0, .contrastive, 0, .bfloat16) }).enumerated() {
        #expect(actual == expected, "rank \(rank) of hosts \(hosts)")
      }
    }
  }

  /// Every rank throws the same, and counts the same bad elements, whoever owns their units.
  @Test(arguments: [[2], [1, 1], [2, 3]]) func whatIsNotFiniteEndsAllRanks(_ hosts: [Int]) throws {
    var world = ReferenceWorld(labels: [0, 1, 2, 0, 1, 2, 2], s: 4, seed: 5)
    world.parameters["embedding.fc.weight"]?[0] = .infinity
    let broken = world
    @Sendable func failure(_ communicator: any Communicator, _ groupRows: Int?) throws -> String {
      var options = StepOptions(criticIterations: 1)
      options.groupRows = groupRows
      let step = try makeStep(broken, communicator: communicator, options: options)
      let rows = IterationRows(WorldInputs(world: broken), batches: [Batch(labels: broken.labels)])
      do { _ = try step.criticStep(rows, 0, learningRate: 0.1, name: "test") } catch let error as NonFiniteError {
        return "\(error.gradientCount) \(step.criticOptimizer.stepCount)"
      }
      return "nothing was thrown"
    }
    let expected = try failure(SingleProcess(), nil)
    #expect(expected.hasSuffix(" 0") && !expected.hasPrefix("0"))
    for groupRows in [nil, 2] as [Int?] {
      let all = try onThreads(hosts: hosts) { try failure($0, groupRows) }
      #expect(all == Array(repeating: expected, count: hosts.reduce(0, +)), "groups of \(groupRows ?? 0)")
    }
  }
}

/// Name and elements, bit by bit: a NaN equals itself.
private func bits(_ tensor: Tensor) -> String {
  switch tensor.data {
  case .matrix(let matrix): "\(tensor.name) \(matrix.elements.map(\.bitPattern))"
  case .float64(let values): "\(tensor.name) \(values.map(\.bitPattern))"
  default: "\(tensor.name): another kind of tensor"
  }
}

/// Two iterations of 1300 rows, and what came of them.
@Sendable private func train(
  _ communicator: any Communicator, _ embedding: EmbeddingKind, _ projectionMemory: Int,
  _ precision: ProductPrecision = .float32
) throws -> [String] {
  let source = RandomSource(seed: 21)
  let features = Matrix(rows: 1400, columns: 20)
  fillNormal(features, source, .demoData, step: 0, firstRow: 0, scale: 0.3)
  let descriptors = Matrix(rows: 6, columns: 6)
  fillNormal(descriptors, source, .demoData, step: 1, firstRow: 0, scale: 0.5)
  let dataset = GZSLDataset(random: features, labels: (0..<1400).map { $0 % 5 }, descriptors: descriptors)
  var configuration = Configuration()
  try configuration.apply(Preset.named("tiny").values + [("batch-size", "1300")], place: "test")
  configuration.embedding = embedding
  configuration.projectionMemory = projectionMemory
  configuration.criticIterations = 2
  let model = try HybridModel(
    sizes: configuration.modelSizes(feature: 20, attribute: 6), context: ProductContext(precision: precision),
    memory: communicator.hostStorage)
  if communicator.isFirstOfHost { model.initialise(source) }
  let trainer = try Trainer(
    configuration: configuration, dataset: dataset, model: model, communicator: communicator)
  var result: [String] = []
  for _ in 0..<2 {
    let report = try trainer.runIteration()
    result.append("\(report.critic) \(report.generator)")
  }
  try trainer.step.waitForParameters()
  return result + model.tensors.map(bits)
}
