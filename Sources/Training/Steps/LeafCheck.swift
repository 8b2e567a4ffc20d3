// Whether all hosts compute the same. Bits do not depend on the host, so that every rank can compute the sums of one and the same leaf of
// the batch for itself: whoever comes to other bits than most has faulty hardware, or other libraries. N rows of the leaf, B of the batch.
import Collectives
import Files
import Kernels
import Losses
import Matrices
import Networks

/// Some ranks compute other bits than the rest, or hold other ones.
package struct RankFault: SharedFailure, Equatable {
  package let subject: String
  /// Ranks with their hosts. Those in the minority are at fault; where there is no majority, nobody can tell, and all stand here.
  package let suspects: [String]
  package let hasMajority: Bool
  package let iteration: Int

  package var exitStatus: ExitStatus { .ranksDiverged }
  package var description: String {
    let who = suspects.joined(separator: ", ")
    return "The ranks differ in \(subject) after iteration \(iteration). "
      + (hasMajority
        ? "At fault: \(who), all others agree. " : "One of these is at fault: \(who); more ranks would tell which. ")
      + "That host's memory or processor is faulty, or it has other libraries; 'cegzsl doctor' compares them. Nothing was saved since the "
      + "last checkpoint: resume from it without that host."
  }
}

extension HybridStep {
  /// What every rank must find alike between two iterations.
  ///
  /// - Parameters:
  ///   - rows: of the next iteration.
  ///   - leaf: of its first batch; any number.
  ///   - iteration: iterations done.
  /// - Throws: `RankFault` with status 70 on every rank; `CollectiveError`; what the inputs throw. Every rank calls it.
  package func requireEqualArithmetic(_ rows: IterationRows, leaf: Int, iteration: Int) throws {
    guard communicator.rankCount > 1 else { return }
    try requireEqualReplicas(iteration: iteration)
    // What bfloat16 gives may depend on the processor.
    guard model.context.precision == .float32 else { return }
    try requireEqual(
      try leafDigest(rows, leaf: leaf), subject: "the sums of the same \(leafRowCount) rows", iteration: iteration)
  }

  /// - Throws: `RankFault` with status 70 on every rank when the replicas are no longer equal; `CollectiveError`. Every rank calls it.
  package func requireEqualReplicas(iteration: Int) throws {
    guard communicator.rankCount > 1 else { return }
    try waitForParameters()
    try requireEqual(sharedDigest.hexadecimal(), subject: "their parameters", iteration: iteration)
  }

  private func requireEqual(_ digest: String, subject: String, iteration: Int) throws {
    let own = "\(digest) \(hostName())"
    let all = try communicator.gather(Array(own.utf8)).map {
      String(decoding: $0, as: UTF8.self).split(separator: " ", maxSplits: 1).map(String.init)
    }
    let ranksOf = Dictionary(grouping: all.indices) { all[$0].first ?? "" }
    guard ranksOf.count > 1 else { return }
    let most = ranksOf.values.map(\.count).max() ?? 0
    let hasMajority = 2 * most > all.count
    let suspects = all.indices.filter { rank in !hasMajority || ranksOf[all[rank].first ?? ""]?.count != most }
    throw RankFault(
      subject: subject, suspects: suspects.map { "rank \($0) on \(all[$0].last ?? "?")" }, hasMajority: hasMajority,
      iteration: iteration)
  }

  /// N.
  var leafRowCount: Int { min(tree.leafRows, tree.rowCount) }

  /// SHA-256 of the sums that D, E, H and F make of one leaf's rows, contrasted with each other alone, and of those rows' fakes. They are
  /// computed where the step's own are: nothing of a step may be under way, and what is left of the last one is lost.
  ///
  /// - Throws: `CollectiveError`; what the inputs throw. Every rank calls it.
  package func leafDigest(_ rows: IterationRows, leaf: Int) throws -> String {
    try prepareClassTerms()
    try waitForParameters()
    let count = leafRowCount
    let first = leaf % max(1, tree.rowCount / count) * count
    let range = first..<first + count
    let (w, sums, alone) = (
      workspace(rowCount: count), criticReduction.gradients, BatchTree(rowCount: count, leafRows: count)
    )
    let labels = rows.labels(0, range)
    try rows.fillFeatures(w.real, step: 0, range)
    try rows.fillNoise(w.noise(0), step: 0, range)
    try rows.inputs.fillInterpolation(w.alpha, 0, rows: range)
    model.generator.forward(
      output: w.fake, hidden: w.generatorHidden(0), noise: w.noise(0), base: classes.generatorBase, labels: labels)
    model.critic.forward(w.critic, base: classes.criticBase, labels: labels, alpha: w.alpha)
    let penalty = AdversarialLoss(penaltyWeight: settings.gradientPenaltyWeight, batchSize: count).penaltyGradient(
      model.critic.interpolateGradient(w.critic), deviations: w.critic.deviations)
    model.critic.sums(w.critic, penalty: penalty, rows: 0..<count, labels: labels, tree: alone, into: sums)
    try embeddingSums(rows, range, w, alone, into: sums)
    model.context.forgetRounded()
    var digest = Digest()
    digest.add(w.fake)
    for layer in criticReduction.layers {
      for block in layer.blocks { digest.add(block.matrix(sums, units: 0..<layer.unitCount)) }
    }
    return digest.hexadecimal()
  }

  private func embeddingSums(
    _ rows: IterationRows, _ range: Range<Int>, _ w: StepWorkspace, _ alone: BatchTree, into sums: NamedMatrices
  ) throws {
    guard let embedding = model.embedding else { return }
    let (labels, h, count) = (rows.labels(0, range), w.embedded.rows(w.realRows), range.count)
    embedding.forward(h: h, x: w.real)
    var parts: [GradientPart] = []
    if model.sizes.kind == .semantic {
      parts.append(rankingPart(labels, rows.negatives(0, range), h, weight: 1) { _ in })
    }
    if let projection = model.projection {
      let (z, norms) = (Matrix(rows: count, columns: model.sizes.projection), Matrix(rows: 1, columns: count))
      projection.forward(z: z, norms: norms, h: h)
      let delta = projection.backward(dz: contrastGradient(z, labels: labels), z: z, norms: norms)
      parts.append(projection.inputGradient(delta))
      projection.sums(delta: delta, h: h, tree: alone, into: sums)
    }
    if let comparator = model.comparator {
      comparator.prepare(classes.comparator)
      comparator.forward(w.comparator, classes.comparator, h: h)
      let scores = classificationLoss(
        w.comparator.scores, labels: labels, temperature: settings.classTemperature, weight: 1, batchSize: count,
        losses: w.rowLosses)
      let delta = comparator.backward(
        w.comparator, classes.comparator, scores: scores, tree: alone, nodes: [(0..<count, sums)])
      parts.append(comparator.inputGradient(delta))
      comparator.sums(delta: delta, h: h, tree: alone, into: sums)
    }
    let delta = embedding.backward(parts, in: w.embeddedGradient, h: h)
    embedding.sums(delta: delta, x: w.real, tree: alone, into: sums)
  }

  /// The gradient of L_ins over these rows alone.
  private func contrastGradient(_ z: Matrix, labels: [Int]) -> Matrix {
    let loss = ContrastiveLoss(temperature: settings.instanceTemperature, context: model.context)
    let (anchors, all) = (ContrastiveAnchors(labels: labels), ContrastRows(z, firstIndex: 0))
    var sums = [AnchorSums](repeating: loss.emptySums, count: labels.count)
    loss.addSums(&sums, rows: all, block: all, anchors: anchors)
    let gradient = Matrix(rows: z.rowCount, columns: z.columnCount)
    loss.addGradient(
      into: gradient, rows: all, block: all, anchors: anchors,
      logSumExps: sums.enumerated().map { loss.logSumExp($1, index: $0, anchors: anchors).logSumExp }, weight: 1)
    return gradient
  }
}
