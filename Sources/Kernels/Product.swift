import COneDNN
import Matrices

/// A factor of a product: a matrix as it stands, or `matrix.transposed`.
package protocol ProductOperand {
  var matrix: Matrix { get }
  var isTransposed: Bool { get }
}

/// A matrix to be read with rows and columns exchanged; nothing is moved.
package struct TransposedMatrix: ProductOperand {
  package let matrix: Matrix
  package var isTransposed: Bool { true }
}

extension Matrix: ProductOperand {
  package var matrix: Matrix { self }
  package var isTransposed: Bool { false }
  package var transposed: TransposedMatrix { TransposedMatrix(matrix: self) }
}

extension ProductOperand {
  fileprivate var rows: Int { isTransposed ? matrix.columnCount : matrix.rowCount }
  fileprivate var columns: Int { isTransposed ? matrix.rowCount : matrix.columnCount }
  fileprivate var code: CChar { isTransposed ? 84 : 78 }  // "T", "N"
}

/// result = scale · a · b (+ result if `accumulate`), with a and b read plain or transposed. Row strides are free; the
/// result may be a block of columns of a larger matrix. Runs on all threads of `ThreadPool`.
///
/// - Parameters:
///   - result: M×N. Overwritten, or added to.
///   - a: M×K.
///   - b: K×N.
package func multiply(
  into result: Matrix, _ a: some ProductOperand, _ b: some ProductOperand, scale: Float = 1, accumulate: Bool = false
) {
  let (m, k, n) = (a.rows, a.columns, b.columns)
  precondition(
    k == b.rows && result.rowCount == m && result.columnCount == n,
    "\(m)×\(k) times \(b.rows)×\(n) into \(result.rowCount)×\(result.columnCount)")
  guard m > 0 && n > 0 else { return }
  guard k > 0 else {
    if !accumulate { result.fill(0) }
    return
  }
  let status = dnnl_sgemm(
    a.code, b.code, Int64(m), Int64(n), Int64(k), scale, a.matrix.start, Int64(a.matrix.rowStride), b.matrix.start,
    Int64(b.matrix.rowStride), accumulate ? 1 : 0, result.start, Int64(result.rowStride))
  precondition(status == dnnl_success, "dnnl_sgemm returned \(status.rawValue) for \(m)×\(k) times \(k)×\(n)")
}
