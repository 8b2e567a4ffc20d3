// Ridge regressions between descriptors and what a class looks like. N rows, I input, A descriptor, S seen classes, C classes.
import Glibc
import Kernels
import Matrices

/// From descriptors to class means: W = Dᵀ(D·Dᵀ + λ·mean(diag D·Dᵀ)·1)⁻¹·M, with centred descriptors D [S×A] and class means M [S×I] of
/// standardised rows. A class's target is its centred descriptor times W; the score is the cosine with the standardised row.
struct RidgeToMeans {
  private let standardisation: Standardisation
  private let descriptors: CentredDescriptors
  /// S×S.
  private let products: DoubleMatrix

  init(_ standardisation: Standardisation, _ descriptors: CentredDescriptors) {
    self.standardisation = standardisation
    self.descriptors = descriptors
    products = descriptors.seen.multiplied(by: descriptors.seen.transposed)
  }

  /// C×I.
  func targets(penalty: Double) -> DoubleMatrix {
    let weights = solve(products, adding: penalty * meanDiagonal(products), standardisation.classMeans)
    return descriptors.all.multiplied(by: descriptors.seen.transposed).multiplied(by: weights)
  }

  /// - Parameter candidates: the others get zero targets.
  func term(penalty: Double, candidates: [Int]) -> HeadTerm {
    HeadTerm(
      .ridgeFeatures, standardisation: standardisation.pair,
      targets: only(candidates, targets(penalty: penalty)).unitRows.rounded)
  }
}

/// From rows to descriptors: B = (Zᵀ·Z + λ·N/10·1)⁻¹·Zᵀ·T, with standardised rows Z [N×I] and the centred descriptors T [N×A] of their
/// classes. The score is the cosine of z·B with a class's centred descriptor.
struct RidgeToDescriptors {
  private let standardisation: Standardisation
  private let descriptors: CentredDescriptors
  private let rowCount: Int
  /// I×I and I×A.
  private let gram: DoubleMatrix
  private let cross: DoubleMatrix

  /// - Parameters:
  ///   - gram: Zᵀ·Z.
  ///   - cross: Zᵀ·T.
  ///   - rowCount: N.
  init(
    _ standardisation: Standardisation, _ descriptors: CentredDescriptors, gram: DoubleMatrix, cross: DoubleMatrix,
    rowCount: Int
  ) {
    self.standardisation = standardisation
    self.descriptors = descriptors
    self.gram = gram
    self.cross = cross
    self.rowCount = rowCount
  }

  /// I×A.
  func map(penalty: Double) -> DoubleMatrix {
    solve(gram, adding: 0.1 * penalty * Double(max(rowCount, 1)), cross)
  }

  /// - Parameter candidates: the others get zero targets.
  func term(penalty: Double, candidates: [Int]) -> HeadTerm {
    HeadTerm(
      .ridgeEmbedding, standardisation: standardisation.pair, map: map(penalty: penalty).rounded,
      targets: only(candidates, descriptors.all).unitRows.rounded)
  }
}

/// From descriptors to whatever seen classes have, by kernel ridge regression: a class's value is a sum of the seen classes' values, with
/// the coefficients k·(K + λ·mean(diag K)·1)⁻¹ and what is left to 1 spread evenly.
struct DescriptorRegression {
  private let descriptors: CentredDescriptors

  init(_ descriptors: CentredDescriptors) { self.descriptors = descriptors }

  /// - Parameters:
  ///   - penalty: λ.
  ///   - kernelWidth: K is exp(−|d − d'|² / (width · median)), with the median over pairs of seen classes that differ; nil: d·d'.
  /// - Returns: C×S.
  func combination(penalty: Double, kernelWidth: Double?) -> DoubleMatrix {
    let (own, all) = kernels(kernelWidth)
    var result = solve(own, adding: penalty * meanDiagonal(own), all.transposed).transposed
    for c in 0..<result.rowCount {
      let rest = (1 - result.row(c).reduce(0, +)) / Double(result.columnCount)
      for s in 0..<result.columnCount { result[c, s] += rest }
    }
    return result
  }

  /// S×S and C×S.
  private func kernels(_ width: Double?) -> (own: DoubleMatrix, all: DoubleMatrix) {
    let transposed = descriptors.seen.transposed
    let (own, all) = (descriptors.seen.multiplied(by: transposed), descriptors.all.multiplied(by: transposed))
    guard let width else { return (own, all) }
    func squares(_ rows: DoubleMatrix) -> [Double] {
      (0..<rows.rowCount).map { rows.row($0).reduce(0) { $0 + $1 * $1 } }
    }
    let seen = squares(descriptors.seen)
    func distances(_ products: DoubleMatrix, _ lengths: [Double]) -> DoubleMatrix {
      var result = products
      for r in 0..<result.rowCount {
        for s in 0..<result.columnCount { result[r, s] = max(0, lengths[r] + seen[s] - 2 * products[r, s]) }
      }
      return result
    }
    let among = distances(own, seen)
    let pairs = (0..<seen.count).flatMap { r in (0..<r).map { among[r, $0] } }.filter { $0 > 1e-9 }.sorted()
    let scale = width * (pairs.isEmpty ? 1 : pairs[pairs.count / 2])
    func kernel(_ distances: DoubleMatrix) -> DoubleMatrix {
      DoubleMatrix(
        rows: distances.rowCount, columns: distances.columnCount, elements: distances.elements.map { exp(-$0 / scale) })
    }
    return (kernel(among), kernel(distances(all, squares(descriptors.all))))
  }
}

func meanDiagonal(_ matrix: DoubleMatrix) -> Double {
  (0..<matrix.rowCount).reduce(0) { $0 + matrix[$1, $1] } / Double(max(matrix.rowCount, 1))
}

/// x of (matrix + shift·1)·x = right side; the matrix has no negative eigenvalue. Where the shift is lost in rounding it is raised.
func solve(_ matrix: DoubleMatrix, adding shift: Double, _ right: DoubleMatrix) -> DoubleMatrix {
  var shift = max(shift, 1e-12 * max(meanDiagonal(matrix), 1e-30))
  while true {
    var shifted = matrix
    for i in 0..<matrix.rowCount { shifted[i, i] += shift }
    if let system = SymmetricSystem(shifted) { return system.solve(right) }
    precondition(shift.isFinite && shift < 1e300, "no shift makes the matrix positive definite")
    shift *= 10
  }
}

/// The rows of some classes; the others become zero.
func only(_ classes: [Int], _ rows: DoubleMatrix) -> DoubleMatrix {
  var result = DoubleMatrix(rows: rows.rowCount, columns: rows.columnCount)
  for number in classes { for c in 0..<rows.columnCount { result[number, c] = rows[number, c] } }
  return result
}
