// One update of D, E, H, F (method.md "One iteration", 1). N local rows of B global ones.
import Collectives
import Kernels
import Losses
import Matrices
import Networks
import Optimizers

extension HybridStep {
  /// Minimises −V(real, fake) + L_ins(real) + L_cls(real). The caller has filled `workspace.real`, `.noise` and `.alpha`.
  ///
  /// D's gradients travel while those of E, H and F are computed.
  ///
  /// - Parameter name: for messages, e.g. "iteration 12, critic step 3".
  /// - Throws: `NonFiniteError` on every rank, before any parameter moves; `CollectiveError`.
  package func criticStep(_ batch: BatchSlice, learningRate: Double, name: String) throws -> CriticLosses {
    let losses = try criticGradients(batch, name: name)
    accumulateComparatorGradient()
    criticOptimizer.update(model.criticArena, learningRate: learningRate)
    return losses
  }

  /// The summed gradients of the step, left in the critic group's arena, and its losses.
  package func criticGradients(_ batch: BatchSlice, name: String) throws -> CriticLosses {
    let arena = model.criticArena
    generateFakes(labels: batch.labels)
    let adversarial = model.critic.lossAndGradients(
      workspace.critic, labels: batch.labels, alpha: workspace.alpha, descriptors: descriptors,
      penaltyWeight: settings.gradientPenaltyWeight, batchSize: batchSize)

    let criticEnd = arena.shapes.count > 4 ? arena.offsets[4] : arena.count
    try communicator.startSum(arena.gradients, 0..<criticEnd)
    let (instance, classLevel) = try embeddingGradients(batch)
    try communicator.startSum(arena.gradients, criticEnd..<arena.count)
    try communicator.finish()

    let bad = nonFiniteCount(arena.gradients)
    let sums = try communicator.sum([adversarial.wasserstein, adversarial.penalty, instance, classLevel, Double(bad)])
    let b = Double(batchSize)
    let losses = CriticLosses(
      wasserstein: sums[0] / b, penalty: Double(settings.gradientPenaltyWeight) * sums[1] / b, instance: sums[2],
      class: sums[3] / b)
    try checkFinite(Int(sums[4]), losses: [losses.total], step: name)
    return losses
  }

  /// E, H and F: local gradients, and the local parts of L_ins (already a mean) and of Σ L_cls.
  private func embeddingGradients(_ batch: BatchSlice) throws -> (instance: Double, classLevel: Double) {
    guard let embedding = model.embedding else { return (0, 0) }
    let w = workspace
    let h = w.embedded.rows(w.realRows)
    embedding.forward(h: h, x: w.real)
    try communicator.progress()
    if model.sizes.kind == .semantic {
      let sum = semanticLoss(
        into: w.embeddedGradient, embedded: h, descriptors: descriptors, labels: batch.labels,
        negatives: batch.negatives, margin: settings.semanticMargin, weight: 1, batchSize: batchSize)
      embedding.backward(dh: w.embeddedGradient, h: h, x: w.real)
      return (0, sum)
    }
    var (instance, classLevel) = (0.0, 0.0)
    if let projection = model.projection {
      instance = try projectionGradients(projection, batch, h: h)
      try communicator.progress()
    }
    if let comparator = model.comparator {
      comparator.forward(w.comparator, h: h, descriptors: descriptors)
      classLevel = classificationLoss(
        w.comparator.scores, labels: batch.labels, temperature: settings.classTemperature, weight: 1,
        batchSize: batchSize, losses: w.rowLosses)
      comparator.backward(
        w.comparator, dh: w.embeddedGradient, accumulate: model.projection != nil, h: h, descriptors: descriptors,
        updatesParameters: true)
      try communicator.progress()
    }
    embedding.backward(dh: w.embeddedGradient, h: h, x: w.real)
    return (instance, classLevel)
  }

  /// H and the instance-level loss over the global batch: one gather of z, one of the log-sum-exps.
  private func projectionGradients(_ projection: Projection, _ batch: BatchSlice, h: Matrix) throws -> Double {
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
    projection.backward(
      dh: w.embeddedGradient, dz: w.projectedGradient, z: z, norms: w.norms, h: h, updatesParameters: true)
    return anchors.keptCount > 0 ? sum / Double(anchors.keptCount) : 0
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
