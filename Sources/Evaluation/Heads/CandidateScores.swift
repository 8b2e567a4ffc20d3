// A part's scores with one after the other of its constants, on the rows by which they are chosen. N rows, I input, S seen classes, C classes.
import Kernels
import Matrices
import Networks

/// What those of Gaussian classes have in common is computed once for each shrinkage: with S·I·N multiplications for all λ and kernels, instead of
/// C·I·N for each.
final class CandidateScores {
  private let fitting: HeadFitting
  private let tests: TestRows
  private let context: ProductContext
  private var common: [Key: Matrix] = [:]
  /// The last one, as several shrinkages follow with it.
  private var combination: (constants: TermConstants, value: DoubleMatrix)?

  private struct Key: Hashable {
    let part: HeadPart
    let shrinkage: Double?
  }

  init(_ fitting: HeadFitting, _ tests: TestRows, _ context: ProductContext) {
    self.fitting = fitting
    self.tests = tests
    self.context = context.float32
  }

  /// The constants with the highest AUSUC of the part alone.
  ///
  /// - Parameter part: none but softmax.
  func best(_ part: HeadPart) -> TermConstants {
    let candidates = part.candidates
    guard candidates.count > 1 else { return candidates[0] }
    return tests.choiceRows.best(candidates) { scores(part, $0) }
  }

  /// N×C, as of the part's term but for rounding; whatever it is of classes that are no candidates.
  func scores(_ part: HeadPart, _ constants: TermConstants) -> [Float] {
    guard let gaussians = fitting.gaussians(part) else { return tests.scores(fitting.term(part, constants), context) }
    let (shrinkage, combination) = (constants.shrinkage ?? 0, combination(constants))
    let seen = tests.task.seenClasses
    let key = Key(part: part, shrinkage: constants.shrinkage)
    let ofSeen =
      common[key]
      ?? {
        let term = gaussians.seenTerm(part, shrinkage: shrinkage, classes: seen, classCount: tests.classCount)
        let scores = tests.scores(term, context)
        return Matrix(rows: scores.count / tests.classCount, columns: tests.classCount, elements: scores)
      }()
    common[key] = ofSeen
    // C×C, with a column for every class.
    let weight = Matrix(rows: tests.classCount, columns: tests.classCount)
    weight.fill(0)
    for c in 0..<tests.classCount {
      for (place, number) in seen.enumerated() { weight[c, number] = Float(combination[c, place]) }
    }
    let bias = gaussians.bias(combination: combination, shrinkage: shrinkage).map(Float.init)
    let scores = Matrix(rows: ofSeen.rowCount, columns: tests.classCount)
    LinearLayer(weight: weight, bias: Matrix(rows: 1, columns: bias.count, elements: bias), context: context)
      .forward(into: scores, x: ofSeen)
    return scores.elements
  }

  private func combination(_ constants: TermConstants) -> DoubleMatrix {
    var own = constants
    own.shrinkage = nil
    if let combination, combination.constants == own { return combination.value }
    let value = fitting.combination(own)
    combination = (own, value)
    return value
  }
}
