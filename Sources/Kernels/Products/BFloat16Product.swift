// Products with bfloat16 factors and a float32 result: twice the multiplications a second where the processor has
// AVX512_BF16. Factors are rounded for the product (`RoundedCopies.swift`): parameters, optimizer and activations stay float32.
// Product M×K times K×N.
import Matrices

/// What products of bfloat16 share and keep.
final class RoundedProducts {
  let primitives = MatmulPrimitives()
  /// Sums of leaves.
  fileprivate var leafSums = GrowingStorage()
  /// A factor and a product of few rows.
  fileprivate var fewRows = [GrowingStorage(), GrowingStorage()]
}

extension ProductScratch {
  /// result = a · b (+ result if `accumulate`) from factors rounded to bfloat16.
  func multiplyRounded(
    into result: Matrix, _ a: some ProductOperand, _ b: some ProductOperand, accumulate: Bool, order: SumOrder
  ) {
    if order != .chain, let a = a as? TransposedMatrix, let b = b as? Matrix {
      multiplyLeaves(into: result, a, b, order: order)
    } else {
      multiplyRounded(into: result, a, b, accumulate: accumulate)
    }
  }

  /// oneDNN's `gemm` implementation is asked for by name: unlike its other one, it gives an element the same bits whatever rows and
  /// columns are computed with it, from 32 rows on. Its order of sums is its own, and other processors may have another.
  private func multiplyRounded(
    into result: Matrix, _ a: some ProductOperand, _ b: some ProductOperand, accumulate: Bool
  ) {
    guard a.isTransposed || result.rowCount >= fewestRoundedRows else {
      return multiplyFewRows(into: result, a.matrix, b, accumulate: accumulate)
    }
    let (left, right) = (roundedCopies.rounded(a.matrix, factor: 0), roundedCopies.rounded(b.matrix, factor: 1))
    // Each thread multiplies a slice by itself: oneDNN's own division among threads may cut the sum, and then the bits depend on the
    // thread count. The longer side is cut, since a thread packs all of the other factor.
    let (m, n) = (result.rowCount, result.columnCount)
    let threads = min(ThreadPool.threadCount, 1 + m * n * a.columns / 65536)
    let blocks = RowPartition(rowCount: max(1, max(m, n) / 32), rankCount: threads)
    let slices = blocks.slices.filter { !$0.isEmpty }.map {
      let part = 32 * $0.lowerBound..<($0.upperBound == blocks.rowCount ? max(m, n) : 32 * $0.upperBound)
      return n > m ? (rows: 0..<m, columns: part) : (rows: part, columns: 0..<n)
    }
    let primitives = slices.enumerated().map { part, slice in
      roundedProducts.primitives.primitive(
        MatmulKey(
          rows: slice.rows.count, inner: a.columns, columns: slice.columns.count, leftStride: left.stride,
          leftIsTransposed: a.isTransposed, rightStride: right.stride, rightIsTransposed: b.isTransposed,
          resultStride: result.rowStride, accumulates: accumulate, part: part))
    }
    fork(slices.count) { part in
      for index in part {
        let (rows, columns) = (slices[index].rows, slices[index].columns)
        primitives[index].run(
          left.start + rows.lowerBound * (a.isTransposed ? 1 : left.stride),
          right.start + columns.lowerBound * (b.isTransposed ? right.stride : 1),
          result.row(rows.lowerBound) + columns.lowerBound)
        if index == 0 { breaks?.take() }
      }
    }
  }

  /// As `multiplyRounded` of a sum over the rows of a batch, aᵀ [M×N rows] · b: a product for each leaf, added up as the tree says, some
  /// rows of the result at a time so that they stay in the second cache.
  private func multiplyLeaves(into result: Matrix, _ a: TransposedMatrix, _ b: Matrix, order: SumOrder) {
    let leaves = LeafList(order, rowCount: b.rowCount)
    roundedCopies.keep(a.matrix)
    roundedCopies.keep(b)
    let blockRows = max(32, min(result.rowCount, (1 << 19) / max(result.columnCount, 1) / 32 * 32))
    let floats = blockRows * result.columnCount
    roundedProducts.leafSums.reserve(leaves.depth * floats)
    let sums = roundedProducts.leafSums.storage
    for first in stride(from: 0, to: result.rowCount, by: blockRows) {
      let units = first..<min(first + blockRows, result.rowCount)
      let places = (0..<leaves.depth).map {
        $0 == 0
          ? result.rows(units)
          : Matrix(
            storage: sums, offset: $0 * floats, rowCount: units.count, columnCount: result.columnCount,
            rowStride: result.columnCount)
      }
      leaves.forEach { leaf in
        multiplyRounded(
          into: places[leaf.slot], a.matrix.rows(leaf.rows).columns(units).transposed, b.rows(leaf.rows),
          accumulate: false)
        for below in 0..<leaf.merges { add(places[leaf.slot - below - 1], places[leaf.slot - below]) }
      }
    }
  }

  private func multiplyFewRows(into result: Matrix, _ a: Matrix, _ b: some ProductOperand, accumulate: Bool) {
    let count = result.rowCount
    func room(_ index: Int, columns: Int) -> Matrix {
      roundedProducts.fewRows[index].reserve(fewestRoundedRows * columns)
      let room = Matrix(
        storage: roundedProducts.fewRows[index].storage, offset: 0, rowCount: fewestRoundedRows, columnCount: columns,
        rowStride: columns)
      room.fill(0)
      return room
    }
    let (product, left) = (room(0, columns: result.columnCount), room(1, columns: a.columnCount))
    if accumulate { product.rows(0..<count).copy(from: result) }
    left.rows(0..<count).copy(from: a)
    multiplyRounded(into: product, left, b, accumulate: accumulate)
    result.copy(from: product.rows(0..<count))
  }
}

/// Fewer rows are multiplied as so many, the others being zero.
private let fewestRoundedRows = 32
