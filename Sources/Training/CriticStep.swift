// One update of D, E, H, F (method.md "One iteration", 1). N local rows of B global ones.
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

  /// The gradients of the global batch, left in the critic group's arena on every rank, and the losses.
  package func criticGradients(_ batch: BatchSlice, name: String) throws -> CriticLosses {
    let adversarial = model.critic.backward(
      workspace.critic, labels: batch.labels, alpha: workspace.alpha, descriptors: descriptors,
      penaltyWeight: settings.gradientPenaltyWeight, batchSize: batchSize)
    // Gathered once: real, fake and penalty rows; E's gradient takes the real ones.
    let rows = try exchange.allRows(workspace.critic.rows, blocks: 3, "critic rows")
    try criticParameterGradients(batch, rows: rows)
    let (instance, classLevel) = try embeddingGradients(batch, rows: rows.rows(0..<batchSize))

    let bad = nonFiniteCount(model.criticArena.gradients)
    let sums = try communicator.sum([adversarial.wasserstein, adversarial.penalty, instance, classLevel, Double(bad)])
    let b = Double(batchSize)
    let losses = CriticLosses(
      wasserstein: sums[0] / b, penalty: Double(settings.gradientPenaltyWeight) * sums[1] / b, instance: sums[2],
      class: sums[3] / b)
    try checkFinite(Int(sums[4]), losses: [losses.total], step: name)
    return losses
  }

  private func criticParameterGradients(_ batch: BatchSlice, rows: Matrix) throws {
    let critic = model.critic
    let masks = try exchange.ownColumns(workspace.critic.masks, blocks: 3, "critic masks")
    critic.gradients(
      units: exchange.units(critic.first.unitCount), masks: masks, rows: rows, labels: batch.globalLabels,
      descriptors: descriptors, base: workspace.critic.base)
    try exchange.share(critic.first, followedBy: critic.second)
  }

  /// E, H and F: gradients, and the local parts of L_ins (already a mean) and of Σ L_cls.
  ///
  /// - Parameter rows: B×X, the real rows of all ranks.
  private func embeddingGradients(_ batch: BatchSlice, rows: Matrix) throws -> (instance: Double, classLevel: Double) {
    guard let embedding = model.embedding else { return (0, 0) }
    let w = workspace
    let h = w.embedded.rows(w.realRows)
    embedding.forward(h: h, x: w.real)
    var (instance, classLevel) = (0.0, 0.0)
    if model.sizes.kind == .semantic {
      classLevel = semanticLoss(
        into: w.embeddedGradient, embedded: h, descriptors: descriptors, labels: batch.labels,
        negatives: batch.negatives, margin: settings.semanticMargin, weight: 1, batchSize: batchSize)
    } else {
      let allEmbedded = try exchange.allRows(h, "embedded rows")
      if let projection = model.projection {
        instance = try projectionGradients(projection, batch, h: h, allEmbedded: allEmbedded)
      }
      if let comparator = model.comparator {
        classLevel = try comparatorGradients(comparator, batch, h: h, allEmbedded: allEmbedded)
      }
    }
    embedding.backward(dh: w.embeddedGradient, h: h)
    let delta = try exchange.ownColumns(w.embeddedGradient, "embedding delta")
    embedding.gradients(units: exchange.units(embedding.layer.unitCount), delta: delta, x: rows)
    try exchange.share(embedding.layer)
    return (instance, classLevel)
  }

  /// H and the instance-level loss over the global batch: one gather of z, one of the log-sum-exps.
  private func projectionGradients(_ projection: Projection, _ batch: BatchSlice, h: Matrix, allEmbedded: Matrix)
    throws -> Double
  {
    let w = workspace
    let z = w.projected.rows(w.realRows)
    let all = w.allProjected.rows(0..<batchSize)
    projection.forward(z: z, norms: w.norms, h: h)
    try gatherProjections(w.realRows, first: 0)
    let anchors = ContrastiveAnchors(labels: batch.globalLabels)
    let first = batch.slice.lowerBound
    let (local, sum) = contrastiveLoss.logSumExps(rows: z, firstIndex: first, all: all, anchors: anchors)
    try gatherLogSumExps(local, first: 0)
    contrastiveLoss.gradient(
      into: w.projectedGradient, rows: z, firstIndex: first, all: all, anchors: anchors,
      logSumExps: w.allLogSumExps.rows(0..<batchSize).elements, weight: 1)
    projection.backward(dh: w.embeddedGradient, dz: w.projectedGradient, z: z, norms: w.norms)
    let delta = try exchange.ownColumns(w.projectedGradient, "projection delta")
    projection.gradients(units: exchange.units(projection.layer.unitCount), delta: delta, h: allEmbedded)
    try exchange.share(projection.layer)
    return anchors.keptCount > 0 ? sum / Double(anchors.keptCount) : 0
  }

  /// F and the class-level loss. The owner of a unit goes over the pairs of all rows for it: u travels, not its gradient.
  private func comparatorGradients(_ comparator: Comparator, _ batch: BatchSlice, h: Matrix, allEmbedded: Matrix)
    throws -> Double
  {
    let w = workspace.comparator
    comparator.forward(w, h: h, descriptors: descriptors)
    let sum = classificationLoss(
      w.scores, labels: batch.labels, temperature: settings.classTemperature, weight: 1, batchSize: batchSize,
      losses: workspace.rowLosses)
    let u = try exchange.ownColumns(w.u, isPadded: true, "comparator units")
    let scoreGradients = try exchange.allRows(w.scores, "score gradients")
    comparator.gradients(
      units: exchange.units(comparator.first.unitCount), u: u, scoreGradients: scoreGradients, h: allEmbedded, v: w.v,
      weight: w.weight, descriptors: descriptors)
    try exchange.share(comparator.first, followedBy: comparator.second)
    // A lone rank has just turned its u into the gradient; else that was for the own units alone, and of all rows.
    if !exchange.isAlone { comparator.backward(w) }
    comparator.inputBackward(w, dh: workspace.embeddedGradient, accumulate: model.projection != nil)
    return sum
  }

  /// The authors' quirk: F steps on the sum of its gradients since the epoch began.
  private func accumulateComparatorGradient() {
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
