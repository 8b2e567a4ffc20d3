// A trained model with other classes: only its head is made anew. N rows, H embedding, A descriptor, C classes.
import Collectives
import Datasets
import Evaluation
import Kernels
import Matrices

/// Makes the head of a trained model for a table of classes that may have more, or fewer, than its own.
package struct ModelExtension {
  private let model: TrainedModel
  private let table: ClassTable
  private let settings: ClassifierSettings
  private let keptEpoch: Int
  private let syntheticPerClass: Int
  private let source: RandomSource

  /// With the table, the settings, the kept epoch, the real rows and the seed of the model's own run, the softmaxes have the bits of
  /// its own evaluation.
  ///
  /// - Parameters:
  ///   - table: with one seen and one unseen class at least.
  ///   - keptEpoch: the epoch after which the softmax over all classes is taken, from 1.
  ///   - syntheticPerClass: rows of each unseen class.
  package init(
    _ model: TrainedModel, table: ClassTable, settings: ClassifierSettings, keptEpoch: Int, syntheticPerClass: Int,
    seed: UInt64
  ) {
    precondition(!table.classes(.unseen).isEmpty && !table.classes(.seen).isEmpty)
    self.model = model
    self.table = table
    self.settings = settings
    self.keptEpoch = keptEpoch
    self.syntheticPerClass = syntheticPerClass
    source = RandomSource(seed: seed)
  }

  /// Embeddings of real rows of seen classes.
  package struct RealRows {
    /// N×H.
    package let embeddings: Matrix
    /// N numbers of seen classes of the new table.
    package let labels: [Int]
  }

  /// Embeddings of those training rows of a data set whose classes the new table has.
  package func realRows(of dataset: GZSLDataset) throws -> RealRows {
    let seen = Dictionary(uniqueKeysWithValues: table.classes(.seen).map { (table.names[$0], $0) })
    let kept = dataset.test.classifierRows.compactMap { row in
      seen[dataset.classNames[dataset.labels[row]]].map { (row: row, label: $0) }
    }
    return RealRows(
      embeddings: try embedder.embed(dataset.features, rows: kept.map(\.row)), labels: kept.map(\.label))
  }

  /// - Parameter real: of every seen class of the table; nil: seen classes get synthetic rows too, as many as unseen ones.
  /// - Throws: `NonFiniteClassifier`.
  package func classifiers(real: RealRows?) throws -> FinalClassifiers {
    // As in the evaluation of the model's iteration; rows of seen classes have the draws of its validation classes.
    let drawNumber = 2 * model.iteration
    let (seen, unseen) = (table.classes(.seen), table.classes(.unseen))
    let synthetic = try synthesise(unseen, drawNumber: drawNumber)
    let known =
      try real
      ?? RealRows(
        embeddings: synthesise(seen, drawNumber: drawNumber + 1),
        labels: seen.flatMap { Array(repeating: $0, count: syntheticPerClass) })
    let training = ClassifierTraining(
      seenClasses: seen, unseenClasses: unseen, classCount: table.count, settings: settings, source: source,
      context: model.network.context)
    // The γ of the classes that were there is the best that is known.
    let constants = model.classifier?.classifiers.constants ?? HeadConstants(usual: .softmax)
    let weight = constants.weight(of: .softmax) ?? 1
    let made = FinalClassifiers(
      generalized: training.generalized(
        real: known.embeddings, labels: known.labels, synthetic: synthetic, drawNumber: 2 * drawNumber,
        keptEpoch: keptEpoch
      ).scaled(by: weight),
      unseenOnly: training.unseenOnly(synthetic: synthetic, drawNumber: 2 * drawNumber + 1).scaled(by: weight),
      epoch: keptEpoch, constants: constants)
    guard made.isFinite else { throw NonFiniteClassifier() }
    return made
  }

  /// Any head, with the constants that the model's own has; the softmaxes are those of the other method where the kept epoch is the last.
  ///
  /// - Parameter dataset: what the run was trained on.
  /// - Throws: `ModelError.incomplete`, `NonFiniteClassifier`.
  package func classifiers(of dataset: GZSLDataset) throws -> FinalClassifiers {
    let constants = try model.classifiers().constants
    let evaluation = GZSLEvaluation(
      model: model.network, communicator: SingleProcess(), classifier: settings, syntheticPerClass: syntheticPerClass,
      source: source)
    let rows = dataset.withClasses(
      table.names, descriptors: table.descriptors, seen: table.classes(.seen), unseen: table.classes(.unseen))
    guard let made = try evaluation.run(rows, iteration: model.iteration, .given(constants)) else {
      preconditionFailure("the only rank gets no head")
    }
    return made.classifiers
  }

  private var embedder: FeatureEmbedder { FeatureEmbedder(model: model.network, communicator: SingleProcess()) }

  private func synthesise(_ classes: [Int], drawNumber: Int) throws -> Matrix {
    try embedder.synthesise(
      classes, perClass: syntheticPerClass, descriptors: table.descriptors, source: source, drawNumber: drawNumber)
  }
}
