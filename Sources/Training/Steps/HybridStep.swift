import Collectives
import Kernels
import Losses
import Matrices
import Networks
import Optimizers

/// How steps are taken. Of these only the optimizer's numbers shape the result.
package struct StepOptions: Sendable {
  /// Critic steps of an iteration.
  package var criticIterations: Int
  /// Before the first step.
  package var optimizer = Adam()
  /// Most rows that pass through the networks at once, of a host's ranks together; nil: `RankRows.automaticGroupRows`.
  package var groupRows: Int?
  /// Rows of the contrasted set that are gathered at once, see `InstanceContrast.blockRows`; nil: all.
  package var gatheredRows: Int?
  /// Columns of the contrast's tiles. They shape the result: training has no others than these.
  package var contrastTile = ContrastiveLoss.tileColumns
  /// See `FakesAhead`.
  package var mostRowsAhead = FakesAhead.enoughRows

  package init(criticIterations: Int) { self.criticIterations = criticIterations }
}

/// The two updates of CE-GZSL on this rank's rows of a global batch. `CriticStep.swift` and `GeneratorStep.swift` hold them; this file
/// holds what they share. Losses, gradients and parameters are those of the global batch, bit for bit, whatever the number of ranks,
/// hosts and groups.
package final class HybridStep {
  package let model: HybridModel
  package let settings: LossSettings
  package let rankRows: RankRows
  package var criticOptimizer: Adam
  package var generatorOptimizer: Adam
  /// This rank's units, with Adam's moments.
  package let criticParameters: OwnedParameters
  package let generatorParameters: OwnedParameters
  /// F's gradient summed since the epoch began, this rank's units; only with `accumulatesComparatorGradient`.
  package let comparatorAccumulation: NamedMatrices?

  /// S×A, the seen classes' descriptors; row s belongs to label s.
  let descriptors: Matrix
  let communicator: any Communicator
  /// Nil without a projection.
  let contrast: InstanceContrast?
  let criticReduction: GradientReduction
  let generatorReduction: GradientReduction
  let criticValues: ParameterExchange
  let generatorValues: ParameterExchange
  let classes: ClassTerms
  /// A workspace for each number of rows that occurs, in one memory.
  private(set) var workspaces: [Int: StepWorkspace] = [:]
  /// Without these, messages would rest while a product runs; nil on one host, where there are none.
  private let breaks: ProductBreaks?
  /// Whether `classes` are those of the parameters.
  var hasClassTerms = false
  /// Whether the parameters' rounded copies are kept.
  var keepsParameters = false

  /// - Parameter descriptors: S×A, of the seen classes.
  /// - Throws: `SharedMemoryError`, `CollectiveError`.
  package init(
    model: HybridModel, descriptors: Matrix, settings: LossSettings, tree: BatchTree, options: StepOptions,
    communicator: any Communicator
  ) throws {
    precondition(descriptors.columnCount == model.sizes.attribute)
    self.model = model
    self.descriptors = descriptors
    self.settings = settings
    self.communicator = communicator
    let (rank, rankCount, classCount) = (communicator.rank, communicator.rankCount, descriptors.rowCount)
    let rows = RankRows(
      tree: tree, rank: rank, rankCount: rankCount,
      groupRows: options.groupRows ?? RankRows.automaticGroupRows(model.sizes, classCount: classCount),
      ranksOfHost: communicator.hosts.ranks[communicator.hosts.host(of: rank)].count)
    rankRows = rows
    workspaces = Self.workspaces(
      model.sizes, rows, classCount: classCount, leafRows: rankCount > 1 ? min(tree.leafRows, tree.rowCount) : nil,
      options: options)
    classes = try ClassTerms(model: model, descriptors: descriptors, communicator: communicator)
    contrast = try model.projection.map { _ in
      try InstanceContrast(
        loss: ContrastiveLoss(
          temperature: settings.instanceTemperature, context: model.context, tileColumns: options.contrastTile),
        rows: rows, projection: model.sizes.projection, gatheredRows: options.gatheredRows, communicator: communicator)
    }
    let criticSums = model.criticArena.shapes + model.sizes.criticClassShapes(classCount: classCount)
    let generatorSums = model.generatorArena.shapes + model.sizes.generatorClassShapes(classCount: classCount)
    let most = max(MatrixLayout(shapes: criticSums).count, MatrixLayout(shapes: generatorSums).count)
    let scratch = (1..<rows.stackDepth).map { _ in FloatStorage(count: most) }
    criticReduction = try GradientReduction(
      layers: model.criticGroupLayers, shapes: criticSums, rows: rows, scratch: scratch, communicator: communicator)
    generatorReduction = try GradientReduction(
      layers: model.generator.summed, shapes: generatorSums, rows: rows, scratch: scratch, communicator: communicator)
    criticValues = ParameterExchange(
      model.criticArena, layers: criticReduction.layers, classTerms: classes.matrices, communicator: communicator)
    generatorValues = ParameterExchange(
      model.generatorArena, layers: generatorReduction.layers, classTerms: classes.matrices, communicator: communicator)
    criticOptimizer = options.optimizer
    generatorOptimizer = options.optimizer
    criticParameters = OwnedParameters(
      model.criticArena, context: model.context, rank: rank, rankCount: rankCount)
    generatorParameters = OwnedParameters(
      model.generatorArena, context: model.context, rank: rank, rankCount: rankCount)
    comparatorAccumulation =
      settings.accumulatesComparatorGradient && model.comparator != nil
      ? NamedMatrices(
        layout: criticParameters.firstMoments.layout,
        storage: FloatStorage(count: criticParameters.firstMoments.layout.count)) : nil
    breaks =
      communicator.spansHosts
      ? ProductBreaks { [contrast] in
        contrast?.advance()
        return communicator.poll()
      } : nil
  }

  /// By their rows; they share their memory.
  ///
  /// - Parameter leafRows: where `requireEqualArithmetic` needs one of a leaf.
  private static func workspaces(
    _ sizes: ModelSizes, _ rows: RankRows, classCount: Int, leafRows: Int?, options: StepOptions
  ) -> [Int: StepWorkspace] {
    let pool = MatrixPool()
    var workspaces: [Int: StepWorkspace] = [:]
    // Fakes are generated ahead where all rows of the rank are one group.
    func stepsAhead(_ rowCount: Int) -> Int {
      FakesAhead.stepCount(
        rowCount: rowCount, mostSteps: rows.groups.map(\.rows.count) == [rowCount] ? options.criticIterations + 1 : 1,
        mostRows: options.mostRowsAhead)
    }
    let rowCounts = Set(rows.groups.map(\.rows.count) + [leafRows].compactMap { $0 }).sorted(by: >)
    let reservedRows = rowCounts.map { stepsAhead($0) == 1 ? 0 : stepsAhead($0) * $0 }.max() ?? 0
    for rowCount in rowCounts {
      pool.rewind()
      workspaces[rowCount] = StepWorkspace(
        sizes: sizes, rowCount: rowCount, classCount: classCount, stepsAhead: stepsAhead(rowCount),
        reservedRows: reservedRows, pool: pool)
    }
    return workspaces
  }

  /// Takes all steps of one iteration.
  ///
  /// - Parameters:
  ///   - place: for messages, e.g. "iteration 12".
  ///   - afterCriticStep: called with a step's number and losses while its gradients are still there.
  /// - Returns: the losses of the last critic step and of the generator step.
  /// - Throws: `NonFiniteError` on every rank; `CollectiveError`; what the inputs throw.
  package func iteration(
    _ inputs: some IterationInputs, criticIterations: Int, learningRate: Double, place: String,
    afterCriticStep: (Int, CriticLosses) throws -> Void = { _, _ in }
  ) throws -> (critic: CriticLosses, generator: GeneratorLosses) {
    precondition(criticIterations >= 1)
    return try model.context.during(breaks) {
      let rows = IterationRows(inputs, batches: try (0..<criticIterations).map(inputs.batch))
      var losses = CriticLosses()
      for k in 0..<criticIterations {
        losses = try criticStep(rows, k, learningRate: learningRate, name: "\(place), critic step \(k + 1)")
        try afterCriticStep(k, losses)
      }
      let generator = try generatorStep(rows, learningRate: learningRate, name: "\(place), generator step")
      return (losses, generator)
    }
  }

  /// B.
  var batchSize: Int { rankRows.tree.rowCount }
  var tree: BatchTree { rankRows.tree }
  /// Whether all rows of this rank pass at once, so that what was computed of them stays.
  var isOneGroup: Bool { rankRows.groups.count == 1 }

  func workspace(_ group: RowGroup) -> StepWorkspace { workspace(rowCount: group.rows.count) }

  func workspace(rowCount: Int) -> StepWorkspace {
    guard let workspace = workspaces[rowCount] else { preconditionFailure("no workspace for \(rowCount) rows") }
    return workspace
  }
}
