// One update of D, E, H, F (method.md "One iteration", 1). N local rows of a micro-batch of M; B rows of the global batch.
import Collectives
import Kernels
import Losses
import Matrices
import Networks
import Optimizers

extension HybridStep {
  /// Minimises −V(real, fake) + L_ins(real) + L_cls(real). The caller has filled `workspace.real`, `.fake` and `.alpha`.
  ///
  /// - Parameter name: for messages, e.g. "iteration 12, critic step 3".
  /// - Throws: `NonFiniteError` on every rank, before any parameter moves; `CollectiveError`.
  package func criticStep(_ batch: BatchSlice, learningRate: Double, name: String) throws -> CriticLosses {
    let losses = try criticGradients(batch, name: name)
    accumulateComparatorGradient()
    criticOptimizer.update(model.criticArena, learningRate: learningRate)
    return losses
  }

  /// The gradients of a global batch that is one micro-batch, left in the critic group's arena on every rank, and the losses.
  package func criticGradients(_ batch: BatchSlice, name: String) throws -> CriticLosses {
    try criticLosses(try criticPart(batch), name: name)
  }

  /// A micro-batch's gradients of the global loss, left in the critic group's arena on every rank, and this rank's part of the
  /// loss sums.
  func criticPart(_ batch: BatchSlice) throws -> CriticParts {
    keepRoundedHere(workspace.bothRows)
    defer { forgetRounded() }
    let adversarial = model.critic.backward(
      workspace.critic, labels: batch.labels, alpha: workspace.alpha, descriptors: descriptors,
      penaltyWeight: settings.gradientPenaltyWeight, batchSize: batchSize)
    // Gathered once: real, fake and penalty rows; E's gradient takes the real ones.
    let rows = try exchange.startRows(workspace.critic.rows, blocks: 3, "critic rows")
    let slopes = try exchange.startSlopes(workspace.critic.slopes, "critic slopes")
    let (instance, classLevel, deltas) = try embeddingBackward(batch)
    try criticParameterGradients(batch, rows: rows, slopes: slopes)
    try embeddingParameterGradients(batch, deltas, rows: rows)
    try exchange.finishShares()
    return CriticParts(
      wasserstein: adversarial.wasserstein, penalty: adversarial.penalty, instance: instance, classLevel: classLevel)
  }

  /// The losses of the global batch, once its gradients are in the arena.
  ///
  /// - Throws: `NonFiniteError` on every rank.
  func criticLosses(_ parts: CriticParts, name: String) throws -> CriticLosses {
    let bad = ownNonFiniteGradients(model.criticArena)
    let sums = try communicator.sum([
      parts.wasserstein, parts.penalty, parts.instance, parts.classLevel, Double(bad),
    ])
    let b = Double(batchSize)
    let losses = CriticLosses(
      wasserstein: sums[0] / b, penalty: Double(settings.gradientPenaltyWeight) * sums[1] / b, instance: sums[2],
      class: sums[3] / b)
    try checkFinite(Int(sums[4]), losses: [losses.total], step: name)
    return losses
  }

  private func criticParameterGradients(_ batch: BatchSlice, rows: Incoming, slopes: Incoming) throws {
    let critic = model.critic
    let units = exchange.units(critic.first.unitCount)
    critic.gradients(
      workspace.critic, units: units, slopes: SlopeMatrix(words: try slopes.wait(), unitCount: units.count),
      rows: try rows.wait(), labels: batch.globalLabels, descriptors: descriptors, batchSize: batchSize)
    try exchange.startShare(critic.first, followedBy: critic.second)
  }

  /// E, H and F, the local passes: the parts of L_ins (already a mean) and of Σ L_cls, and what the weight gradients need, on
  /// its way to the ranks that compute them.
  private func embeddingBackward(_ batch: BatchSlice) throws
    -> (instance: Double, classLevel: Double, deltas: EmbeddingDeltas?)
  {
    guard let embedding = model.embedding else { return (0, 0, nil) }
    let w = workspace
    let h = w.embedded.rows(w.realRows)
    var deltas = EmbeddingDeltas()
    embedding.forward(h: h, x: w.real)
    keepRoundedHere(h)
    var (instance, classLevel) = (0.0, 0.0)
    if model.sizes.kind == .semantic {
      classLevel = semanticLoss(
        into: w.embeddedGradient, embedded: h, descriptors: descriptors, labels: batch.labels,
        negatives: batch.negatives, margin: settings.semanticMargin, weight: 1, batchSize: batchSize)
    } else {
      deltas.embedded = try exchange.startRows(h, "embedded rows")
      // Whichever comes last takes the gradient through E's activation.
      if let projection = model.projection {
        instance = try projectionBackward(
          projection, batch, h: h, finish: model.comparator == nil ? embedding.backward(h: h) : .none, &deltas)
      }
      if let comparator = model.comparator {
        classLevel = try comparatorBackward(comparator, batch, h: h, finish: embedding.backward(h: h), &deltas)
      }
    }
    deltas.embedding = try exchange.startColumns(w.embeddedGradient, "embedding delta")
    return (instance, classLevel, deltas)
  }

  /// H and the instance-level loss over the global batch. Where that has several micro-batches, a first pass over all of them
  /// has left the gradients of z.
  private func projectionBackward(
    _ projection: Projection, _ batch: BatchSlice, h: Matrix, finish: ProductFinish, _ deltas: inout EmbeddingDeltas
  ) throws -> Double {
    guard let contrast else { return 0 }
    let w = workspace
    let z = contrast.rows(.real, microBatch)
    projection.forward(z: z, norms: w.norms, h: h)
    var loss = 0.0
    if microBatches.count == 1 { loss = try contrast.evaluate(labels: batch.globalLabels, sets: [.real], weight: 1) }
    let dz = contrast.gradient(microBatch)
    projection.backward(dh: w.embeddedGradient, dz: dz, z: z, norms: w.norms, finish: finish)
    deltas.projection = try exchange.startColumns(dz, "projection delta")
    return loss
  }

  /// F and the class-level loss. The owner of a unit goes over the pairs of all rows for it: u travels, not its gradient.
  private func comparatorBackward(
    _ comparator: Comparator, _ batch: BatchSlice, h: Matrix, finish: ProductFinish, _ deltas: inout EmbeddingDeltas
  ) throws -> Double {
    let w = workspace.comparator
    comparator.forward(w, h: h, descriptors: descriptors)
    let sum = classificationLoss(
      w.scores, labels: batch.labels, temperature: settings.classTemperature, weight: 1, batchSize: batchSize,
      losses: workspace.rowLosses)
    if exchange.isAlone {
      // All units and all rows are here: one pass gives the parameters' gradients and, in u, the rows'. They are shared with
      // nobody, but looked through.
      comparator.gradients(
        w, units: 0..<comparator.first.unitCount, u: w.u, scoreGradients: w.scores, h: h, descriptors: descriptors)
      try exchange.startShare(comparator.first, followedBy: comparator.second)
    } else {
      deltas.units = try exchange.startColumns(w.u, isPadded: true, "comparator units")
      deltas.scoreGradients = try exchange.startRows(w.scores, "score gradients")
      comparator.backward(w)
    }
    comparator.inputBackward(
      w, dh: workspace.embeddedGradient, accumulate: model.projection != nil, finish: finish)
    return sum
  }

  /// The weight gradients of this rank's units of E, H and F.
  ///
  /// - Parameter rows: whose first M are the real rows of all ranks.
  private func embeddingParameterGradients(_ batch: BatchSlice, _ deltas: EmbeddingDeltas?, rows: Incoming) throws {
    guard let deltas, let embedding = model.embedding else { return }
    let h = try deltas.embedded?.wait()
    if let projection = model.projection, let delta = try deltas.projection?.wait(), let h {
      projection.gradients(units: exchange.units(projection.layer.unitCount), delta: delta, h: h)
      try exchange.startShare(projection.layer)
    }
    if let comparator = model.comparator, let u = try deltas.units?.wait(), let c = try deltas.scoreGradients?.wait(),
      let h
    {
      comparator.gradients(
        workspace.comparator, units: exchange.units(comparator.first.unitCount), u: u, scoreGradients: c, h: h,
        descriptors: descriptors)
      try exchange.startShare(comparator.first, followedBy: comparator.second)
    }
    if let delta = try deltas.embedding?.wait() {
      embedding.gradients(
        units: exchange.units(embedding.layer.unitCount), delta: delta,
        x: try rows.wait().rows(0..<batch.globalLabels.count))
      try exchange.startShare(embedding.layer)
    }
  }

  /// The authors' quirk: F steps on the sum of its gradients since the epoch began.
  func accumulateComparatorGradient() {
    guard let accumulation = comparatorAccumulation else { return }
    let arena = model.criticArena
    for (shape, offset) in zip(arena.shapes, arena.offsets) where shape.name.hasPrefix("comparator.") {
      addStorage(accumulation, arena.gradients, offset..<offset + shape.count)
      arena.view(shape.name, of: arena.gradients).copy(from: arena.view(shape.name, of: accumulation))
    }
  }

  /// Clears what `accumulatesComparatorGradient` has gathered; called when an epoch begins.
  package func beginEpoch() {
    guard let accumulation = comparatorAccumulation else { return }
    model.criticArena.flat(accumulation).fill(0)
  }
}

/// This rank's parts of a critic step's loss sums.
struct CriticParts {
  var wasserstein = 0.0
  var penalty = 0.0
  /// Of a mean already.
  var instance = 0.0
  var classLevel = 0.0

  mutating func add(_ other: CriticParts) {
    wasserstein += other.wasserstein
    penalty += other.penalty
    instance += other.instance
    classLevel += other.classLevel
  }
}

/// What the weight gradients of E, H and F are computed from, on its way; nil for what the model has not.
private struct EmbeddingDeltas {
  var embedded: Incoming?
  var projection: Incoming?
  var units: Incoming?
  var scoreGradients: Incoming?
  var embedding: Incoming?
}
