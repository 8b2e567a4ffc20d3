import Collectives
import Datasets
import Kernels
import Matrices
import Networks
import TestSupport
import Testing
import Training

/// A rank that computes other bits, or holds other ones, is found and named; looking changes nothing.
@Suite struct LeafCheckTests {
  /// The semantic baseline's E is as wide as a descriptor.
  private static let world = ReferenceWorld(labels: (0..<40).map { $0 % 3 }, s: 4, a: 6, seed: 5)

  /// Groups of a host's ranks have eight rows, two leaves.
  private static var inGroups: StepOptions {
    var options = StepOptions(criticIterations: 1)
    options.groupRows = 8
    return options
  }

  /// One bit of one number is another on a rank. Of a feature: so is everything that is computed of it.
  private struct WrongBit: IterationInputs {
    let inputs: WorldInputs
    let row: Int

    func batch(_ k: Int) throws -> Batch { inputs.batch(k) }
    func fillFeatures(_ x: Matrix, _ k: Int, rows: Range<Int>) {
      inputs.fillFeatures(x, k, rows: rows)
      if rows.contains(row) {
        x[row - rows.lowerBound, 1] = Float(bitPattern: x[row - rows.lowerBound, 1].bitPattern ^ 1)
      }
    }
    func fillNoise(_ noise: Matrix, _ k: Int, rows: Range<Int>) { inputs.fillNoise(noise, k, rows: rows) }
    func fillInterpolation(_ alpha: Matrix, _ k: Int, rows: Range<Int>) {
      inputs.fillInterpolation(alpha, k, rows: rows)
    }
    func fillGeneratorNoise(_ noise: Matrix, rows: Range<Int>) { inputs.fillGeneratorNoise(noise, rows: rows) }
  }

  private func faults(
    _ hosts: [Int], kind: EmbeddingKind = .contrastive, options: StepOptions = inGroups, leaf: Int,
    wrongRow: @escaping @Sendable (Int) -> Int?,
    change: @escaping @Sendable (HybridStep, Int) -> Void = { _, _ in }
  ) throws -> [RankFault?] {
    try onThreads(hosts: hosts) { communicator in
      let step = try makeStep(Self.world, communicator: communicator, kind: kind, options: options)
      let inputs = WorldInputs(world: Self.world)
      let batches = [inputs.batch(0)]
      let rows =
        wrongRow(communicator.rank).map { IterationRows(WrongBit(inputs: inputs, row: $0), batches: batches) }
        ?? IterationRows(inputs, batches: batches)
      _ = try step.iteration(inputs, criticIterations: 1, learningRate: 0.01, place: "test")
      try step.waitForParameters()
      _ = try communicator.sum(0)
      change(step, communicator.rank)
      do { try step.requireEqualArithmetic(rows, leaf: leaf, iteration: 7) } catch let fault as RankFault {
        return fault
      }
      return nil
    }
  }

  @Test(arguments: [[1], [2], [1, 1], [2, 1], [1, 2, 4]]) func soundRanksAgree(_ hosts: [Int]) throws {
    for kind in [EmbeddingKind.contrastive, .class, .semantic, .none] {
      for leaf in [0, 3, 9, 10, 12345] {
        #expect(try faults(hosts, kind: kind, leaf: leaf, wrongRow: { _ in nil }).allSatisfy { $0 == nil })
      }
    }
  }

  /// All rows of a rank at once, and fakes of one step, where those of several would fit for a leaf.
  @Test(arguments: [[2], [1, 1], [2, 1]]) func leavesFitIntoTheBuffersOfWholeRanks(_ hosts: [Int]) throws {
    var options = StepOptions(criticIterations: 1)
    options.mostRowsAhead = 12
    for leaf in [0, 3] {
      #expect(try faults(hosts, options: options, leaf: leaf, wrongRow: { _ in nil }).allSatisfy { $0 == nil })
    }
    let found = try faults([1, 1, 1], options: options, leaf: 3, wrongRow: { $0 == 2 ? 13 : nil })
    #expect(found.allSatisfy { $0?.suspects.count == 1 })
  }

  /// Leaves have four rows: row 13 is in the third, and in the thirteenth of ten.
  @Test(arguments: [3, 13]) func theRankWithTheWrongBitIsNamed(_ leaf: Int) throws {
    for (hosts, wrong) in [([1, 1, 1], 2), ([2, 2], 1), ([5], 0)] {
      let found = try faults(hosts, leaf: leaf, wrongRow: { $0 == wrong ? 13 : nil })
      for fault in found {
        let fault = try #require(fault)
        #expect(fault.exitStatus == .ranksDiverged && fault.hasMajority)
        #expect(fault.suspects.count == 1 && fault.suspects[0].hasPrefix("rank \(wrong) on "), "\(fault)")
        #expect("\(fault)".contains("the sums of the same 4 rows after iteration 7. At fault: rank \(wrong) on"))
      }
    }
    for leaf in [leaf + 1, leaf + 6] {
      #expect(try faults([1, 1, 1], leaf: leaf, wrongRow: { $0 == 2 ? 13 : nil }).allSatisfy { $0 == nil })
    }
  }

  @Test func ofTwoNobodyCanTell() throws {
    for fault in try faults([1, 1], leaf: 3, wrongRow: { $0 == 1 ? 13 : nil }) {
      let fault = try #require(fault)
      #expect(
        !fault.hasMajority && fault.suspects.count == 2 && "\(fault)".contains("One of these is at fault: rank 0 on"))
    }
  }

  /// Every network has a part in what is compared: another value of any parameter that matters to a gradient is noticed.
  @Test(arguments: [EmbeddingKind.contrastive, .class, .instance, .semantic])
  func everyParameterCounts(_ kind: EmbeddingKind) throws {
    let unnoticed = try onThreads(hosts: [1, 1]) { communicator in
      let step = try makeStep(Self.world, communicator: communicator, kind: kind, options: Self.inGroups)
      let inputs = WorldInputs(world: Self.world)
      let rows = IterationRows(inputs, batches: [inputs.batch(0)])
      func digests() throws -> [String] { try (0..<10).map { try step.leafDigest(rows, leaf: $0) } }
      let digestsBefore = try digests()
      var names: [String] = []
      for arena in step.model.arenas {
        for shape in arena.shapes {
          let value = arena.value(shape.name)
          let before = value.copied()
          for i in 0..<value.rowCount {
            for j in 0..<value.columnCount { value[i, j] += Float(1 + (2 * i + j) % 3) / 2 }
          }
          step.parametersChanged()
          if try digests() == digestsBefore { names.append(shape.name) }
          value.copy(from: before)
        }
      }
      step.parametersChanged()
      return names
    }
    // A constant added to all scores of D, or of F, changes no gradient.
    for names in unnoticed { #expect(Set(names).isSubset(of: ["critic.fc2.bias", "comparator.fc2.bias"]), "\(names)") }
  }

  /// Memory of a host changes.
  @Test func aReplicaThatDiffersIsNamed() throws {
    let found = try faults([1, 1, 1], leaf: 3, wrongRow: { _ in nil }) { step, rank in
      guard rank == 1 else { return }
      let values = step.model.criticArena.values
      values.base[0] = Float(bitPattern: values.base[0].bitPattern ^ 1)
    }
    for fault in found {
      let fault = try #require(fault)
      #expect(
        fault.suspects.count == 1 && fault.suspects[0].hasPrefix("rank 1 on ") && fault.subject == "their parameters")
    }
  }

  /// Every iteration's check against none: the same losses and parameters.
  @Test(arguments: [[2], [2, 1]], [0, 16]) func lookingChangesNothing(_ hosts: [Int], _ microBatch: Int) throws {
    @Sendable func train(_ communicator: any Communicator, verifyEvery: Int) throws -> [String] {
      let source = RandomSource(seed: 3)
      let features = Matrix(rows: 120, columns: 12)
      fillNormal(features, source, .demoData, step: 0, firstRow: 0, scale: 0.3)
      let descriptors = Matrix(rows: 6, columns: 6)
      fillNormal(descriptors, source, .demoData, step: 1, firstRow: 0, scale: 0.5)
      let dataset = GZSLDataset(random: features, labels: (0..<120).map { $0 % 5 }, descriptors: descriptors)
      var configuration = Configuration()
      try configuration.apply(
        Preset.named("tiny").values + [
          ("batch-size", "100"), ("micro-batch-size", "\(microBatch)"), ("verify-every", "\(verifyEvery)"),
        ], place: "test")
      let model = try HybridModel(
        sizes: configuration.modelSizes(feature: 12, attribute: 6), context: ProductContext(),
        memory: communicator.hostStorage)
      if communicator.isFirstOfHost { model.initialise(source) }
      let trainer = try Trainer(
        configuration: configuration, dataset: dataset, model: model, communicator: communicator)
      var result: [String] = []
      for _ in 0..<3 {
        let report = try trainer.runIteration()
        result.append("\(report.critic) \(report.generator)")
      }
      try trainer.step.waitForParameters()
      return result + [trainer.step.stateDigest()]
    }
    let expected = try onThreads(hosts: hosts) { try train($0, verifyEvery: 0) }
    #expect(try onThreads(hosts: hosts) { try train($0, verifyEvery: 1) } == expected)
  }

  /// At the default interval: operations of a leaf's critic step, and of a digest of all parameters and sums at 2 cycles a byte and 16
  /// operations a cycle (the doctor's slowest processor), over those of so many iterations of a rank.
  @Test(arguments: [("awa1", 2), ("awa1", 8), ("cub", 2), ("cub", 8), ("sun", 4)])
  func theCostIsBelowHalfAPercent(_ preset: String, _ ranks: Int) throws {
    var configuration = Configuration()
    try configuration.apply(Preset.named(preset).values, place: "test")
    let sizes = configuration.modelSizes(feature: 2048, attribute: 312)
    let rank =
      sizes.flopsPerIteration(
        batchSize: configuration.batchSize, criticIterations: configuration.criticIterations) / Double(ranks)
    let leaf = sizes.flopsPerIteration(batchSize: configuration.batchTree.leafRows, criticIterations: 1)
    let model = HybridModel(sizes: sizes, context: ProductContext())
    let floats = Double(model.arenas.reduce(0) { $0 + $1.values.count })
    let digest = 2 * floats * 4 * 2 * 16
    #expect((leaf + digest) / (Double(configuration.verifyEvery) * rank) < 0.005, "\((leaf + digest) / rank)")
  }
}
