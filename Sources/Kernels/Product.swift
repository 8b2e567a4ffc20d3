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

/// What one thread computes of a product.
struct ProductSlice {
  let rows: Range<Int>
  let columns: Range<Int>

  /// The slice as it is, or, of the driving thread while messages are to be looked after, in pieces of tens of
  /// milliseconds. Smaller ones would slow the product down by more than the messages gain.
  func pieces(inner: Int, takesBreaks: Bool) -> [ProductSlice] {
    let flops = 2 * Double(rows.count) * Double(columns.count) * Double(inner)
    guard takesBreaks, ProductBreaks.shared.areNeeded, flops > 2e9 else { return [self] }
    let side = max(rows.count, columns.count)
    let block = 512
    let blocks = RowPartition(
      rowCount: max(1, side / block), rankCount: min(max(1, side / block), max(1, Int(flops / 2e9))))
    return blocks.slices.map { slice in
      let last = slice.upperBound == blocks.rowCount ? side : slice.upperBound * block
      return rows.count >= columns.count
        ? ProductSlice(rows: rows.lowerBound + slice.lowerBound * block..<rows.lowerBound + last, columns: columns)
        : ProductSlice(rows: rows, columns: columns.lowerBound + slice.lowerBound * block..<columns.lowerBound + last)
    }
  }
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
  if m < fewestRows && !a.isTransposed {
    return multiplyFewRows(into: result, a.matrix, b, accumulate: accumulate, precision: precision)
  }
  // Each thread multiplies a slice by itself: oneDNN's own division among threads may cut the sum, and then the bits
  // depend on the thread count. The longer side is cut, since a thread packs all of the other factor.
  let slices = UnitPartition(
    unitCount: max(m, n), rankCount: min(ThreadPool.threadCount, 1 + m * n * k / 65536)
  ).slices.filter { !$0.isEmpty }.map {
    n > m ? ProductSlice(rows: 0..<m, columns: $0) : ProductSlice(rows: $0, columns: 0..<n)
  }
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
  let runs = RowPartition(rowCount: k, rankCount: (k + longestRun - 1) / longestRun)
  fork(slices.count) { part in
    for index in part {
      for piece in slices[index].pieces(inner: k, takesBreaks: index == 0) {
        let (rows, columns) = (piece.rows, piece.columns)
        for terms in runs.slices {
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

/// oneDNN has other kernels, which add in another order, for products of a few rows. With at least this many rows an
/// element of a product is the same bits however many other rows are computed with it, which is what makes a run the same
/// on any number of ranks.
private let fewestRows = 32

/// oneDNN adds up to 768 terms of an element one after the other; how it cuts a longer sum depends on the number of rows
/// and columns. So longer sums are cut here, into runs that depend on their length alone.
private let longestRun = 768

/// A product of fewer rows, done as one of `fewestRows`.
private func multiplyFewRows(
  into result: Matrix, _ a: Matrix, _ b: some ProductOperand, accumulate: Bool,
  precision: ProductPrecision
) {
  fewRowsScratch.withLock { scratch in
    func room(_ index: Int, columns: Int) -> Matrix {
      if scratch[index].count < fewestRows * columns { scratch[index] = FloatStorage(count: fewestRows * columns) }
      return Matrix(
        storage: scratch[index], offset: 0, rowCount: fewestRows, columnCount: columns, rowStride: columns)
    }
    let (left, product) = (room(0, columns: a.columnCount), room(1, columns: result.columnCount))
    left.rows(0..<a.rowCount).copy(from: a)
    left.rows(a.rowCount..<fewestRows).fill(0)
    product.fill(0)
    if accumulate { product.rows(0..<result.rowCount).copy(from: result) }
    multiply(into: product, left, b, accumulate: accumulate, precision: precision)
    result.copy(from: product.rows(0..<result.rowCount))
  }
}

/// Room for both factors of a product of few rows; grows to the largest one and stays.
private let fewRowsScratch = Mutex([FloatStorage(count: 0), FloatStorage(count: 0)])
