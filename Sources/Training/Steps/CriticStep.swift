// One update of D, E, H, F (Method.md, "One iteration", 1). N rows of a group; B rows of the global batch.
import Collectives
import Kernels
import Losses
import Matrices
import Networks
import Optimizers

extension HybridStep {
  /// Minimises −V(real, fake) + L_ins(real) + L_cls(real) over D, E, H and F.
  ///
  /// - Parameters:
  ///   - k: of the critic steps, from 0.
  ///   - name: for messages, e.g. "iteration 12, critic step 3".
  /// - Throws: `NonFiniteError` on every rank, before any parameter moves; `CollectiveError`; what the inputs throw.
  package func criticStep(_ rows: IterationRows, _ k: Int, learningRate: Double, name: String) throws -> CriticLosses {
    let losses = try criticGradients(rows, k, name: name)
    accumulateComparatorGradient()
    try update(
      criticParameters, criticValues, criticReduction,
      ["embedding.fc", "projection.fc", "critic.fc1", "comparator.fc1"],
      criticOptimizer.next(learningRate: learningRate))
    return losses
  }

  /// The gradients of the global batch, this rank's units of them, in `criticReduction.gradients`, and the losses.
  package func criticGradients(_ rows: IterationRows, _ k: Int, name: String) throws -> CriticLosses {
    keepParametersRounded()
    try prepareClassTerms()
    var losses = LossSums(terms: 4, tree: tree)
    // z of all own rows travels while D is computed.
    try startContrast([.real]) { group in
      let w = workspace(group)
      try rows.fillFeatures(w.real, step: k, group.rows)
      embed(w)
    }
    try prepareCritic()
    let groups = rankRows.groups
    for group in groups.prefix(1) { try criticPart(rows, k, group, &losses) }
    let keptAnchors =
      try contrast?.evaluate(
        labels: rows.allLabels(k), sets: [.real], weight: 1, losses: &losses, term: CriticTerm.instance) ?? 0
    try prepareEmbedding()
    for group in groups {
      if group.index > 0 { try criticPart(rows, k, group, &losses) }
      try embeddingPart(rows, k, group, &losses)
      model.context.forgetRounded()
    }
    if groups.isEmpty { try criticReduction.addNothing() }
    let agreed = try agree(criticReduction, losses, finishCriticGroup)
    return try criticLosses(agreed.sums, keptAnchors: keptAnchors, nonFinite: agreed.nonFinite, name: name)
  }

  /// D's backward pass and sums of a group.
  private func criticPart(_ rows: IterationRows, _ k: Int, _ group: RowGroup, _ losses: inout LossSums) throws {
    let w = workspace(group)
    try fakes(rows, step: k, group)
    if contrast == nil || !isOneGroup { try rows.fillFeatures(w.real, step: k, group.rows) }
    try rows.inputs.fillInterpolation(w.alpha, k, rows: group.rows)
    keepRoundedHere(w.bothRows)
    let labels = rows.labels(k, group.rows)
    model.critic.forward(w.critic, base: classes.criticBase, labels: labels, alpha: w.alpha)
    let penalty = adversarial.penaltyGradient(
      model.critic.interpolateGradient(w.critic), deviations: w.critic.deviations)
    for (i, row) in group.rows.enumerated() {
      losses.add(adversarial.wasserstein(w.critic.scores, row: i), term: CriticTerm.wasserstein, row: row)
    }
    losses.add(w.critic.deviations, term: CriticTerm.penalty, rows: group.rows)
    for node in group.nodes {
      model.critic.sums(
        w.critic, penalty: penalty, rows: node.rows, labels: Array(labels[node.rows]), tree: tree,
        into: criticReduction.sums(node))
    }
    try criticReduction.add("critic.fc1", group)
  }

  /// E, H and F of a group, whose z has its gradient already.
  private func embeddingPart(_ rows: IterationRows, _ k: Int, _ group: RowGroup, _ losses: inout LossSums) throws {
    guard let embedding = model.embedding else { return }
    let w = workspace(group)
    let h = w.embedded.rows(w.realRows)
    if contrast == nil || !isOneGroup { embed(w) }
    keepRoundedHere(h)
    let labels = rows.labels(k, group.rows)
    var parts: [GradientPart] = []
    if model.sizes.kind == .semantic {
      parts.append(
        rankingPart(labels, rows.negatives(k, group.rows), h, weight: 1) { terms in
          for (term, row) in zip(terms, group.rows) { losses.add(term, term: CriticTerm.classLevel, row: row) }
        })
    }
    var ofProjection: Delta?
    if let contrast, let projection = model.projection {
      let delta = projection.backward(
        dz: contrast.gradient(group.rows), z: contrast.z(.real, group.rows), norms: contrast.norms(.real, group.rows))
      parts.append(projection.inputGradient(delta))
      ofProjection = delta
    }
    var ofComparator: Delta?
    if let comparator = model.comparator {
      comparator.forward(w.comparator, classes.comparator, h: h)
      let scores = classificationLoss(
        w.comparator.scores, labels: labels, temperature: settings.classTemperature, weight: 1, batchSize: batchSize,
        losses: w.rowLosses)
      losses.add(w.rowLosses, term: CriticTerm.classLevel, rows: group.rows)
      let delta = comparator.backward(
        w.comparator, classes.comparator, scores: scores, tree: tree,
        nodes: group.nodes.map { ($0.rows, criticReduction.sums($0)) })
      parts.append(comparator.inputGradient(delta))
      ofComparator = delta
    }
    let delta = embedding.backward(parts, in: w.embeddedGradient, h: h)
    try addSums("embedding.fc", group) {
      embedding.sums(delta: delta.rows($0), x: w.real.rows($0), tree: tree, into: $1)
    }
    try addSums("comparator.fc1", group) { rows, sums in
      guard let ofComparator else { return }
      model.comparator?.sums(delta: ofComparator.rows(rows), h: h.rows(rows), tree: tree, into: sums)
    }
    guard let ofProjection else { return }
    try addSums("projection.fc", group) { rows, sums in
      model.projection?.sums(delta: ofProjection.rows(rows), h: h.rows(rows), tree: tree, into: sums)
    }
  }

  /// A layer's sums over each node of a group; they begin to travel.
  private func addSums(_ layer: String, _ group: RowGroup, _ sums: (Range<Int>, NamedMatrices) -> Void) throws {
    for node in group.nodes { sums(node.rows, criticReduction.sums(node)) }
    try criticReduction.add(layer, group)
  }

  private func finishCriticGroup(_ layer: String, _ units: Range<Int>) {
    switch layer {
    case "critic.fc1":
      model.critic.finish(
        criticReduction.gradients, units: units, base: classes.criticBase, descriptors: descriptors,
        batchSize: batchSize)
    case "comparator.fc1":
      model.comparator?.finish(
        criticReduction.gradients, units: units, classes.comparator, descriptors: descriptors)
    default: break
    }
  }

  private func criticLosses(_ sums: [Double], keptAnchors: Int, nonFinite: Int, name: String) throws -> CriticLosses {
    func total(_ term: Int) -> Double { LossSums.total(sums, term: term, tree: tree) }
    let b = Double(batchSize)
    let (wasserstein, penalty) = adversarial.means(
      wasserstein: total(CriticTerm.wasserstein), deviations: total(CriticTerm.penalty))
    let losses = CriticLosses(
      wasserstein: wasserstein, penalty: penalty,
      instance: total(CriticTerm.instance) / Double(max(keptAnchors, 1)), class: total(CriticTerm.classLevel) / b)
    try checkFinite(nonFinite, losses: losses.parts, step: name)
    return losses
  }

  private var adversarial: AdversarialLoss {
    AdversarialLoss(penaltyWeight: settings.gradientPenaltyWeight, batchSize: batchSize)
  }

  // MARK: Shared with the generator step

  /// L_ins sees all rows: z of all own rows of the sets, group by group, begins to travel.
  ///
  /// - Parameter embed: fills h of a group's rows.
  func startContrast(_ sets: [InstanceContrast.RowSet], _ embed: (RowGroup) throws -> Void) throws {
    guard let contrast, let projection = model.projection else { return }
    try wait("embedding.fc", "projection.fc")
    for group in rankRows.groups {
      try embed(group)
      let w = workspace(group)
      for set in sets {
        projection.forward(
          z: contrast.z(set, group.rows), norms: contrast.norms(set, group.rows),
          h: w.embedded.rows(set == .real ? w.realRows : w.fakeRows))
      }
    }
    try contrast.start(sets)
  }

  /// D's parameters are there; and G's, of which the fakes are made.
  func prepareCritic() throws {
    try wait("critic.fc1")
    try waitForGenerator()
  }

  /// The rest of the parameters is there, and F's class part.
  func prepareEmbedding() throws {
    try wait("embedding.fc", "comparator.fc1")
    model.comparator?.prepare(classes.comparator)
  }

  /// The semantic baseline's part of the gradient of h.
  ///
  /// - Parameter tell: gets the loss of each row.
  func rankingPart(
    _ labels: [Int], _ negatives: [Int], _ h: Matrix, weight: Float, _ tell: ([Double]) -> Void
  ) -> GradientPart {
    let ranking = RankingLoss(margin: settings.semanticMargin, weight: weight, batchSize: batchSize)
    let terms = ranking.terms(embedded: h, descriptors: descriptors, labels: labels, negatives: negatives)
    tell(terms)
    return GradientPart { [descriptors] sum, accumulate, finish in
      ranking.gradient(
        into: sum, accumulate: accumulate, terms: terms, descriptors: descriptors, labels: labels, negatives: negatives)
      apply(finish, to: sum)
    }
  }

  /// h of the real rows.
  private func embed(_ w: StepWorkspace) {
    model.embedding?.forward(h: w.embedded.rows(w.realRows), x: w.real)
  }

  // MARK: The authors' quirk

  /// F steps on the sum of its gradients since the epoch began.
  private func accumulateComparatorGradient() {
    guard let accumulation = comparatorAccumulation else { return }
    for shape in model.criticArena.shapes where shape.name.hasPrefix("comparator.") {
      let gradient = shape.part(criticReduction.gradients[shape.name], units: criticParameters.units(shape))
      addNodes([accumulation[shape.name], gradient], merges: [0, 1], into: [accumulation[shape.name]])
      gradient.copy(from: accumulation[shape.name])
    }
  }

  /// Clears what `accumulatesComparatorGradient` has gathered; called when an epoch begins.
  package func beginEpoch() {
    guard let accumulation = comparatorAccumulation else { return }
    for shape in accumulation.layout.shapes { accumulation[shape.name].fill(0) }
  }
}

/// Places of a critic step's loss sums.
private enum CriticTerm {
  static let wasserstein = 0
  static let penalty = 1
  static let classLevel = 2
  static let instance = 3
}
