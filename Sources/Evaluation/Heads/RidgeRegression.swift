// Ridge regressions between descriptors and what a class looks like. N rows, I input, A descriptor, S seen classes, C classes.
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
  func term(penalty: Double, candidates: [Int]) -> CosineTerm {
    CosineTerm(
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
  private var gram: DoubleMatrix
  private var cross: DoubleMatrix

  /// - Parameters:
  ///   - x: N×I, not standardised.
  ///   - classes: of each row, a seen one.
  init(
    _ standardisation: Standardisation, _ descriptors: CentredDescriptors, x: Matrix, classes: [Int],
    context: ProductContext
  ) {
    self.standardisation = standardisation
    self.descriptors = descriptors
    rowCount = x.rowCount
    gram = DoubleMatrix(rows: x.columnCount, columns: x.columnCount)
    cross = DoubleMatrix(rows: x.columnCount, columns: descriptors.all.columnCount)
    let targets = descriptors.all.rounded
    for first in stride(from: 0, to: x.rowCount, by: 1024) {
      let rows = first..<min(first + 1024, x.rowCount)
      let z = standardisation.standardise(x.rows(rows))
      let own = Matrix(rows: rows.count, columns: targets.columnCount)
      gatherRows(own, from: targets, classes[rows])
      context.addCrossProduct(of: z, z, to: &gram)
      context.addCrossProduct(of: z, own, to: &cross)
    }
  }

  /// I×A.
  func map(penalty: Double) -> DoubleMatrix {
    solve(gram, adding: 0.1 * penalty * Double(max(rowCount, 1)), cross)
  }

  /// - Parameter candidates: the others get zero targets.
  func term(penalty: Double, candidates: [Int]) -> CosineTerm {
    CosineTerm(
      .ridgeEmbedding, standardisation: standardisation.pair, map: map(penalty: penalty).rounded,
      targets: only(candidates, descriptors.all).unitRows.rounded)
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
