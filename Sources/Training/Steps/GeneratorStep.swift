// One update of G (Method.md, "One iteration", 2). N rows of a group; B rows of the global batch.
import Collectives
import Kernels
import Losses
import Matrices
import Networks
import Optimizers

extension HybridStep {
  /// Minimises −mean D(x̃, a) + w_ins·L_ins([z(x); z(x̃)]) + w_cls·L_cls(h(x̃)) over G alone, on the rows of the last critic
  /// batch with fresh noise.
  ///
  /// - Throws: `NonFiniteError` on every rank, before any parameter moves; `CollectiveError`; what the inputs throw.
  package func generatorStep(_ rows: IterationRows, learningRate: Double, name: String) throws -> GeneratorLosses {
    let losses = try generatorGradients(rows, name: name)
    try update(
      generatorParameters, generatorValues, generatorReduction, ["generator.fc1", "generator.fc2"],
      generatorOptimizer.next(learningRate: learningRate))
    return losses
  }

  /// The gradients of the global batch, this rank's units of them, in `generatorReduction.gradients`, and the losses.
  package func generatorGradients(_ rows: IterationRows, name: String) throws -> GeneratorLosses {
    keepParametersRounded()
    try prepareClassTerms()
    let step = rows.criticIterations
    var losses = LossSums(terms: 4, tree: tree)
    var place = 0
    // The set is [real; fake] with the labels twice; z of real rows is constant, yet those rows are anchors and negatives, so their
    // log-sum-exps are needed and their gradients are not.
    try waitForGenerator()
    try startContrast([.real, .fake]) { group in
      let w = workspace(group)
      place = try fakes(rows, step: step, group)
      if !isOneGroup { try rows.fillFeatures(w.real, step: step, group.rows) }
      // E moved since the critic step: real rows are embedded again, in one product with the fakes.
      model.embedding?.forward(h: w.embedded, x: w.bothRows)
      if isOneGroup { keepRoundedHere(w.embedded) }
    }
    try prepareCritic()
    let groups = rankRows.groups
    for group in groups.prefix(1) { place = try criticPart(rows, group, place, &losses) }
    let keptAnchors =
      try contrast?.evaluate(
        labels: rows.allLabels(step), sets: [.real, .fake], weight: settings.instanceWeight, losses: &losses,
        term: GeneratorTerm.instance) ?? 0
    try prepareEmbedding()
    for group in groups {
      if group.index > 0 { place = try criticPart(rows, group, place, &losses) }
      let delta = try embeddingPart(rows, group, &losses)
      try generatorPart(rows, group, place: place, delta)
      model.context.forgetRounded()
    }
    if groups.isEmpty { try generatorReduction.addNothing() }
    let agreed = try agree(generatorReduction, losses) { layer, units in
      guard layer == "generator.fc1" else { return }
      model.generator.finish(generatorReduction.gradients, units: units, descriptors: descriptors)
    }
    return try generatorLosses(agreed.sums, keptAnchors: keptAnchors, nonFinite: agreed.nonFinite, name: name)
  }

  /// The fakes of a group, and their gradient through D; returns their place among those generated ahead.
  private func criticPart(_ rows: IterationRows, _ group: RowGroup, _ place: Int, _ losses: inout LossSums) throws
    -> Int
  {
    let w = workspace(group)
    let step = rows.criticIterations
    let place = contrast == nil || !isOneGroup ? try fakes(rows, step: step, group) : place
    keepRoundedHere(w.fake)
    model.critic.generatorBackward(
      w.critic, base: classes.criticBase, dFake: w.fakeGradient, fake: w.fake, labels: rows.labels(step, group.rows),
      batchSize: batchSize)
    let bias = Double(model.critic.second.bias[0, 0])
    for (i, row) in group.rows.enumerated() {
      losses.add(Double(w.critic.scores[0, i]) + bias, term: GeneratorTerm.score, row: row)
    }
    return place
  }

  /// What D and E send back to the fakes of a group, through G's last ReLU.
  private func embeddingPart(_ rows: IterationRows, _ group: RowGroup, _ losses: inout LossSums) throws -> Delta {
    let w = workspace(group)
    guard let embedding = model.embedding else {
      apply(.reluBackward(output: w.fake), to: w.fakeGradient)
      return Delta(w.fakeGradient)
    }
    let step = rows.criticIterations
    let h = w.embedded.rows(w.fakeRows)
    if contrast == nil || !isOneGroup {
      embedding.forward(h: h, x: w.fake)
      keepRoundedHere(h)
    }
    let labels = rows.labels(step, group.rows)
    var parts: [GradientPart] = []
    if model.sizes.kind == .semantic {
      parts.append(
        rankingPart(labels, rows.negatives(step, group.rows), h, weight: settings.classWeight) { terms in
          for (term, row) in zip(terms, group.rows) { losses.add(term, term: GeneratorTerm.classLevel, row: row) }
        })
    }
    if let contrast, let projection = model.projection {
      let delta = projection.backward(
        dz: contrast.gradient(group.rows), z: contrast.z(.fake, group.rows), norms: contrast.norms(.fake, group.rows))
      parts.append(projection.inputGradient(delta))
    }
    if let comparator = model.comparator {
      comparator.forward(w.comparator, classes.comparator, h: h)
      let scores = classificationLoss(
        w.comparator.scores, labels: labels, temperature: settings.classTemperature, weight: settings.classWeight,
        batchSize: batchSize, losses: w.rowLosses)
      losses.add(w.rowLosses, term: GeneratorTerm.classLevel, rows: group.rows)
      parts.append(comparator.inputGradient(comparator.backward(w.comparator, classes.comparator, scores: scores)))
    }
    return embedding.inputBackward(
      addingTo: w.fakeGradient, delta: embedding.backward(parts, in: w.embeddedGradient, h: h),
      finish: .reluBackward(output: w.fake))
  }

  /// G's backward pass and sums of a group.
  ///
  /// - Parameter delta: N×X, of G's second layer.
  private func generatorPart(_ rows: IterationRows, _ group: RowGroup, place: Int, _ delta: Delta) throws {
    let (w, generator) = (workspace(group), model.generator)
    let hidden = w.generatorHidden(place)
    let labels = rows.labels(rows.criticIterations, group.rows)
    for node in group.nodes {
      generator.secondSums(
        delta: delta.rows(node.rows), hidden: hidden.rows(node.rows), tree: tree, into: generatorReduction.sums(node))
    }
    try generatorReduction.add("generator.fc2", group)
    let hiddenDelta = generator.backward(delta: delta, hidden: hidden, into: w.generatorHiddenGradient)
    for node in group.nodes {
      generator.firstSums(
        delta: hiddenDelta.rows(node.rows), noise: w.noise(place).rows(node.rows),
        labels: Array(labels[node.rows]), tree: tree, into: generatorReduction.sums(node))
    }
    try generatorReduction.add("generator.fc1", group)
  }

  private func generatorLosses(_ sums: [Double], keptAnchors: Int, nonFinite: Int, name: String) throws
    -> GeneratorLosses
  {
    func total(_ term: Int) -> Double { LossSums.total(sums, term: term, tree: tree) }
    let b = Double(batchSize)
    var losses = GeneratorLosses(
      adversarial: -total(GeneratorTerm.score) / b,
      instance: (total(GeneratorTerm.instance) + total(GeneratorTerm.instance + 1)) / Double(max(keptAnchors, 1)),
      class: total(GeneratorTerm.classLevel) / b)
    losses.total =
      losses.adversarial + Double(settings.instanceWeight) * losses.instance + Double(settings.classWeight)
      * losses.class
    try checkFinite(nonFinite, losses: losses.parts, step: name)
    return losses
  }
}

/// Places of a generator step's loss sums; the instance-level loss has one for each set.
private enum GeneratorTerm {
  static let score = 0
  static let classLevel = 1
  static let instance = 2
}
