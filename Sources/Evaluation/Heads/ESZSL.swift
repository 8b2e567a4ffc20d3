// Romera-Paredes and Torr, *An embarrassingly simple approach to zero-shot learning*, ICML 2015. N rows, X feature, A descriptor,
// S seen classes.
import Kernels
import Matrices

/// V = (Zᵀ·Z + γ·N·1)⁻¹·Zᵀ·Y·D·(Dᵀ·D + λ·mean(diag Dᵀ·D)·1)⁻¹ with standardised rows Z [N×X], descriptors D [S×A] of unit length, and
/// Y [N×S] that is 1 at a row's class and −1 elsewhere. The score of a class is zᵀ·V·d.
struct ESZSL {
  struct Penalties {
    let features: Double
    let descriptors: Double
  }

  private let rowCount: Int
  /// X×X, X×A, A×A.
  private let gram: DoubleMatrix
  private let cross: DoubleMatrix
  private let products: DoubleMatrix
  /// By their penalty.
  private var solvedFeatures: [Double: DoubleMatrix] = [:]

  /// - Parameters:
  ///   - rowCount: N.
  ///   - gram: Zᵀ·Z.
  ///   - cross: Zᵀ·Y·D.
  ///   - products: Dᵀ·D.
  init(rowCount: Int, gram: DoubleMatrix, cross: DoubleMatrix, products: DoubleMatrix) {
    self.rowCount = rowCount
    self.gram = gram
    self.cross = cross
    self.products = products
  }

  /// V [X×A].
  mutating func map(_ penalties: Penalties) -> DoubleMatrix {
    let left: DoubleMatrix
    if let known = solvedFeatures[penalties.features] {
      left = known
    } else {
      left = solve(gram, adding: penalties.features * Double(max(rowCount, 1)), cross)
      solvedFeatures[penalties.features] = left
    }
    return solve(products, adding: penalties.descriptors * meanDiagonal(products), left.transposed).transposed
  }
}
