// `figures.json`: everything about one evaluation that a picture or a table may want.
import Datasets
import Evaluation
import Files

/// The figures of a model on a data set's test rows. Fractions; classes are numbered by their place in `classes`.
package struct FiguresFile {
  package static let fileName = "figures.json"
  /// Most points of the curve.
  private static let mostPoints = 400

  private let evaluated: Evaluated
  private let dataset: GZSLDataset
  private let baselines: Baselines
  private let iteration: Int

  /// - Parameter iteration: iterations done.
  package init(_ evaluated: Evaluated, _ dataset: GZSLDataset, baselines: Baselines, iteration: Int) {
    self.evaluated = evaluated
    self.dataset = dataset
    self.baselines = baselines
    self.iteration = iteration
  }

  /// The file's text.
  package func json() throws -> String {
    let test = evaluated.test
    let constants = evaluated.classifiers.constants
    let curve = SeenUnseenCurve(evaluated.scored).thinned(Self.mostPoints)
    let plain: JSONValue = [
      "gamma": .integer(0), "unseen": fraction(test.last.unseen), "seen": fraction(test.last.seen),
      "harmonic": fraction(test.last.harmonic),
    ]
    let value: JSONValue = [
      "iteration": .integer(iteration),
      "ausuc": test.ausuc.map(JSONValue.number) ?? .null,
      "zsl": test.zsl.map(JSONValue.number) ?? .null,
      "head": try JSONValue(encoding: constants),
      "curve": .array(curve.map { .array([.number($0.gamma), .number($0.seen), .number($0.unseen)]) }),
      "operating_points": [
        "plain": plain,
        "calibrated": try test.calibrated.map { try JSONValue(encoding: $0) } ?? .null,
      ],
      "classes": .array(classes),
      "confusion": cells(gamma: nil),
      "calibrated_confusion": constants.gamma.map { cells(gamma: $0) } ?? .null,
      "baselines": try JSONValue(encoding: baselines),
    ]
    return value.text() + "\n"
  }

  private func fraction(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }

  private var classes: [JSONValue] {
    func rows(_ tables: [PerClassAccuracy]) -> [Int: PerClassAccuracy.Row] {
      Dictionary(uniqueKeysWithValues: tables.flatMap(\.rows).map { ($0.classIndex, $0) })
    }
    let gamma = evaluated.classifiers.constants.gamma
    let plain = rows([evaluated.test.seenClasses, evaluated.test.unseenClasses])
    let calibrated =
      gamma == nil ? [:] : rows([evaluated.scored.seenTable(gamma: gamma), evaluated.scored.unseenTable(gamma: gamma)])
    let (seen, unseen) = (Set(dataset.test.seenClasses), Set(dataset.test.unseenClasses))
    return dataset.classNames.enumerated().map { number, name in
      [
        "name": .string(name),
        "role": .string(seen.contains(number) ? "seen" : unseen.contains(number) ? "unseen" : "unused"),
        "rows": .integer(plain[number]?.total ?? 0),
        "accuracy": plain[number].map { .number($0.accuracy) } ?? .null,
        "calibrated_accuracy": calibrated[number].map { .number($0.accuracy) } ?? .null,
      ]
    }
  }

  private func cells(gamma: Double?) -> JSONValue {
    .array(
      Confusion(evaluated.scored, gamma: gamma).cells.map {
        .array([.integer($0.label), .integer($0.answer), .integer($0.count)])
      })
  }
}
