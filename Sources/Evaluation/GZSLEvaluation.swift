import Collectives
import Datasets
import Kernels
import Matrices
import Networks

/// What an evaluation found. Fractions in 0...1.
package struct EvaluationResult: Sendable, Codable, Equatable {
  /// After the classifier's last epoch: nothing was selected.
  package let last: GeneralizedAccuracy
  /// After every classifier epoch.
  package let history: [GeneralizedAccuracy]
  /// Conventional zero-shot learning (T1): unseen rows, unseen candidates.
  package let zsl: Double
  package let seenClasses: PerClassAccuracy
  package let unseenClasses: PerClassAccuracy

  package init(
    last: GeneralizedAccuracy, history: [GeneralizedAccuracy], zsl: Double, seenClasses: PerClassAccuracy,
    unseenClasses: PerClassAccuracy
  ) {
    self.last = last
    self.history = history
    self.zsl = zsl
    self.seenClasses = seenClasses
    self.unseenClasses = unseenClasses
  }

  /// The classifier epoch with the highest H, counted from 1. On test rows this is what papers print; on validation rows
  /// it is a legitimate choice.
  package var bestEpoch: Int {
    (history.indices.max { (history[$0].harmonic, $1) < (history[$1].harmonic, $0) } ?? 0) + 1
  }
  package var best: GeneralizedAccuracy { history.isEmpty ? last : history[bestEpoch - 1] }
}

/// Synthesises unseen features, embeds everything once, and trains the final softmax on rank 0.
package struct GZSLEvaluation {
  package let embedder: FeatureEmbedder
  package let classifier: ClassifierSettings
  /// Synthetic features per unseen class.
  package let syntheticPerClass: Int
  package let source: RandomSource

  package init(
    model: HybridModel, communicator: any Communicator, classifier: ClassifierSettings, syntheticPerClass: Int,
    source: RandomSource
  ) {
    embedder = FeatureEmbedder(model: model, communicator: communicator)
    self.classifier = classifier
    self.syntheticPerClass = syntheticPerClass
    self.source = source
  }

  /// Every rank calls this; rank 0 gets the result, the others nil.
  ///
  /// - Parameters:
  ///   - labels: class index per row of `features`.
  ///   - descriptors: C×A.
  ///   - drawNumber: separates the random draws of this evaluation from those of others; below 2¹⁵.
  package func run(_ task: GZSLTask, features: FeatureTable, labels: [Int], descriptors: Matrix, drawNumber: Int) throws
    -> EvaluationResult?
  {
    let real = try embedder.embed(features, rows: task.classifierRows)
    let synthetic = try embedder.synthesise(
      task.unseenClasses, perClass: syntheticPerClass, descriptors: descriptors, source: source,
      drawNumber: drawNumber)
    let seen = try embedder.embed(features, rows: task.seenRows)
    let unseen = try embedder.embed(features, rows: task.unseenRows)
    guard embedder.communicator.isRoot else { return nil }

    let candidates = (task.seenClasses + task.unseenClasses).sorted()
    let place = Dictionary(uniqueKeysWithValues: candidates.enumerated().map { ($1, $0) })
    let syntheticLabels = task.unseenClasses.flatMap { Array(repeating: $0, count: syntheticPerClass) }
    let trainingLabels = task.classifierRows.map { labels[$0] } + syntheticLabels
    let (seenLabels, unseenLabels) = (task.seenRows.map { labels[$0] }, task.unseenRows.map { labels[$0] })
    let training = Matrix(rows: trainingLabels.count, columns: real.columnCount)
    training.rows(0..<real.rowCount).copy(from: real)
    training.rows(real.rowCount..<training.rowCount).copy(from: synthetic)

    var history: [GeneralizedAccuracy] = []
    var tables = (
      seen: PerClassAccuracy(predictions: [], labels: []), unseen: PerClassAccuracy(predictions: [], labels: [])
    )
    let softmax = SoftmaxClassifier(
      inputSize: training.columnCount, classCount: candidates.count, source: source, drawNumber: 2 * drawNumber,
      context: embedder.model.context.float32)
    softmax.train(x: training, labels: trainingLabels.map { place[$0] ?? 0 }, settings: classifier) { _ in
      tables.seen = PerClassAccuracy(
        predictions: softmax.predictions(seen).map { candidates[$0] }, labels: seenLabels)
      tables.unseen = PerClassAccuracy(
        predictions: softmax.predictions(unseen).map { candidates[$0] }, labels: unseenLabels)
      history.append(GeneralizedAccuracy(unseen: tables.unseen.mean, seen: tables.seen.mean))
    }
    return EvaluationResult(
      last: history.last ?? GeneralizedAccuracy(unseen: 0, seen: 0), history: history,
      zsl: conventional(
        task.unseenClasses.map { place[$0] ?? 0 }, candidates: candidates, synthetic: synthetic, unseen: unseen,
        labels: unseenLabels, drawNumber: drawNumber),
      seenClasses: tables.seen, unseenClasses: tables.unseen)
  }

  /// T1: a softmax of its own, trained on unseen classes only, four times the epochs (the authors' 100 instead of 25). The layer
  /// has all candidates, as the reference protocol has it: the classes without rows take up probability in the first epochs,
  /// which is worth about 0.4 points over a layer of the unseen classes alone (five draws for each of three models on debtags).
  private func conventional(
    _ unseenPlaces: [Int], candidates: [Int], synthetic: Matrix, unseen: Matrix, labels: [Int], drawNumber: Int
  ) -> Double {
    var settings = classifier
    settings.epochs *= 4
    let softmax = SoftmaxClassifier(
      inputSize: synthetic.columnCount, classCount: candidates.count, source: source, drawNumber: 2 * drawNumber + 1,
      context: embedder.model.context.float32)
    let targets = unseenPlaces.flatMap { Array(repeating: $0, count: syntheticPerClass) }
    softmax.train(x: synthetic, labels: targets, settings: settings)
    let predictions = softmax.predictions(unseen, among: unseenPlaces).map { candidates[$0] }
    return PerClassAccuracy(predictions: predictions, labels: labels).mean
  }
}
