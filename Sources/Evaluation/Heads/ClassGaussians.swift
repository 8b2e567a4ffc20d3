// Classes as Gaussians with one covariance: linear discriminant analysis, for classes without rows too. I input, S seen classes, C classes.
import Kernels
import Matrices

/// log N(z; m_c, Σ) but for what all classes share is z·Σ⁻¹m_c − m_c·Σ⁻¹m_c/2, a linear function of z. Σ is the covariance of training rows
/// about their classes' means, drawn towards a multiple of 1: (1 − a)·Σ + a·mean(diag Σ)·1. Scores are divided by I, so that weights mean the
/// same for wide and narrow inputs.
final class ClassGaussians {
  private let standardisation: Standardisation
  /// I×I.
  private let within: DoubleMatrix
  /// By the shrinkage.
  private var solved: [Double: SolvedMeans] = [:]

  private struct SolvedMeans {
    /// S×I: Σ⁻¹ times each seen class's mean.
    let rows: DoubleMatrix
    /// S×S: M·Σ⁻¹·Mᵀ.
    let products: DoubleMatrix
  }

  /// - Parameters:
  ///   - counts: rows of each seen class.
  ///   - gram: I×I, Zᵀ·Z of the standardised rows.
  init(_ standardisation: Standardisation, counts: [Int], gram: DoubleMatrix) {
    self.standardisation = standardisation
    let means = standardisation.classMeans
    var weighted = means
    for s in 0..<means.rowCount { for c in 0..<means.columnCount { weighted[s, c] *= Double(counts[s]) } }
    let between = means.transposed.multiplied(by: weighted)
    let count = Double(max(counts.reduce(0, +), 1))
    within = DoubleMatrix(
      rows: gram.rowCount, columns: gram.columnCount,
      elements: zip(gram.elements, between.elements).map { ($0 - $1) / count })
  }

  private var width: Double { Double(max(within.rowCount, 1)) }

  // MARK: Means that are sums of seen classes' means

  /// - Parameters:
  ///   - combination: C×S: a class's mean as a sum of seen classes' means.
  ///   - candidates: the others get zeros.
  func term(_ part: HeadPart, combination: DoubleMatrix, shrinkage: Double, candidates: [Int]) -> HeadTerm {
    term(
      part, targets: combination.multiplied(by: seenMeans(shrinkage).rows),
      bias: bias(combination: combination, shrinkage: shrinkage), candidates)
  }

  /// 1×C: −m_c·Σ⁻¹m_c/2 over I.
  func bias(combination: DoubleMatrix, shrinkage: Double) -> [Double] {
    let left = combination.multiplied(by: seenMeans(shrinkage).products)
    return (0..<combination.rowCount).map { c in
      -zip(left.row(c), combination.row(c)).reduce(0) { $0 + $1.0 * $1.1 } / 2 / width
    }
  }

  /// z·Σ⁻¹m/I of the seen classes' own means, without what belongs to the class alone: every other class's is a sum of these.
  ///
  /// - Parameters:
  ///   - classes: numbers of the S seen classes among `classCount`; the others get zeros.
  func seenTerm(_ part: HeadPart, shrinkage: Double, classes: [Int], classCount: Int) -> HeadTerm {
    var identity = DoubleMatrix(rows: classCount, columns: classes.count)
    for (place, number) in classes.enumerated() { identity[number, place] = 1 }
    return term(
      part, targets: identity.multiplied(by: seenMeans(shrinkage).rows),
      bias: [Double](repeating: 0, count: classCount),
      classes)
  }

  private func seenMeans(_ shrinkage: Double) -> SolvedMeans {
    if let known = solved[shrinkage] { return known }
    let rows = solve(standardisation.classMeans, shrinkage)
    let result = SolvedMeans(
      rows: rows, products: standardisation.classMeans.multiplied(by: rows.transposed))
    solved[shrinkage] = result
    return result
  }

  // MARK: Any means

  /// - Parameter means: C×I, standardised.
  func term(_ part: HeadPart, means: DoubleMatrix, shrinkage: Double, candidates: [Int]) -> HeadTerm {
    let targets = solve(means, shrinkage)
    let bias = (0..<means.rowCount).map { c in
      -zip(means.row(c), targets.row(c)).reduce(0) { $0 + $1.0 * $1.1 } / 2 / width
    }
    return term(part, targets: targets, bias: bias, candidates)
  }

  /// Σ⁻¹ times each row.
  private func solve(_ rows: DoubleMatrix, _ shrinkage: Double) -> DoubleMatrix {
    var matrix = within
    for k in matrix.elements.indices { matrix.elements[k] *= 1 - shrinkage }
    return Evaluation.solve(matrix, adding: shrinkage * meanDiagonal(within), rows.transposed).transposed
  }

  /// - Parameter targets: C×I, not yet divided by I.
  private func term(_ part: HeadPart, targets: DoubleMatrix, bias: [Double], _ candidates: [Int]) -> HeadTerm {
    var targets = only(candidates, targets)
    let own = Matrix(rows: 1, columns: bias.count)
    for k in targets.elements.indices { targets.elements[k] /= width }
    own.fill(0)
    for c in candidates { own[0, c] = Float(bias[c]) }
    return HeadTerm(
      part, standardisation: standardisation.pair, targets: targets.rounded, comparison: .linear(bias: own))
  }
}
