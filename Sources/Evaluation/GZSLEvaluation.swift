// Evaluation of a frozen model: synthetic features for unseen classes, one embedding of everything, final softmaxes on rank 0.
// N rows, X feature, A descriptor, H classifier input, C classes.
import Collectives
import Datasets
import Kernels
import Matrices
import Networks

/// The evaluation after an iteration.
package struct Evaluated: Sendable {
  package let test: EvaluationResult
  /// Of a data set that holds validation rows out.
  package let validation: EvaluationResult?
  /// What found the figures of `test`.
  package let classifiers: FinalClassifiers

  package init(test: EvaluationResult, validation: EvaluationResult?, classifiers: FinalClassifiers) {
    self.test = test
    self.validation = validation
    self.classifiers = classifiers
  }

  /// U, S and H of `classifiers`.
  package var accuracy: GeneralizedAccuracy { test.history[classifiers.epoch - 1] }
}

/// Synthesises unseen features, embeds everything once, and trains the final softmaxes on rank 0.
package struct GZSLEvaluation {
  private let embedder: FeatureEmbedder
  private let classifier: ClassifierSettings
  private let syntheticPerClass: Int
  private let source: RandomSource

  /// - Parameters:
  ///   - classifier: epochs are 1 or more.
  ///   - syntheticPerClass: synthetic features per unseen class.
  package init(
    model: HybridModel, communicator: any Communicator, classifier: ClassifierSettings, syntheticPerClass: Int,
    source: RandomSource
  ) {
    embedder = FeatureEmbedder(model: model, communicator: communicator)
    self.classifier = classifier
    self.syntheticPerClass = syntheticPerClass
    self.source = source
  }

  /// On the test rows and, where the data set holds them out, on the validation rows. Every rank calls it; rank 0 gets what was found,
  /// the others nil. A function of the model, the data, the settings and the iteration: whoever evaluates again gets the same bits.
  ///
  /// - Parameter iteration: iterations done; it separates the random draws of this evaluation from those of others.
  /// - Throws: `NonFiniteClassifier`, `CollectiveError`.
  package func run(_ dataset: GZSLDataset, iteration: Int) throws -> Evaluated? {
    // Validation rows say which of the test classifier's epochs counts.
    let validation = try dataset.validation.flatMap {
      try run($0, of: dataset, drawNumber: 2 * iteration + 1, keptEpoch: nil)?.result
    }
    let test = try run(dataset.test, of: dataset, drawNumber: 2 * iteration, keptEpoch: validation?.bestEpoch)
    return test.map { Evaluated(test: $0.result, validation: validation, classifiers: $0.classifiers) }
  }

  /// - Parameter keptEpoch: the classifier epoch that counts, from 1; nil: the last.
  private func run(_ task: GZSLTask, of dataset: GZSLDataset, drawNumber: Int, keptEpoch: Int?) throws
    -> (result: EvaluationResult, classifiers: FinalClassifiers)?
  {
    let real = try embedder.embed(dataset.features, rows: task.classifierRows)
    let synthetic = try embedder.synthesise(
      task.unseenClasses, perClass: syntheticPerClass, descriptors: dataset.descriptors, source: source,
      drawNumber: drawNumber)
    let seen = try embedder.embed(dataset.features, rows: task.seenRows)
    let unseen = try embedder.embed(dataset.features, rows: task.unseenRows)
    var found: (result: EvaluationResult, classifiers: FinalClassifiers)?
    try embedder.communicator.onRoot {
      found = try classify(
        task, labels: dataset.labels, classCount: dataset.descriptors.rowCount,
        rows: EmbeddedRows(real: real, synthetic: synthetic, seen: seen, unseen: unseen), drawNumber: drawNumber,
        keptEpoch: keptEpoch)
    }
    return found
  }

  /// What the classifier sees of a task's rows.
  private struct EmbeddedRows {
    let real: Matrix
    let synthetic: Matrix
    let seen: Matrix
    let unseen: Matrix
  }

  /// Trains the softmaxes and counts what they answer; on rank 0.
  ///
  /// - Parameters:
  ///   - labels: of all rows of the data set.
  ///   - classCount: of the data set.
  /// - Throws: `NonFiniteClassifier`.
  private func classify(
    _ task: GZSLTask, labels: [Int], classCount: Int, rows: EmbeddedRows, drawNumber: Int, keptEpoch: Int?
  ) throws -> (result: EvaluationResult, classifiers: FinalClassifiers) {
    let context = embedder.model.context
    func ofRows(_ rows: [Int]) -> [Int] { rows.map { labels[$0] } }
    let training = ClassifierTraining(
      seenClasses: task.seenClasses, unseenClasses: task.unseenClasses, classCount: classCount,
      settings: classifier, source: source, context: context)
    let (seenLabels, unseenLabels) = (ofRows(task.seenRows), ofRows(task.unseenRows))
    var history: [GeneralizedAccuracy] = []
    var tables = (seen: PerClassAccuracy.none, unseen: PerClassAccuracy.none)
    let counted = keptEpoch ?? classifier.epochs
    let generalized = training.generalized(
      real: rows.real, labels: ofRows(task.classifierRows), synthetic: rows.synthetic, drawNumber: 2 * drawNumber,
      keptEpoch: counted
    ) { epoch, predictions in
      let found = (
        seen: PerClassAccuracy(predictions: predictions(rows.seen), labels: seenLabels),
        unseen: PerClassAccuracy(predictions: predictions(rows.unseen), labels: unseenLabels)
      )
      history.append(GeneralizedAccuracy(unseen: found.unseen.mean, seen: found.seen.mean))
      if epoch == counted { tables = found }
    }
    let unseenOnly = training.unseenOnly(synthetic: rows.synthetic, drawNumber: 2 * drawNumber + 1)
    guard generalized.isFinite && unseenOnly.isFinite else { throw NonFiniteClassifier() }
    let zsl = PerClassAccuracy(
      predictions: unseenOnly.predictions(rows.unseen, context: context), labels: unseenLabels
    ).mean
    let result = EvaluationResult(
      last: history[history.count - 1], history: history, zsl: zsl, seenClasses: tables.seen,
      unseenClasses: tables.unseen)
    return (result, FinalClassifiers(generalized: generalized, unseenOnly: unseenOnly, epoch: counted))
  }
}
