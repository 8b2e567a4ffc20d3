// One update of G (method.md "One iteration", 2). N local rows of a micro-batch of M; B rows of the global batch.
import Collectives
import Kernels
import Losses
import Matrices
import Networks
import Optimizers

extension HybridStep {
  /// Minimises −mean D(x̃, a) + w_ins·L_ins([z(x); z(x̃)]) + w_cls·L_cls(h(x̃)) over G alone, on the rows of the last critic
  /// batch with fresh noise, from which the caller has generated fakes.
  ///
  /// - Parameter fakes: their place among those generated ahead.
  /// - Throws: `NonFiniteError` on every rank, before any parameter moves; `CollectiveError`.
  package func generatorStep(_ batch: BatchSlice, fakes: Int, learningRate: Double, name: String) throws
    -> GeneratorLosses
  {
    let losses = try generatorGradients(batch, fakes: fakes, name: name)
    generatorOptimizer.update(model.generatorArena, learningRate: learningRate)
    return losses
  }

  /// The gradients of a global batch that is one micro-batch, left in the generator's arena on every rank, and the losses.
  package func generatorGradients(_ batch: BatchSlice, fakes: Int, name: String) throws -> GeneratorLosses {
    try generatorLosses(try generatorPart(batch, fakes: fakes), name: name)
  }

  /// A micro-batch's gradients of the global loss, left in the generator's arena on every rank, and this rank's part of the
  /// loss sums.
  func generatorPart(_ batch: BatchSlice, fakes: Int) throws -> GeneratorParts {
    let w = workspace
    takeFakes(fakes)
    keepRoundedHere(w.bothRows)
    defer { forgetRounded() }
    model.critic.classBase(into: w.critic.base, descriptors: descriptors)
    let score = model.critic.generatorLoss(
      w.critic, dFake: w.fakeGradient, fake: w.fake, labels: batch.labels, batchSize: batchSize)
    let (instance, classLevel) = try addEmbeddingGradient(batch)
    try generatorParameterGradients(batch, fakes: fakes)
    return GeneratorParts(score: score, instance: instance, classLevel: classLevel)
  }

  /// The losses of the global batch, once its gradients are in the arena.
  ///
  /// - Throws: `NonFiniteError` on every rank.
  func generatorLosses(_ parts: GeneratorParts, name: String) throws -> GeneratorLosses {
    let bad = ownNonFiniteGradients(model.generatorArena)
    let sums = try communicator.sum([parts.score, parts.instance, parts.classLevel, Double(bad)])
    let b = Double(batchSize)
    var losses = GeneratorLosses(adversarial: -sums[0] / b, instance: sums[1], class: sums[2] / b)
    losses.total =
      losses.adversarial + Double(settings.instanceWeight) * losses.instance + Double(settings.classWeight)
      * losses.class
    try checkFinite(Int(sums[3]), losses: [losses.total], step: name)
    return losses
  }

  private func generatorParameterGradients(_ batch: BatchSlice, fakes: Int) throws {
    let (w, generator) = (workspace, model.generator)
    let ownHidden = w.generatorHidden(fakes)
    if model.embedding == nil { apply(.reluBackward(output: w.fake), to: w.fakeGradient) }
    generator.backward(delta: w.fakeGradient, hidden: ownHidden, dHidden: w.generatorHiddenGradient)
    let outputDelta = try exchange.startColumns(w.fakeGradient, "generator output delta")
    let hidden = try exchange.startRows(ownHidden, "generator hidden")
    let hiddenDelta = try exchange.startColumns(w.generatorHiddenGradient, "generator hidden delta")
    let noise = try exchange.startRows(w.noise(fakes), "generator noise")
    generator.secondGradients(
      units: exchange.units(generator.second.unitCount), delta: try outputDelta.wait(), hidden: try hidden.wait())
    try exchange.startShare(generator.second)
    generator.firstGradients(
      units: exchange.units(generator.first.unitCount), delta: try hiddenDelta.wait(), noise: try noise.wait(),
      labels: batch.globalLabels, descriptors: descriptors, scratch: w.generatorClassDelta)
    try exchange.startShare(generator.first)
    try exchange.finishShares()
  }

  /// Adds to `fakeGradient` what E sends back, and takes it through G's last ReLU; returns the local parts of L_ins (a mean) and of Σ L_cls.
  private func addEmbeddingGradient(_ batch: BatchSlice) throws -> (instance: Double, classLevel: Double) {
    guard let embedding = model.embedding else { return (0, 0) }
    let w = workspace
    let hasProjection = model.projection != nil
    // E moved since the critic step, so real rows are embedded again, in one product with the fakes. With several micro-batches
    // the first pass has done that.
    if hasProjection && microBatches.count == 1 {
      embedding.forward(h: w.embedded, x: w.bothRows)
    } else {
      embedding.forward(h: w.embedded.rows(w.fakeRows), x: w.fake)
    }
    let h = w.embedded.rows(w.fakeRows)
    keepRoundedHere(hasProjection && microBatches.count == 1 ? w.embedded : h)
    if model.sizes.kind == .semantic {
      let sum = semanticLoss(
        into: w.embeddedGradient, embedded: h, descriptors: descriptors, labels: batch.labels,
        negatives: batch.negatives, margin: settings.semanticMargin, weight: settings.classWeight,
        batchSize: batchSize)
      embedding.inputBackward(
        addingTo: w.fakeGradient, delta: w.embeddedGradient, finish: .reluBackward(output: w.fake))
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
      comparator.inputBackward(
        w.comparator, dh: w.embeddedGradient, accumulate: hasProjection, finish: embedding.backward(h: h))
    }
    embedding.inputBackward(
      addingTo: w.fakeGradient, delta: w.embeddedGradient, finish: .reluBackward(output: w.fake))
    return (instance, classLevel)
  }

  /// dh of the fakes through H. The set is [real of all ranks; fake of all ranks] with the labels twice; z of real rows is
  /// constant, yet those rows are anchors and negatives, so their log-sum-exps are needed and their gradients are not.
  private func projectionInputGradient(_ projection: Projection, _ batch: BatchSlice, h: Matrix) throws -> Double {
    guard let contrast else { return 0 }
    let w = workspace
    let (z, norms) = (contrast.rows(.fake, microBatch), w.norms.columns(w.fakeRows))
    var loss = 0.0
    if microBatches.count == 1 {
      projection.forward(
        z: contrast.rows(.real, microBatch), norms: w.norms.columns(w.realRows), h: w.embedded.rows(w.realRows))
    }
    projection.forward(z: z, norms: norms, h: h)
    if microBatches.count == 1 {
      loss = try contrast.evaluate(
        labels: batch.globalLabels, sets: [.real, .fake], weight: settings.instanceWeight)
    }
    projection.backward(
      dh: w.embeddedGradient, dz: contrast.gradient(microBatch), z: z, norms: norms,
      finish: model.comparator == nil ? model.embedding?.backward(h: h) ?? .none : .none)
    return loss
  }
}

/// This rank's parts of a generator step's loss sums.
struct GeneratorParts {
  /// Σ D(x̃, a).
  var score = 0.0
  /// Of a mean already.
  var instance = 0.0
  var classLevel = 0.0

  mutating func add(_ other: GeneratorParts) {
    score += other.score
    instance += other.instance
    classLevel += other.classLevel
  }
}
