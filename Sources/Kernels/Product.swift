import COneDNN
import Matrices
import Profiling
import Synchronization

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

/// result = a · b (+ result if `accumulate`), with a and b read plain or transposed. Row strides are free; the
/// result may be a block of columns of a larger matrix. Runs on all threads of `ThreadPool`.
///
/// - Parameters:
///   - result: M×N. Overwritten, or added to.
///   - a: M×K.
///   - b: K×N.
///   - precision: to which a and b are rounded first.
package func multiply(
  into result: Matrix, _ a: some ProductOperand, _ b: some ProductOperand, accumulate: Bool = false,
  precision: ProductPrecision = .float32
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
  let cut = ProductCut.ofThisProcessor
  let whole = cut.wholeRows(m, isTransposed: a.isTransposed)
  if whole < m {
    multiplyFewRows(into: result, a, b, rows: whole..<m, accumulate: accumulate, precision: precision)
    if whole > 0 {
      multiply(
        into: result.rows(0..<whole), FirstRows(of: a, count: whole), b, accumulate: accumulate, precision: precision)
    }
    return
  }
  // Each thread multiplies a slice by itself: oneDNN's own division among threads may cut the sum, and then the bits
  // depend on the thread count.
  let slices = cut.slices(m: m, k: k, n: n)
  let rounded = precision == .bfloat16 ? RoundedFactors(a.matrix, b.matrix) : nil
  let start = Profile.shared.begin()
  if let rounded {
    multiplyRounded(into: result, a, b, rounded, slices: slices, accumulate: accumulate)
  } else {
    multiplySlices(into: result, a, b, slices: slices, accumulate: accumulate)
  }
  Profile.shared.end(
    start, .product, "\(m)×\(k)\(a.isTransposed ? "ᵀ" : "") · \(k)×\(n)\(b.isTransposed ? "ᵀ" : "")",
    flops: 2 * Double(m) * Double(n) * Double(k), bytes: 4 * (m * k + k * n + m * n))
}

private func multiplySlices(
  into result: Matrix, _ a: some ProductOperand, _ b: some ProductOperand, slices: [ProductSlice], accumulate: Bool
) {
  let (left, right, k) = (a.matrix, b.matrix, a.columns)
  ProductBreaks.shared.take()
  let (aStep, bStep) = (a.isTransposed ? 1 : left.rowStride, b.isTransposed ? right.rowStride : 1)
  let (aTermStep, bTermStep) = (a.isTransposed ? left.rowStride : 1, b.isTransposed ? 1 : right.rowStride)
  let cut = ProductCut.ofThisProcessor
  let runs = cut.runs(k)
  fork(slices.count) { part in
    for index in part {
      for piece in slices[index].pieces(inner: k, takesBreaks: index == 0).flatMap({
        $0.split(columns: cut.mostColumns)
      }) {
        let (rows, columns) = (piece.rows, piece.columns)
        for terms in runs {
          let status = dnnl_sgemm(
            a.code, b.code, Int64(rows.count), Int64(columns.count), Int64(terms.count), 1,
            left.start + rows.lowerBound * aStep + terms.lowerBound * aTermStep, Int64(left.rowStride),
            right.start + columns.lowerBound * bStep + terms.lowerBound * bTermStep, Int64(right.rowStride),
            accumulate || terms.lowerBound > 0 ? 1 : 0, result.row(rows.lowerBound) + columns.lowerBound,
            Int64(result.rowStride))
          precondition(
            status == dnnl_success, "dnnl_sgemm returned \(status.rawValue) for \(rows)×\(terms) times \(columns)")
        }
        if index == 0 { ProductBreaks.shared.take() }
      }
    }
  }
}

/// The first rows of a factor.
private struct FirstRows: ProductOperand {
  let matrix: Matrix
  let isTransposed: Bool

  init(of operand: some ProductOperand, count: Int) {
    isTransposed = operand.isTransposed
    matrix = isTransposed ? operand.matrix.columns(0..<count) : operand.matrix.rows(0..<count)
  }
}

/// Rows of a product that are too few for the usual kernels, done with zeros as their company.
private func multiplyFewRows(
  into result: Matrix, _ a: some ProductOperand, _ b: some ProductOperand, rows: Range<Int>, accumulate: Bool,
  precision: ProductPrecision
) {
  let count = ProductCut.ofThisProcessor.fewestRows
  fewRowsScratch.withLock { scratch in
    func room(_ index: Int, rows: Int, columns: Int) -> Matrix {
      if scratch[index].count < rows * columns { scratch[index] = FloatStorage(count: rows * columns) }
      let room = Matrix(storage: scratch[index], offset: 0, rowCount: rows, columnCount: columns, rowStride: columns)
      room.fill(0)
      return room
    }
    let product = room(0, rows: count, columns: result.columnCount)
    if accumulate { product.rows(0..<rows.count).copy(from: result.rows(rows)) }
    // A factor that is read transposed stays one: that is another kernel.
    if a.isTransposed {
      let left = room(1, rows: a.columns, columns: count)
      left.columns(0..<rows.count).copy(from: a.matrix.columns(rows))
      multiply(into: product, left.transposed, b, accumulate: accumulate, precision: precision)
    } else {
      let left = room(1, rows: count, columns: a.columns)
      left.rows(0..<rows.count).copy(from: a.matrix.rows(rows))
      multiply(into: product, left, b, accumulate: accumulate, precision: precision)
    }
    result.rows(rows).copy(from: product.rows(0..<rows.count))
  }
}

/// Room for a factor and a product of few rows; grows to the largest and stays.
private let fewRowsScratch = Mutex([FloatStorage(count: 0), FloatStorage(count: 0)])
