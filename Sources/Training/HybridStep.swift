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
  package let workspace: StepWorkspace
  package let settings: LossSettings
  /// B, the rows of all ranks together.
  package let batchSize: Int
  package let partition: RowPartition
  package var criticOptimizer: Adam
  package var generatorOptimizer: Adam
  /// F's gradient summed since the epoch began; only with `accumulatesComparatorGradient`.
  package let comparatorAccumulation: FloatStorage?

  /// S×A, the seen classes' descriptors; row s belongs to label s.
  let descriptors: Matrix
  let communicator: any Communicator
  let contrastiveLoss: ContrastiveLoss
  let exchange: GradientExchange
  /// G's steps when `workspace.generatorBase` was computed.
  private var generatorBaseAge = -1

  package init(
    model: HybridModel, descriptors: Matrix, settings: LossSettings, batchSize: Int, criticIterations: Int,
    communicator: any Communicator, optimizer: Adam = Adam()
  ) {
    precondition(descriptors.columnCount == model.sizes.attribute)
    self.model = model
    self.descriptors = descriptors
    self.settings = settings
    self.batchSize = batchSize
    self.communicator = communicator
    partition = RowPartition(rowCount: batchSize, rankCount: communicator.rankCount)
    workspace = StepWorkspace(
      sizes: model.sizes, rowCount: partition.slice(of: communicator.rank).count, batchSize: batchSize,
      classCount: descriptors.rowCount, criticIterations: criticIterations)
    contrastiveLoss = ContrastiveLoss(temperature: settings.instanceTemperature, precision: model.precision)
    exchange = GradientExchange(communicator: communicator, batchSize: batchSize)
    criticOptimizer = optimizer
    generatorOptimizer = optimizer
    comparatorAccumulation =
      settings.accumulatesComparatorGradient && model.comparator != nil
      ? FloatStorage(count: model.criticArena.count) : nil
  }

  /// The rows of the global batch that are this rank's.
  package var slice: Range<Int> { partition.slice(of: communicator.rank) }

  /// The fakes of some batches, G(noise, descriptor of label), from the noise in `workspace.ahead`.
  ///
  /// - Parameter batches: at most `workspace.ahead.stepCount`.
  package func generateFakes(_ batches: ArraySlice<BatchSlice>) {
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

  /// The fakes of the `index`-th of those batches become `workspace.fake`.
  package func takeFakes(_ index: Int) {
    guard workspace.ahead.stepCount > 1 else { return }
    let n = workspace.rowCount
    copyRows(workspace.fake, from: workspace.ahead.output.rows(index * n..<(index + 1) * n))
  }

  /// z of `set` (N rows of `projected`) from every rank, into rows `first`..<`first`+B of `allProjected`.
  func gatherProjections(_ local: Range<Int>, first: Int) throws {
    try communicator.gatherRows(
      workspace.projected.rows(local), into: workspace.allProjected.rows(first..<first + batchSize),
      partition: partition)
  }

  /// Log-sum-exps of this rank's rows, from every rank, into rows `first`..<`first`+B of `allLogSumExps`.
  func gatherLogSumExps(_ local: [Float], first: Int) throws {
    for (i, value) in local.enumerated() { workspace.localLogSumExps[i, 0] = value }
    try communicator.gatherRows(
      workspace.localLogSumExps, into: workspace.allLogSumExps.rows(first..<first + batchSize), partition: partition)
  }

  /// Throws on every rank alike when any rank's losses, or the summed gradients, are not finite.
  func checkFinite(_ count: Int, losses: [Double], step: String) throws {
    guard count > 0 || losses.contains(where: { !$0.isFinite }) else { return }
    throw NonFiniteError(
      step: step, losses: losses.map { String($0) }.joined(separator: ", "), gradientCount: count)
  }
}
