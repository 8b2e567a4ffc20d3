import Collectives
import Kernels
import Losses
import Matrices
import Networks
import Optimizers

/// Where an iteration's rows and draws come from: a data set and random numbers, or a file with everything fixed.
/// `k` counts the critic steps from 0; `rows` are indices of the global batch.
package protocol IterationInputs {
  /// Labels (and the semantic baseline's other classes) of a critic step.
  func batch(_ k: Int) throws -> Batch
  /// x [N×X].
  func fillFeatures(_ x: Matrix, _ k: Int, rows: Range<Int>) throws
  /// ε [N×Z] of a critic step.
  func fillNoise(_ noise: Matrix, _ k: Int, rows: Range<Int>) throws
  /// α [1×N].
  func fillInterpolation(_ alpha: Matrix, _ k: Int, rows: Range<Int>) throws
  /// ε [N×Z] of the generator step.
  func fillGeneratorNoise(_ noise: Matrix, rows: Range<Int>) throws
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
  private var workspaces: [Int: StepWorkspace] = [:]
  /// G's steps when `classes.generatorBase` was computed.
  private var generatorBaseAge = -1
  /// Whether the parameters' rounded copies are kept.
  private var keepsParameters = false

  /// - Parameters:
  ///   - groupRows: most rows that pass through the networks at once, of a host's ranks together; nil: `RankRows.automaticGroupRows`.
  ///   - mostGathered: see `InstanceContrast`.
  ///   - mostRowsAhead: see `FakesAhead`.
  /// - Throws: `SharedMemoryError`, `CollectiveError`.
  package init(
    model: HybridModel, descriptors: Matrix, settings: LossSettings, tree: BatchTree, groupRows: Int? = nil,
    criticIterations: Int, communicator: any Communicator, optimizer: Adam = Adam(),
    mostGathered: Int = 1 << 28, mostRowsAhead: Int = FakesAhead.enoughRows
  ) throws {
    precondition(descriptors.columnCount == model.sizes.attribute)
    self.model = model
    self.descriptors = descriptors
    self.settings = settings
    self.communicator = communicator
    let (rank, rankCount, classCount) = (communicator.rank, communicator.rankCount, descriptors.rowCount)
    let rows = RankRows(
      tree: tree, rank: rank, rankCount: rankCount,
      groupRows: groupRows ?? RankRows.automaticGroupRows(model.sizes, classCount: classCount),
      ranksOfHost: communicator.hosts.ranks[communicator.hosts.host(of: rank)].count)
    rankRows = rows
    let pool = MatrixPool()
    for rowCount in Set(rows.groups.map(\.rows.count)).sorted(by: >) {
      pool.rewind()
      workspaces[rowCount] = StepWorkspace(
        sizes: model.sizes, rowCount: rowCount, classCount: classCount,
        mostSteps: rows.groups.count == 1 ? criticIterations + 1 : 1, mostRowsAhead: mostRowsAhead, pool: pool)
    }
    classes = ClassTerms(sizes: model.sizes, classCount: classCount)
    contrast = try model.projection.map { _ in
      try InstanceContrast(
        loss: ContrastiveLoss(temperature: settings.instanceTemperature, precision: model.precision), rows: rows,
        projection: model.sizes.projection, communicator: communicator, mostGathered: mostGathered)
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
      model.criticArena, layers: criticReduction.layers, communicator: communicator)
    generatorValues = ParameterExchange(
      model.generatorArena, layers: generatorReduction.layers, communicator: communicator)
    criticOptimizer = optimizer
    generatorOptimizer = optimizer
    criticParameters = OwnedParameters(model.criticArena, rank: rank, rankCount: rankCount)
    generatorParameters = OwnedParameters(model.generatorArena, rank: rank, rankCount: rankCount)
    comparatorAccumulation =
      settings.accumulatesComparatorGradient && model.comparator != nil
      ? NamedMatrices(
        layout: criticParameters.firstMoments.layout,
        storage: FloatStorage(count: criticParameters.firstMoments.layout.count)) : nil
    // Without this, messages would rest while a product runs. On one host there are none.
    if communicator.spansHosts {
      ProductBreaks.shared.install { [contrast] in
        // An error shows when what is under way is finished.
        try? contrast?.advance()
        return communicator.poll()
      }
    }
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
    let rows = IterationRows(inputs, batches: try (0..<criticIterations).map(inputs.batch))
    var losses = CriticLosses()
    for k in 0..<criticIterations {
      losses = try criticStep(rows, k, learningRate: learningRate, name: "\(place), critic step \(k + 1)")
      try afterCriticStep(k, losses)
    }
    let generator = try generatorStep(rows, learningRate: learningRate, name: "\(place), generator step")
    return (losses, generator)
  }

  /// B.
  var batchSize: Int { rankRows.tree.rowCount }
  var tree: BatchTree { rankRows.tree }
  /// Whether all rows of this rank pass at once, so that what was computed of them stays.
  var isOneGroup: Bool { rankRows.groups.count == 1 }

  func workspace(_ group: RowGroup) -> StepWorkspace {
    guard let workspace = workspaces[group.rows.count] else {
      preconditionFailure("no workspace for \(group.rows.count) rows")
    }
    return workspace
  }

  // MARK: Fakes

  /// x̃ [N×X] of a critic step, or of the generator step behind the last of them, into the group's workspace.
  ///
  /// - Returns: their place among those generated ahead.
  /// - Throws: what the inputs throw.
  @discardableResult
  func fakes(_ rows: IterationRows, step: Int, _ group: RowGroup) throws -> Int {
    let w = workspace(group)
    guard isOneGroup else {
      try rows.fillNoise(w.noise(0), step: step, group.rows)
      try generateFakes(w, labels: rows.labels(step, group.rows))
      return 0
    }
    // G does not move before the generator step: fakes of several steps are one product.
    let place = step % w.ahead.stepCount
    if place == 0 {
      let steps = step..<min(step + w.ahead.stepCount, rows.criticIterations + 1)
      for next in steps { try rows.fillNoise(w.noise(next - step), step: next, group.rows) }
      try generateFakes(w, labels: steps.flatMap { rows.labels($0, group.rows) })
    }
    if w.ahead.stepCount > 1 {
      copyRows(w.fake, from: w.ahead.output.rows(place * w.rowCount..<(place + 1) * w.rowCount))
    }
    return place
  }

  /// G(noise, descriptor of label) of the first rows of noise.
  private func generateFakes(_ w: StepWorkspace, labels: [Int]) throws {
    for layer in generatorValues.layers.indices { try wait(generatorValues, layer) }
    let ahead = w.ahead
    if generatorBaseAge != generatorOptimizer.stepCount {
      model.generator.classBase(into: classes.generatorBase, descriptors: descriptors)
      generatorBaseAge = generatorOptimizer.stepCount
    }
    let rows = 0..<labels.count
    model.generator.forward(
      output: ahead.output.rows(rows), hidden: ahead.hidden.rows(rows), noise: ahead.noise.rows(rows),
      base: classes.generatorBase, labels: labels)
  }

  // MARK: Rounded copies

  /// In bfloat16, the parameters' rounded copies are kept from the first step on: only updates change them then, or who calls
  /// `parametersChanged`.
  func keepParametersRounded() {
    guard model.precision == .bfloat16 && !keepsParameters else { return }
    keepRoundedParameters(model.criticArena.values)
    keepRoundedParameters(model.generatorArena.values)
    keepsParameters = true
  }

  /// To be called by all but the updates that set parameters: what was computed from them is computed again.
  func parametersChanged() {
    keepsParameters = false
    generatorBaseAge = -1
  }

  /// In bfloat16, a rounded copy of what is a factor of several products, until the group is done.
  func keepRoundedHere(_ x: Matrix) {
    if model.precision == .bfloat16 { keepRounded(x) }
  }

  // MARK: The end of a step

  /// Finishes the sums of all layers and agrees on losses.
  ///
  /// - Parameters:
  ///   - finish: makes the gradients of a layer's units from its sums.
  /// - Returns: the sums of losses of all ranks.
  /// - Throws: `NonFiniteError` on every rank where a gradient or a loss is not finite; `CollectiveError`.
  func agree(
    _ reduction: GradientReduction, _ losses: LossSums, _ finish: (_ layer: String, _ units: Range<Int>) -> Void
  ) throws -> (sums: [Double], nonFinite: Int) {
    let shapes = (model.criticArena.shapes + model.generatorArena.shapes)
    var bad = 0
    for (number, layer) in reduction.layers.enumerated() {
      let units = try reduction.finish(number)
      finish(layer.name, units)
      for shape in shapes where layer.parameters.contains(shape.name) {
        bad += nonFiniteCount(shape.part(reduction.gradients[shape.name], units: units))
      }
    }
    var sums = try communicator.sum(losses.values + [Double(bad)])
    try reduction.settle()
    return (sums, Int(sums.removeLast()))
  }

  /// Moves the parameters of one group of layers and begins to exchange them, in the order in which the next step needs them.
  func update(
    _ parameters: OwnedParameters, _ values: ParameterExchange, _ reduction: GradientReduction, _ order: [String],
    _ step: AdamStep
  ) throws {
    try values.settle()
    for name in order {
      guard let layer = reduction.layers.firstIndex(where: { $0.name == name }) else { continue }
      parameters.update(reduction.layers[layer].parameters, gradients: reduction.gradients, step)
      try values.begin(layer)
    }
  }

  /// Waits for the parameters of a layer.
  func wait(_ layer: String) throws {
    guard let index = criticReduction.layers.firstIndex(where: { $0.name == layer }) else { return }
    try wait(criticValues, index)
  }

  /// Other ranks' units come without Adam, which rounds what it changes.
  private func wait(_ values: ParameterExchange, _ layer: Int) throws {
    guard try values.wait(layer), model.precision == .bfloat16 else { return }
    for parameter in values.matrices(layer) { roundParameters(parameter) }
  }

  /// Every parameter is there: for whoever looks at the model between steps. Every rank calls it.
  ///
  /// - Throws: `CollectiveError`.
  package func waitForParameters() throws {
    for values in [criticValues, generatorValues] {
      for layer in values.layers.indices { try wait(values, layer) }
    }
  }

  func checkFinite(_ count: Int, losses: [Double], step: String) throws {
    guard count > 0 || losses.contains(where: { !$0.isFinite }) else { return }
    throw NonFiniteError(
      step: step, losses: losses.map { String($0) }.joined(separator: ", "), gradientCount: count)
  }
}

/// The inputs of one iteration and its batches.
package struct IterationRows {
  package let inputs: any IterationInputs
  package let batches: [Batch]

  package init(_ inputs: any IterationInputs, batches: [Batch]) {
    self.inputs = inputs
    self.batches = batches
  }

  var criticIterations: Int { batches.count }

  /// The generator step, behind the critic's, takes the last batch.
  private func batch(_ step: Int) -> Batch { batches[min(step, criticIterations - 1)] }

  func labels(_ step: Int, _ rows: Range<Int>) -> [Int] { Array(batch(step).labels[rows]) }
  func allLabels(_ step: Int) -> [Int] { batch(step).labels }
  func negatives(_ step: Int, _ rows: Range<Int>) -> [Int] { Array(batch(step).negatives[rows]) }

  func fillNoise(_ noise: Matrix, step: Int, _ rows: Range<Int>) throws {
    if step < criticIterations {
      try inputs.fillNoise(noise, step, rows: rows)
    } else {
      try inputs.fillGeneratorNoise(noise, rows: rows)
    }
  }

  func fillFeatures(_ x: Matrix, step: Int, _ rows: Range<Int>) throws {
    try inputs.fillFeatures(x, min(step, criticIterations - 1), rows: rows)
  }
}
