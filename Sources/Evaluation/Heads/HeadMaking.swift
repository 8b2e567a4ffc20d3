// The part of an evaluation that rank 0 does alone: fit a head, choose its constants if asked, score the test rows.
// N rows, H classifier input, C classes.
import Datasets
import Kernels
import Matrices

/// Rows that a head answers.
struct TestRows {
  let dataset: GZSLDataset
  let task: GZSLTask
  /// Embeddings of the task's rows of seen and of unseen classes, N×H.
  let seen: Matrix
  let unseen: Matrix

  var seenLabels: [Int] { task.seenRows.map { dataset.labels[$0] } }
  var unseenLabels: [Int] { task.unseenRows.map { dataset.labels[$0] } }
  var classCount: Int { dataset.descriptors.rowCount }

  var choiceRows: ChoiceRows {
    ChoiceRows(
      classCount: classCount, seenLabels: seenLabels, unseenLabels: unseenLabels, seenClasses: task.seenClasses,
      unseenClasses: task.unseenClasses)
  }

  /// Runs `body` on all rows, some at a time: which of the output they are, their scaled features and embeddings.
  func each(features: Bool, _ rows: [Int], _ h: Matrix, _ body: (Range<Int>, Matrix?, Matrix) -> Void) {
    for first in stride(from: 0, to: rows.count, by: 1024) {
      let range = first..<min(first + 1024, rows.count)
      var x: Matrix?
      if features {
        let own = Matrix(rows: range.count, columns: dataset.features.featureSize)
        dataset.features.gather(into: own, rows[range])
        x = own
      }
      body(range, x, h.rows(range))
    }
  }

  /// N×C, rows of seen classes or of unseen ones.
  func scores(_ classifiers: FinalClassifiers, ofUnseen: Bool, amongUnseen: Bool, _ context: ProductContext) -> Matrix {
    let (rows, h) = ofUnseen ? (task.unseenRows, unseen) : (task.seenRows, seen)
    let scores = Matrix(rows: rows.count, columns: classCount)
    each(features: classifiers.needsFeatures, rows, h) { range, x, h in
      classifiers.scores(into: scores.rows(range), features: x, h: h, amongUnseen: amongUnseen, context: context)
    }
    return scores
  }

  /// A term's scores of all rows, those of seen classes first.
  func scores(_ term: HeadTerm, _ context: ProductContext) -> [Float] {
    [(task.seenRows, seen), (task.unseenRows, unseen)].flatMap { rows, h in
      let scores = Matrix(rows: rows.count, columns: classCount)
      each(features: term.input == .features, rows, h) { range, x, h in
        term.scores(into: scores.rows(range), x ?? h, context: context)
      }
      return scores.elements
    }
  }

  func score(_ classifiers: FinalClassifiers, _ context: ProductContext) -> ScoredTask {
    func rows(_ ofUnseen: Bool, _ labels: [Int]) -> [ScoredRow] {
      scoredRows(
        scores(classifiers, ofUnseen: ofUnseen, amongUnseen: false, context), labels: labels, seen: task.seenClasses,
        unseen: task.unseenClasses)
    }
    return ScoredTask(seen: rows(false, seenLabels), unseen: rows(true, unseenLabels))
  }
}

/// Makes a head and evaluates it.
struct HeadMaking {
  private let rows: HeadRows
  private let tests: TestRows
  private let settings: ClassifierSettings
  private let source: RandomSource
  /// Of the softmaxes' random draws; the prototypes' are those of the next number.
  private let drawNumber: Int
  private let context: ProductContext
  private let fitting: HeadFitting

  init(
    rows: HeadRows, tests: TestRows, settings: ClassifierSettings, source: RandomSource, iteration: Int,
    context: ProductContext
  ) {
    self.rows = rows
    self.tests = tests
    self.settings = settings
    self.source = source
    self.context = context
    drawNumber = 4 * iteration
    fitting = HeadFitting(
      rows, settings: settings, source: source, drawNumber: 4 * iteration + 2, context: context)
  }

  private struct Softmaxes {
    let generalized: FinalLayer
    let unseenOnly: FinalLayer
    /// Of the generalized one, on the test rows.
    let history: [GeneralizedAccuracy]
  }

  /// - Throws: `NonFiniteClassifier`.
  func evaluate(_ plan: HeadPlan) throws -> Evaluated {
    let softmaxes = plan.parts.contains(.softmax) ? trainSoftmaxes() : nil
    if let softmaxes, !softmaxes.generalized.isFinite || !softmaxes.unseenOnly.isFinite { throw NonFiniteClassifier() }
    var made: [HeadPart: HeadTerm] = [:]
    let constants =
      switch plan {
      case .given(let constants): constants
      case .choosing(let head): choose(head, softmaxes, &made)
      }
    let classifiers = head(constants, softmaxes, made)
    guard classifiers.terms.allSatisfy(\.isFinite) else { throw NonFiniteClassifier() }
    let scored = tests.score(classifiers, context)
    let zslAnswers = highestScores(
      tests.scores(classifiers, ofUnseen: true, amongUnseen: true, context), among: tests.task.unseenClasses)
    let accuracy = scored.accuracy(gamma: nil)
    let isSoftmax = constants.head == .softmax
    let result = EvaluationResult(
      last: accuracy, history: isSoftmax ? softmaxes?.history ?? [accuracy] : [accuracy],
      zsl: PerClassAccuracy(predictions: zslAnswers, labels: tests.unseenLabels).mean,
      seenClasses: scored.seenTable(gamma: nil), unseenClasses: scored.unseenTable(gamma: nil),
      ausuc: scored.ausuc, areasOfUnseenClasses: scored.areasOfUnseenClasses,
      calibrated: scored.calibrated(constants.gamma))
    return Evaluated(test: result, classifiers: classifiers, scored: scored, zslAnswers: zslAnswers)
  }

  private func trainSoftmaxes() -> Softmaxes {
    let training = ClassifierTraining(
      seenClasses: rows.task.seenClasses, unseenClasses: rows.task.unseenClasses, classCount: tests.classCount,
      settings: settings, source: source, context: context)
    let (seenLabels, unseenLabels) = (tests.seenLabels, tests.unseenLabels)
    var history: [GeneralizedAccuracy] = []
    let generalized = training.generalized(
      real: rows.real, labels: rows.labels, synthetic: rows.syntheticUnseen, drawNumber: drawNumber,
      keptEpoch: settings.epochs
    ) { _, predictions in
      history.append(
        GeneralizedAccuracy(
          unseen: PerClassAccuracy(predictions: predictions(tests.unseen), labels: unseenLabels).mean,
          seen: PerClassAccuracy(predictions: predictions(tests.seen), labels: seenLabels).mean))
    }
    let unseenOnly = training.unseenOnly(synthetic: rows.syntheticUnseen, drawNumber: drawNumber + 1)
    return Softmaxes(generalized: generalized, unseenOnly: unseenOnly, history: history)
  }

  // MARK: Choosing

  /// - Parameter made: gets the terms that were made for the choice.
  private func choose(
    _ head: HeadKind, _ softmaxes: Softmaxes?, _ made: inout [HeadPart: HeadTerm]
  ) -> HeadConstants {
    let choiceRows = tests.choiceRows
    let candidates = CandidateScores(fitting, tests, context)
    var parts: [PartScores] = []
    for part in head.candidates {
      if let softmaxes, part == .softmax {
        parts.append(PartScores(part: part, scores: scores(of: softmaxes.generalized)))
        continue
      }
      let constants = candidates.best(part)
      let term = fitting.term(part, constants)
      made[part] = term
      parts.append(PartScores(part: part, constants: constants, scores: tests.scores(term, context)))
    }
    var weights = head == .stacked ? Stacking(choiceRows, parts).weights() : [1]
    // Where no part knows anything, the first answers.
    if !weights.contains(where: { $0 > 0 }) { weights[0] = 1 }
    let gamma = choiceRows.curve(choiceRows.sum(parts, weights)).best.gamma
    let kept = zip(parts, weights).filter { $0.1 > 0 }.map {
      HeadConstants.Part($0.part, weight: $1, $0.constants)
    }
    return HeadConstants(head: head, parts: kept, gamma: gamma)
  }

  private func scores(of layer: FinalLayer) -> [Float] {
    [tests.seen, tests.unseen].flatMap { h in
      let scores = Matrix(rows: h.rowCount, columns: tests.classCount)
      layer.scores(into: scores, h, context: context)
      return scores.elements
    }
  }

  /// - Parameter made: terms that need not be made again.
  private func head(
    _ constants: HeadConstants, _ softmaxes: Softmaxes?, _ made: [HeadPart: HeadTerm]
  ) -> FinalClassifiers {
    let terms = constants.parts.filter { $0.part != .softmax }.map { part in
      (made[part.part] ?? fitting.term(part.part, part.constants)).weighing(part.weight)
    }
    func empty(_ candidates: [Int]) -> FinalLayer {
      FinalLayer(classCount: tests.classCount, inputSize: rows.real.columnCount, candidates: candidates)
    }
    let weight = constants.weight(of: .softmax)
    let generalized = weight.flatMap { softmaxes?.generalized.scaled(by: $0) } ?? empty(rows.candidates)
    // Weights of a sum are for the scores of the softmax with which they were found; the other one's have another size.
    let ofUnseen =
      terms.isEmpty
      ? weight.flatMap { softmaxes?.unseenOnly.scaled(by: $0) } : generalized.among(rows.task.unseenClasses)
    return FinalClassifiers(
      generalized: generalized, unseenOnly: ofUnseen ?? empty(rows.task.unseenClasses),
      epoch: settings.epochs, terms: terms, constants: constants)
  }
}
