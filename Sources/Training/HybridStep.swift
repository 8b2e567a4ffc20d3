import Collectives
import Kernels
import Losses
import Matrices
import Networks
import Optimizers

/// The two updates of CE-GZSL on this rank's rows of a global batch. `CriticStep.swift` and `GeneratorStep.swift` hold
/// them; this file holds what they share. Losses and gradients are those of the global batch whatever the rank count.
package final class HybridStep {
  package let model: HybridModel
  /// Buffers of the micro-batch under way; see `enter`.
  package private(set) var workspace: StepWorkspace
  package let settings: LossSettings
  /// B, the rows of all ranks together.
  package let batchSize: Int
  package let microBatches: MicroBatches
  /// The micro-batch under way.
  private(set) var microBatch = 0
  package var criticOptimizer: Adam
  package var generatorOptimizer: Adam
  /// F's gradient summed since the epoch began; only with `accumulatesComparatorGradient`.
  package let comparatorAccumulation: FloatStorage?

  /// S×A, the seen classes' descriptors; row s belongs to label s.
  let descriptors: Matrix
  let communicator: any Communicator
  /// Nil without a projection.
  let contrast: InstanceContrast?
  let exchange: GradientExchange
  /// A workspace for each number of local rows that occurs, in one memory.
  private var workspaces: [Int: StepWorkspace] = [:]
  /// Gradients of the micro-batches so far, critic's and generator's; only where a batch has several.
  let criticSum: FloatStorage?
  let generatorSum: FloatStorage?
  /// G's steps when `workspace.generatorBase` was computed.
  private var generatorBaseAge = -1
  /// Whether the parameters' rounded copies are kept.
  private var keepsParameters = false

  /// - Parameters:
  ///   - microBatchSize: most rows of a micro-batch; nil: `MicroBatches.automaticSize`.
  ///   - mostGathered: see `InstanceContrast`.
  ///   - mostRowsAhead: see `FakesAhead`.
  package init(
    model: HybridModel, descriptors: Matrix, settings: LossSettings, batchSize: Int, microBatchSize: Int? = nil,
    criticIterations: Int, communicator: any Communicator, optimizer: Adam = Adam(),
    mostGathered: Int = 1 << 28, mostRowsAhead: Int = FakesAhead.enoughRows
  ) {
    precondition(descriptors.columnCount == model.sizes.attribute)
    self.model = model
    self.descriptors = descriptors
    self.settings = settings
    self.batchSize = batchSize
    self.communicator = communicator
    let microBatches = MicroBatches(
      batchSize: batchSize,
      largest: microBatchSize ?? MicroBatches.automaticSize(model.sizes, classCount: descriptors.rowCount),
      rankCount: communicator.rankCount)
    self.microBatches = microBatches
    let pool = MatrixPool()
    let rowCounts = Set((0..<microBatches.count).map { microBatches.localRows($0, rank: communicator.rank).count })
    for rowCount in rowCounts.sorted(by: >) {
      pool.rewind()
      workspaces[rowCount] = StepWorkspace(
        sizes: model.sizes, rowCount: rowCount, classCount: descriptors.rowCount,
        mostSteps: microBatches.count == 1 ? criticIterations + 1 : 1, mostRowsAhead: mostRowsAhead, pool: pool)
    }
    guard let first = workspaces[microBatches.localRows(0, rank: communicator.rank).count] else {
      preconditionFailure("a batch without micro-batches")
    }
    workspace = first
    contrast = model.projection.map { _ in
      InstanceContrast(
        loss: ContrastiveLoss(temperature: settings.instanceTemperature, precision: model.precision),
        microBatches: microBatches, projection: model.sizes.projection, communicator: communicator,
        mostGathered: mostGathered)
    }
    exchange = GradientExchange(
      communicator: communicator, partition: microBatches.partition(0), countsNonFinite: microBatches.count == 1)
    criticSum = microBatches.count > 1 ? FloatStorage(count: model.criticArena.count) : nil
    generatorSum = microBatches.count > 1 ? FloatStorage(count: model.generatorArena.count) : nil
    criticOptimizer = optimizer
    generatorOptimizer = optimizer
    comparatorAccumulation =
      settings.accumulatesComparatorGradient && model.comparator != nil
      ? FloatStorage(count: model.criticArena.count) : nil
  }

  /// This rank's rows of a micro-batch, as indices of the global batch.
  package func localRows(_ index: Int) -> Range<Int> { microBatches.localRows(index, rank: communicator.rank) }

  /// Makes a micro-batch the one under way: workspace and exchange have its size.
  func enter(_ index: Int) {
    guard microBatches.count > 1 else { return }
    microBatch = index
    exchange.partition = microBatches.partition(index)
    guard let next = workspaces[localRows(index).count] else {
      preconditionFailure("no workspace for micro-batch \(index)")
    }
    workspace = next
  }

  /// In bfloat16, the parameters' rounded copies are kept from the first iteration on: only the optimizers change them then, or
  /// who calls `parametersChanged`.
  func keepParametersRounded() {
    guard model.precision == .bfloat16 && !keepsParameters else { return }
    keepRoundedParameters(model.criticArena.values)
    keepRoundedParameters(model.generatorArena.values)
    keepsParameters = true
  }

  /// To be called by all but the optimizers that set parameters: rounded copies are made again.
  func parametersChanged() { keepsParameters = false }

  /// In bfloat16, a rounded copy of what is a factor of several products, until the step's part ends.
  func keepRoundedHere(_ x: Matrix) {
    if model.precision == .bfloat16 { keepRounded(x) }
  }

  /// The fakes of some steps' batches, G(noise, descriptor of label), from the noise in `workspace.ahead`.
  ///
  /// - Parameter batches: at most `workspace.ahead.stepCount`.
  package func generateFakes(_ batches: [BatchSlice]) {
    let ahead = workspace.ahead
    let rows = 0..<batches.count * workspace.rowCount
    if generatorBaseAge != generatorOptimizer.stepCount {
      model.generator.classBase(into: workspace.generatorBase, descriptors: descriptors)
      generatorBaseAge = generatorOptimizer.stepCount
    }
    model.generator.forward(
      output: ahead.output.rows(rows), hidden: ahead.hidden.rows(rows), noise: ahead.noise.rows(rows),
      base: workspace.generatorBase, labels: batches.flatMap(\.labels))
  }

  /// The fakes at a place among those batches become `workspace.fake`.
  package func takeFakes(_ place: Int) {
    guard workspace.ahead.stepCount > 1 else { return }
    let n = workspace.rowCount
    copyRows(workspace.fake, from: workspace.ahead.output.rows(place * n..<(place + 1) * n))
  }

  /// This rank's share of the gradient elements that are not finite: those of its own units or, where micro-batches were added
  /// up, rank 0's of the sums, which all ranks have.
  func ownNonFiniteGradients(_ arena: ParameterArena) -> Int {
    if let ofOwnUnits = exchange.takeNonFinite() { return ofOwnUnits }
    return communicator.isRoot ? nonFiniteCount(arena.flat(arena.gradients)) : 0
  }

  /// Throws on every rank alike when any rank's losses, or the summed gradients, are not finite.
  func checkFinite(_ count: Int, losses: [Double], step: String) throws {
    guard count > 0 || losses.contains(where: { !$0.isFinite }) else { return }
    throw NonFiniteError(
      step: step, losses: losses.map { String($0) }.joined(separator: ", "), gradientCount: count)
  }
}
