// Evaluation of a frozen model: synthetic features for unseen classes, one embedding of everything, the head on rank 0.
// N rows, X feature, A descriptor, H classifier input, C classes.
import Collectives
import Datasets
import Kernels
import Matrices
import Networks

/// The evaluation after an iteration.
package struct Evaluated: Sendable {
  package let test: EvaluationResult
  /// What found the figures of `test`.
  package let classifiers: FinalClassifiers
  /// What it makes of the test rows, in the task's order.
  package let scored: ScoredTask
  /// Answers among unseen classes alone to the rows of unseen classes: T1 counts them.
  package let zslAnswers: [Int]

  package init(
    test: EvaluationResult, classifiers: FinalClassifiers, scored: ScoredTask = ScoredTask(seen: [], unseen: []),
    zslAnswers: [Int] = []
  ) {
    self.test = test
    self.classifiers = classifiers
    self.scored = scored
    self.zslAnswers = zslAnswers
  }
}

/// Where a head's constants come from.
package enum HeadPlan: Sendable, Equatable {
  case given(HeadConstants)
  /// They are chosen on the rows that are evaluated: a validation task.
  case choosing(HeadKind)

  var parts: [HeadPart] {
    switch self {
    case .given(let constants): constants.parts.map(\.part)
    case .choosing(let head): head.candidates
    }
  }
}

/// Synthesises unseen features, embeds everything once, and makes the head on rank 0.
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

  /// On the data set's test rows. Every rank calls it; rank 0 gets what was found, the others nil. A function of the model, the data, the
  /// settings and the iteration: whoever evaluates again gets the same bits.
  ///
  /// - Parameters:
  ///   - iteration: iterations done; it separates the random draws of this evaluation from those of others.
  ///   - plan: has the same parts on every rank.
  /// - Throws: `NonFiniteClassifier`, `CollectiveError`.
  package func run(
    _ dataset: GZSLDataset, iteration: Int, _ plan: HeadPlan = .given(HeadConstants(usual: .softmax))
  ) throws -> Evaluated? {
    let task = dataset.test
    func synthesise(_ classes: [Int], drawNumber: Int) throws -> Matrix {
      try embedder.synthesise(
        classes, perClass: syntheticPerClass, descriptors: dataset.descriptors, source: source, drawNumber: drawNumber)
    }
    let real = try embedder.embed(dataset.features, rows: task.classifierRows)
    let syntheticUnseen = try synthesise(task.unseenClasses, drawNumber: 2 * iteration)
    let syntheticSeen = try synthesise(
      plan.parts.contains(where: \.needsSyntheticSeen) ? task.seenClasses : [], drawNumber: 2 * iteration + 1)
    let seen = try embedder.embed(dataset.features, rows: task.seenRows)
    let unseen = try embedder.embed(dataset.features, rows: task.unseenRows)
    var found: Evaluated?
    try embedder.communicator.onRoot {
      let making = HeadMaking(
        rows: HeadRows(
          dataset: dataset, task: task, real: real, syntheticUnseen: syntheticUnseen, syntheticSeen: syntheticSeen),
        tests: TestRows(dataset: dataset, task: task, seen: seen, unseen: unseen), settings: classifier,
        source: source, iteration: iteration, context: embedder.model.context)
      found = try making.evaluate(plan)
    }
    return found
  }
}
