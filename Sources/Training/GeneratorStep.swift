// One update of G (method.md "One iteration", 2). N local rows of B global ones.
import Collectives
import Kernels
import Losses
import Matrices
import Networks
import Optimizers

extension HybridStep {
  /// Minimises −mean D(x̃, a) + w_ins·L_ins([z(x); z(x̃)]) + w_cls·L_cls(h(x̃)) over G alone, on the rows of the last critic
  /// batch with fresh noise, which the caller has put into the first rows of `workspace.ahead.noise`.
  ///
  /// - Throws: `NonFiniteError` on every rank, before any parameter moves; `CollectiveError`.
  package func generatorStep(_ batch: BatchSlice, learningRate: Double, name: String) throws -> GeneratorLosses {
    let losses = try generatorGradients(batch, name: name)
    generatorOptimizer.update(model.generatorArena, learningRate: learningRate)
    return losses
  }

  /// The gradients of the global batch, left in the generator's arena on every rank, and the losses.
  package func generatorGradients(_ batch: BatchSlice, name: String) throws -> GeneratorLosses {
    let w = workspace
    generateFakes([batch])
    takeFakes(0)
    model.critic.classBase(into: w.critic.base, descriptors: descriptors)
    let score = model.critic.generatorLoss(
      w.critic, dFake: w.fakeGradient, fake: w.fake, labels: batch.labels, batchSize: batchSize)
    let (instance, classLevel) = try addEmbeddingGradient(batch)
    try generatorParameterGradients(batch)

    let bad = nonFiniteCount(model.generatorArena.gradients)
    let sums = try communicator.sum([score, instance, classLevel, Double(bad)])
    let b = Double(batchSize)
    var losses = GeneratorLosses(adversarial: -sums[0] / b, instance: sums[1], class: sums[2] / b)
    losses.total =
      losses.adversarial + Double(settings.instanceWeight) * losses.instance + Double(settings.classWeight)
      * losses.class
    try checkFinite(Int(sums[3]), losses: [losses.total], step: name)
    return losses
  }

  private func generatorParameterGradients(_ batch: BatchSlice) throws {
    let (w, generator) = (workspace, model.generator)
    generator.backward(
      dOutput: w.fakeGradient, output: w.fake, hidden: w.generatorHidden, dHidden: w.generatorHiddenGradient)
    let outputDelta = try exchange.startColumns(w.fakeGradient, "generator output delta")
    let hidden = try exchange.startRows(w.generatorHidden, "generator hidden")
    let hiddenDelta = try exchange.startColumns(w.generatorHiddenGradient, "generator hidden delta")
    let noise = try exchange.startRows(w.noise, "generator noise")
    generator.secondGradients(
      units: exchange.units(generator.second.unitCount), delta: try outputDelta.wait(), hidden: try hidden.wait())
    try exchange.startShare(generator.second)
    generator.firstGradients(
      units: exchange.units(generator.first.unitCount), delta: try hiddenDelta.wait(), noise: try noise.wait(),
      labels: batch.globalLabels, descriptors: descriptors, scratch: w.generatorClassDelta)
    try exchange.startShare(generator.first)
    try exchange.finishShares()
  }

  /// Adds to `fakeGradient` what E sends back; returns the local parts of L_ins (a mean) and of Σ L_cls.
  private func addEmbeddingGradient(_ batch: BatchSlice) throws -> (instance: Double, classLevel: Double) {
    guard let embedding = model.embedding else { return (0, 0) }
    let w = workspace
    let hasProjection = model.projection != nil
    // E moved since the critic step, so real rows are embedded again, in one product with the fakes.
    if hasProjection {
      embedding.forward(h: w.embedded, x: w.bothRows)
    } else {
      embedding.forward(h: w.embedded.rows(w.fakeRows), x: w.fake)
    }
    let h = w.embedded.rows(w.fakeRows)
    if model.sizes.kind == .semantic {
      let sum = semanticLoss(
        into: w.embeddedGradient, embedded: h, descriptors: descriptors, labels: batch.labels,
        negatives: batch.negatives, margin: settings.semanticMargin, weight: settings.classWeight,
        batchSize: batchSize)
      embedding.inputBackward(addingTo: w.fakeGradient, delta: w.embeddedGradient)
      return (0, sum)
    }
    var (instance, classLevel) = (0.0, 0.0)
    if let projection = model.projection {
      instance = try projectionInputGradient(projection, batch, h: h)
    }
    if let comparator = model.comparator {
      comparator.forward(w.comparator, h: h, descriptors: descriptors)
      classLevel = classificationLoss(
        w.comparator.scores, labels: batch.labels, temperature: settings.classTemperature,
        weight: settings.classWeight, batchSize: batchSize, losses: w.rowLosses)
      comparator.backward(w.comparator)
      comparator.inputBackward(w.comparator, dh: w.embeddedGradient, accumulate: hasProjection)
    }
    embedding.backward(dh: w.embeddedGradient, h: h)
    embedding.inputBackward(addingTo: w.fakeGradient, delta: w.embeddedGradient)
    return (instance, classLevel)
  }

  /// dh of the fakes through H. The set is [real of all ranks; fake of all ranks] with the labels twice; z of real rows is
  /// constant, yet those rows are anchors and negatives, so their log-sum-exps are needed and their gradients are not.
  private func projectionInputGradient(_ projection: Projection, _ batch: BatchSlice, h: Matrix) throws -> Double {
    let w = workspace
    projection.forward(z: w.projected, norms: w.norms, h: w.embedded)
    try gatherProjections(w.realRows, first: 0)
    try gatherProjections(w.fakeRows, first: batchSize)
    let anchors = ContrastiveAnchors(labels: batch.globalLabels + batch.globalLabels)
    let (firstReal, firstFake) = (batch.slice.lowerBound, batchSize + batch.slice.lowerBound)
    let real = contrastiveLoss.logSumExps(
      rows: w.projected.rows(w.realRows), firstIndex: firstReal, all: w.allProjected, anchors: anchors)
    try gatherLogSumExps(real.logSumExps, first: 0)
    let z = w.projected.rows(w.fakeRows)
    let fake = contrastiveLoss.logSumExps(rows: z, firstIndex: firstFake, all: w.allProjected, anchors: anchors)
    try gatherLogSumExps(fake.logSumExps, first: batchSize)
    contrastiveLoss.gradient(
      into: w.projectedGradient, rows: z, firstIndex: firstFake, all: w.allProjected, anchors: anchors,
      logSumExps: w.allLogSumExps.elements, weight: settings.instanceWeight)
    projection.backward(
      dh: w.embeddedGradient, dz: w.projectedGradient, z: z, norms: w.norms.columns(w.fakeRows))
    return (real.lossSum + fake.lossSum) / Double(max(anchors.keptCount, 1))
  }
}
