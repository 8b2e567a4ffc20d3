// What is reached without any network: bounds that everyone should know who reads a figure. N rows, X feature, A descriptor, C classes.
import Datasets
import Kernels
import Matrices

/// Figures of exact methods on a data set's test rows; constants and γ are chosen on the rows and classes that can be held out of its training
/// rows. Fractions in 0...1.
package struct Baselines: Sendable, Encodable, Equatable {
  /// Of a method with a constant of its own.
  package struct Figures: Sendable, Encodable, Equatable {
    package let reached: EvaluationFigures
    package let constants: TermConstants
    /// γ of ESZSL, the features' penalty beside λ, the descriptors'; nil for the others.
    package let featurePenalty: Double?

    private enum CodingKeys: String, CodingKey { case featurePenalty = "feature_gamma" }

    init(_ scored: ScoredTask, _ constants: TermConstants, featurePenalty: Double? = nil, gamma: Double?) {
      reached = EvaluationFigures(
        scored.accuracy(gamma: nil), zsl: scored.zsl, ausuc: scored.ausuc, calibrated: scored.calibrated(gamma))
      self.constants = constants
      self.featurePenalty = featurePenalty
    }

    /// All side by side.
    package func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encodeIfPresent(featurePenalty, forKey: .featurePenalty)
      try reached.encode(to: encoder)
      try constants.encode(to: encoder)
    }
  }

  /// Ridge regression of class means on descriptors, by cosine: the head `ridge`.
  package let ridge: Figures
  /// Gaussian classes with one covariance, their means by kernel ridge regression: the head `gaussian`.
  package let gaussian: Figures
  /// Romera-Paredes and Torr, *An embarrassingly simple approach to zero-shot learning*, ICML 2015.
  package let eszsl: Figures?
  /// Rows of seen classes, seen candidates, by cosine with the class means: what S cannot be expected to exceed by far. nil without rows.
  package let nearestMeanSeen: Double?
  /// With which the heads `ridge` and `gaussian` have these figures: validation chooses them without any network.
  package let headConstants: [HeadKind: HeadConstants]

  enum CodingKeys: String, CodingKey {
    case ridge, gaussian, eszsl
    case nearestMeanSeen = "nearest_mean_seen"
  }

  /// Computes them.
  ///
  /// - Parameters:
  ///   - withESZSL: X×X and A×A systems of equations, which are the dearest part.
  ///   - context: of the products, which are in float32; sums are in Double.
  package init(_ dataset: GZSLDataset, withESZSL: Bool, context: ProductContext) {
    let whole = ExactMethods(dataset, dataset.test, context)
    let held = dataset.heldOut.task.map { ExactMethods(dataset, $0, context) }
    var headConstants: [HeadKind: HeadConstants] = [:]
    func figures(_ head: HeadKind, _ part: HeadPart) -> Figures {
      // Without validation the constants are the usual ones.
      let constants = held?.candidates.best(part) ?? part.usual
      let gamma = held.map { $0.gamma($0.scores(part, constants)) }
      headConstants[head] = HeadConstants(head: head, parts: [HeadConstants.Part(part, constants)], gamma: gamma)
      return Figures(whole.task(whole.scores(part, constants)), constants, gamma: gamma)
    }
    ridge = figures(.ridge, .ridgeFeatures)
    gaussian = figures(.gaussian, .gaussianFeatures)
    self.headConstants = headConstants
    nearestMeanSeen = whole.nearestMeanSeen()
    eszsl = withESZSL ? Self.eszsl(whole, held) : nil
  }

  private static func eszsl(_ whole: ExactMethods, _ held: ExactMethods?) -> Figures {
    let penalties: [ESZSL.Penalties] = [0.01, 0.1, 1, 10].flatMap { features in
      [0.01, 0.1, 1, 10].map { ESZSL.Penalties(features: features, descriptors: $0) }
    }
    func scores(_ methods: ExactMethods, _ penalties: ESZSL.Penalties) -> [Float] {
      methods.scores(methods.eszsl.map(penalties).rounded)
    }
    let penalty =
      held.map { held in held.choiceRows.best(penalties) { scores(held, $0) } }
      ?? ESZSL.Penalties(features: 1, descriptors: 1)
    return Figures(
      whole.task(scores(whole, penalty)), TermConstants(penalty: penalty.descriptors),
      featurePenalty: penalty.features, gamma: held.map { $0.gamma(scores($0, penalty)) })
  }
}

/// Methods that have no parameters to train, on one task.
private final class ExactMethods {
  private let rows: HeadRows
  private let tests: TestRows
  private let context: ProductContext
  private let fitting: HeadFitting

  init(_ dataset: GZSLDataset, _ task: GZSLTask, _ context: ProductContext) {
    let none = Matrix(rows: 0, columns: 1)
    rows = HeadRows(dataset: dataset, task: task, real: none, syntheticUnseen: none, syntheticSeen: none)
    tests = TestRows(
      dataset: dataset, task: task, seen: Matrix(rows: task.seenRows.count, columns: 1),
      unseen: Matrix(rows: task.unseenRows.count, columns: 1))
    self.context = context.float32
    fitting = HeadFitting(
      rows, settings: ClassifierSettings(), source: RandomSource(seed: 0), drawNumber: 0, context: context)
  }

  lazy var candidates = CandidateScores(fitting, tests, context)
  var choiceRows: ChoiceRows { tests.choiceRows }

  func task(_ scores: [Float]) -> ScoredTask { choiceRows.task(scores) }

  /// With the highest H.
  func gamma(_ scores: [Float]) -> Double { choiceRows.curve(scores).best.gamma }

  func scores(_ part: HeadPart, _ constants: TermConstants) -> [Float] {
    tests.scores(fitting.term(part, constants), context)
  }

  func nearestMeanSeen() -> Double? {
    guard !tests.task.seenRows.isEmpty else { return nil }
    let scored = task(tests.scores(fitting.nearestMeans(), context))
    return PerClassAccuracy(
      predictions: scored.seen.map { $0.bestSeen ?? -1 }, labels: scored.seen.map(\.label)
    ).mean
  }

  lazy var eszsl = fitting.eszsl()

  /// - Parameter map: X×A, of standardised rows to what is multiplied with the descriptors.
  func scores(_ map: Matrix) -> [Float] {
    let (standardise, descriptors) = (fitting.standardisedFeatures, fitting.unitDescriptors)
    return [tests.task.seenRows, tests.task.unseenRows].flatMap { numbers in
      let scores = Matrix(rows: numbers.count, columns: tests.classCount)
      rows.features(numbers) { range, x in
        let mapped = Matrix(rows: range.count, columns: map.columnCount)
        context.multiply(into: mapped, standardise(x), map)
        context.multiply(into: scores.rows(range), mapped, descriptors.transposed)
      }
      return scores.elements
    }
  }
}
