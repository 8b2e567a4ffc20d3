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
  /// Σ⁻¹·Mᵀ as rows, S×I, by its shrinkage.
  private var solvedMeans: [Double: DoubleMatrix] = [:]

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

  /// - Parameters:
  ///   - combination: C×S: a class's mean as a sum of seen classes' means.
  ///   - candidates: the others get zeros.
  func term(_ part: HeadPart, combination: DoubleMatrix, shrinkage: Double, candidates: [Int]) -> HeadTerm {
    let solved = solvedMeans[shrinkage] ?? solve(standardisation.classMeans, shrinkage)
    solvedMeans[shrinkage] = solved
    return term(
      part, means: combination.multiplied(by: standardisation.classMeans), solved: combination.multiplied(by: solved),
      candidates)
  }

  /// - Parameter means: C×I, standardised.
  func term(_ part: HeadPart, means: DoubleMatrix, shrinkage: Double, candidates: [Int]) -> HeadTerm {
    term(part, means: means, solved: solve(means, shrinkage), candidates)
  }

  /// Σ⁻¹ times each row.
  private func solve(_ rows: DoubleMatrix, _ shrinkage: Double) -> DoubleMatrix {
    var matrix = within
    for k in matrix.elements.indices { matrix.elements[k] *= 1 - shrinkage }
    return Evaluation.solve(matrix, adding: shrinkage * meanDiagonal(within), rows.transposed).transposed
  }

  private func term(_ part: HeadPart, means: DoubleMatrix, solved: DoubleMatrix, _ candidates: [Int]) -> HeadTerm {
    let width = Double(max(means.columnCount, 1))
    var targets = only(candidates, solved)
    let bias = Matrix(rows: 1, columns: targets.rowCount)
    for c in 0..<targets.rowCount {
      let length = (0..<targets.columnCount).reduce(0) { $0 + means[c, $1] * targets[c, $1] }
      bias[0, c] = Float(-length / 2 / width)
    }
    for k in targets.elements.indices { targets.elements[k] /= width }
    return HeadTerm(
      part, standardisation: standardisation.pair, targets: targets.rounded, comparison: .linear(bias: bias))
  }
}
