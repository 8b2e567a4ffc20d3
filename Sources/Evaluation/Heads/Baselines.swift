// What is reached without any network: bounds that everyone should know who reads a figure. N rows, X feature, A descriptor, C classes.
import Datasets
import Kernels
import Matrices

/// Figures of exact methods on a data set's test rows; λ and γ are chosen on the rows and classes that can be held out of its training
/// rows. Fractions in 0...1.
package struct Baselines: Sendable, Encodable, Equatable {
  /// Of a method with a constant of its own.
  package struct Figures: Sendable, Encodable, Equatable {
    package let reached: EvaluationFigures
    /// λ; of ESZSL that of the features.
    package let lambda: Double

    private enum CodingKeys: String, CodingKey { case lambda }

    init(_ scored: ScoredTask, lambda: Double, gamma: Double?) {
      reached = EvaluationFigures(
        scored.accuracy(gamma: nil), zsl: scored.zsl, ausuc: scored.ausuc, calibrated: scored.calibrated(gamma))
      self.lambda = lambda
    }

    /// All side by side.
    package func encode(to encoder: any Encoder) throws {
      try reached.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(lambda, forKey: .lambda)
    }
  }

  /// Ridge regression of class means on descriptors, by cosine: the head `ridge`.
  package let ridge: Figures
  /// Romera-Paredes and Torr, *An embarrassingly simple approach to zero-shot learning*, ICML 2015.
  package let eszsl: Figures?
  /// Rows of seen classes, seen candidates, by cosine with the class means: what S cannot be expected to exceed by far. nil without rows.
  package let nearestMeanSeen: Double?
  /// With which the head `ridge` has the figures `ridge`: validation chooses them without any network.
  package let ridgeConstants: HeadConstants

  enum CodingKeys: String, CodingKey {
    case ridge, eszsl
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
    // Without validation λ is the usual one.
    let chosen = held.map { held in
      best(HeadPart.penalties.map { ($0, SeenUnseenCurve(held.ridge(penalty: $0))) })
    }
    let penalty = chosen?.choice ?? HeadPart.ridgeFeatures.usualPenalty ?? 0.3
    let gamma = chosen?.curve.best.gamma
    ridge = Figures(whole.ridge(penalty: penalty), lambda: penalty, gamma: gamma)
    ridgeConstants = HeadConstants(
      head: .ridge, parts: [HeadConstants.Part(.ridgeFeatures, penalty: penalty)], gamma: gamma)
    nearestMeanSeen = whole.nearestMeanSeen()
    eszsl = withESZSL ? Self.eszsl(whole, held) : nil
  }

  private static func eszsl(_ whole: ExactMethods, _ held: ExactMethods?) -> Figures {
    let penalties: [ESZSL.Penalties] = [0.01, 0.1, 1, 10].flatMap { features in
      [0.01, 0.1, 1, 10].map { ESZSL.Penalties(features: features, descriptors: $0) }
    }
    let chosen = held.map { held in
      best(penalties.map { ($0, SeenUnseenCurve(held.score(held.eszsl.map($0).rounded))) })
    }
    let penalty = chosen?.choice ?? ESZSL.Penalties(features: 1, descriptors: 1)
    return Figures(
      whole.score(whole.eszsl.map(penalty).rounded), lambda: penalty.features, gamma: chosen?.curve.best.gamma)
  }
}

/// The choice with the highest AUSUC; of equal ones the first.
private func best<Choice>(_ choices: [(Choice, SeenUnseenCurve)]) -> (choice: Choice, curve: SeenUnseenCurve) {
  choices.dropFirst().reduce((choices[0].0, choices[0].1)) { $1.1.area > $0.1.area ? ($1.0, $1.1) : $0 }
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

  func ridge(penalty: Double) -> ScoredTask {
    tests.choiceRows.task(tests.cosines(fitting.term(.ridgeFeatures, penalty: penalty), context))
  }

  func nearestMeanSeen() -> Double? {
    guard !tests.task.seenRows.isEmpty else { return nil }
    let scored = tests.choiceRows.task(tests.cosines(fitting.nearestMeans(), context))
    return PerClassAccuracy(
      predictions: scored.seen.map { $0.bestSeen ?? -1 }, labels: scored.seen.map(\.label)
    ).mean
  }

  lazy var eszsl = fitting.eszsl()

  /// - Parameter map: X×A, of standardised rows to what is multiplied with the descriptors.
  func score(_ map: Matrix) -> ScoredTask {
    let (standardise, descriptors) = (fitting.standardisedFeatures, fitting.unitDescriptors)
    let scores = [tests.task.seenRows, tests.task.unseenRows].flatMap { numbers in
      let scores = Matrix(rows: numbers.count, columns: tests.classCount)
      rows.features(numbers) { range, x in
        let mapped = Matrix(rows: range.count, columns: map.columnCount)
        context.multiply(into: mapped, standardise(x), map)
        context.multiply(into: scores.rows(range), mapped, descriptors.transposed)
      }
      return scores.elements
    }
    return tests.choiceRows.task(scores)
  }
}
