// How a step ends on all ranks: sums become gradients, everyone agrees, the owners of units move them, and they travel.
import Collectives
import Kernels
import Matrices
import Networks
import Optimizers
import Profiling

extension HybridStep {
  /// Finishes the sums of all layers and agrees on losses.
  ///
  /// - Parameters:
  ///   - finish: makes the gradients of a layer's units from its sums.
  /// - Returns: the sums of losses of all ranks.
  /// - Throws: `NonFiniteError` on every rank where a gradient or a loss is not finite; `CollectiveError`.
  func agree(
    _ reduction: GradientReduction, _ losses: LossSums, _ finish: (_ layer: String, _ units: Range<Int>) -> Void
  ) throws -> (sums: [Double], nonFinite: Int) {
    var bad = 0
    for (number, layer) in reduction.layers.enumerated() {
      let units = try reduction.finish(number)
      Profile.growing(with: .units) {
        finish(layer.name, units)
        for name in layer.parameters {
          let shape = reduction.gradients.layout.shape(name)
          bad += nonFiniteCount(shape.part(reduction.gradients[name], units: units))
        }
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
    for layer in order.compactMap(reduction.layers.place(of:)) {
      Profile.growing(with: .units) {
        parameters.update(reduction.layers[layer].parameters, gradients: reduction.gradients, step)
        makeClassTerms(reduction.layers[layer])
      }
      try values.begin(layer)
    }
  }

  /// Waits for the parameters of some layers of D, E, H and F, as far as the model has them. Ranks of a host meet here: they all call
  /// this for the same layers in the same order, whether they have rows or not.
  func wait(_ layers: String...) throws {
    for layer in layers.compactMap(criticValues.layers.place(of:)) { try wait(criticValues, layer) }
  }

  /// Waits for G's parameters.
  func waitForGenerator() throws {
    for layer in generatorValues.layers.indices { try wait(generatorValues, layer) }
  }

  /// Other ranks' units come without Adam, which rounds what it changes.
  private func wait(_ values: ParameterExchange, _ layer: Int) throws {
    guard try values.wait(layer) else { return }
    for parameter in values.matrices(layer) { model.context.roundParameters(parameter) }
  }

  /// Every parameter is there: for whoever looks at the model between steps. Every rank calls it.
  ///
  /// - Throws: `CollectiveError`.
  package func waitForParameters() throws {
    for layer in criticValues.layers.indices { try wait(criticValues, layer) }
    try waitForGenerator()
  }

  func checkFinite(_ count: Int, losses: [LossPart], step: String) throws {
    guard count > 0 || losses.contains(where: { !$0.value.isFinite }) else { return }
    let bad = losses.first { $0.isSuspicious }
    throw NonFiniteError(step: step, loss: bad.map { ($0.name, $0.value, $0.cure) }, gradientCount: count)
  }

  // MARK: Rounded copies

  /// In bfloat16, the parameters' rounded copies are kept from the first step on: only updates change them then, or who calls
  /// `parametersChanged`.
  func keepParametersRounded() {
    guard !keepsParameters else { return }
    for arena in model.arenas { model.context.keepRoundedParameters(arena.values) }
    keepsParameters = true
  }

  /// To be called by all but the updates that set parameters: what was computed from them is computed again.
  package func parametersChanged() {
    keepsParameters = false
    hasClassTerms = false
  }

  /// In bfloat16, a rounded copy of what is a factor of several products, until the group is done.
  func keepRoundedHere(_ x: Matrix) { model.context.keepRounded(x) }
}
