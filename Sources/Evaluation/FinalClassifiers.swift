// The final softmaxes of an evaluation, by the numbers of the data set's classes. N rows, H classifier input, C classes of the data set.
import Kernels
import Matrices
import Networks

/// A linear layer with a row for every class of the data set; a softmax or the highest score follows.
package struct FinalLayer: Sendable {
  /// C×H; zero for classes that are no candidates.
  package let weight: Matrix
  /// 1×C; −∞ for classes that are no candidates, so that their scores are.
  package let bias: Matrix
  /// Classes that can be answered, ascending.
  package let candidates: [Int]

  package init(weight: Matrix, bias: Matrix) {
    precondition(
      bias.rowCount == 1 && bias.columnCount == weight.rowCount,
      "a bias \(bias.columnCount) of \(weight.rowCount) classes")
    self.weight = weight
    self.bias = bias
    candidates = (0..<bias.columnCount).filter { bias[0, $0] > -.infinity }
  }

  /// A copy of what a classifier has learnt.
  ///
  /// - Parameters:
  ///   - classes: class of each unit of the layer.
  ///   - candidates: those of them that can be answered.
  ///   - classCount: C.
  init(_ layer: LinearLayer, classes: [Int], candidates: [Int], classCount: Int) {
    let weight = Matrix(rows: classCount, columns: layer.weight.columnCount)
    let bias = Matrix(rows: 1, columns: classCount)
    bias.fill(-.infinity)
    let places = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    for classIndex in candidates {
      guard let place = places[classIndex] else { preconditionFailure("class \(classIndex) has no unit") }
      weight.rows(classIndex..<classIndex + 1).copy(from: layer.weight.rows(place..<place + 1))
      bias[0, classIndex] = layer.bias[0, place]
    }
    self.init(weight: weight, bias: bias)
  }

  package var classCount: Int { weight.rowCount }

  /// scores [N×C] ← W·h + b, h is N×H: what the softmax takes. −∞ for classes that are no candidates.
  package func scores(into scores: Matrix, _ h: Matrix, context: ProductContext) {
    LinearLayer(weight: weight, bias: bias, context: context.float32).forward(into: scores, x: h)
  }

  /// The candidate with the highest score for each row of h [N×H].
  package func predictions(_ h: Matrix, context: ProductContext) -> [Int] {
    let scores = Matrix(rows: h.rowCount, columns: classCount)
    self.scores(into: scores, h, context: context)
    return highestScores(scores, among: candidates)
  }
}

/// What classifies rows after an evaluation: a head's linear layers, to which its terms are added.
package struct FinalClassifiers: Sendable {
  /// Over seen and unseen classes: U, S and H are the figures of the head with it. Without weights in a head that has no softmax.
  package let generalized: FinalLayer
  /// Over unseen classes alone: T1.
  package let unseenOnly: FinalLayer
  /// Of `generalized`: the classifier epoch that counts, the last; from 1.
  package let epoch: Int
  /// Added to the scores of either layer.
  package let terms: [HeadTerm]
  package let constants: HeadConstants

  package init(
    generalized: FinalLayer, unseenOnly: FinalLayer, epoch: Int, terms: [HeadTerm] = [],
    constants: HeadConstants = HeadConstants(usual: .softmax)
  ) {
    self.generalized = generalized
    self.unseenOnly = unseenOnly
    self.epoch = epoch
    self.terms = terms
    self.constants = constants
  }

  /// Whether embeddings are enough to score rows.
  package var needsFeatures: Bool { terms.contains { $0.input == .features } }

  /// scores [N×C] ← of rows; −∞ for classes that may not be answered. A row's bits do not depend on the other rows.
  ///
  /// - Parameters:
  ///   - features: N×X, scaled; where `needsFeatures`.
  ///   - h: N×H, their embeddings.
  package func scores(
    into scores: Matrix, features: Matrix?, h: Matrix, amongUnseen: Bool, context: ProductContext
  ) {
    (amongUnseen ? unseenOnly : generalized).scores(into: scores, h, context: context)
    for term in terms {
      guard let input = term.input == .features ? features : h else { preconditionFailure("this head needs features") }
      term.add(to: scores, input, context: context)
    }
  }
}

extension FinalLayer {
  /// Without weights: every candidate has the score 0.
  package init(classCount: Int, inputSize: Int, candidates: [Int]) {
    let bias = Matrix(rows: 1, columns: classCount)
    bias.fill(-.infinity)
    for number in candidates { bias[0, number] = 0 }
    self.init(weight: Matrix(rows: classCount, columns: inputSize), bias: bias)
  }

  /// The same scores of some of the candidates; the others cannot be answered.
  package func among(_ classes: [Int]) -> FinalLayer {
    let kept = Matrix(rows: classCount, columns: weight.columnCount)
    let bias = Matrix(rows: 1, columns: classCount)
    bias.fill(-.infinity)
    for number in classes {
      kept.rows(number..<number + 1).copy(from: weight.rows(number..<number + 1))
      bias[0, number] = self.bias[0, number]
    }
    return FinalLayer(weight: kept, bias: bias)
  }

  /// With factor times its scores.
  ///
  /// - Parameter factor: above 0.
  package func scaled(by factor: Double) -> FinalLayer {
    precondition(factor > 0)
    guard factor != 1 else { return self }
    func scaled(_ matrix: Matrix) -> Matrix {
      Matrix(rows: matrix.rowCount, columns: matrix.columnCount, elements: matrix.elements.map { $0 * Float(factor) })
    }
    return FinalLayer(weight: scaled(weight), bias: scaled(bias))
  }
}
