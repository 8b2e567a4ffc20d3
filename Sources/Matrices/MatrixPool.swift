/// The memory of a set of matrices, so that a second set, of the same matrices with fewer rows, can lie in the first one's
/// place. The sets are made in the same order, the largest first, and are never in use at once.
package final class MatrixPool {
  private var storages: [FloatStorage] = []
  private var next = 0

  package init() {}

  /// The next matrix asked for is the first of another set.
  package func rewind() { next = 0 }

  /// A matrix of zeros in the first set, in later ones a view of what stands at its place.
  package func matrix(rows: Int, columns: Int) -> Matrix {
    if next == storages.count { storages.append(FloatStorage(count: rows * columns)) }
    let storage = storages[next]
    next += 1
    return Matrix(storage: storage, offset: 0, rowCount: rows, columnCount: columns, rowStride: columns)
  }

  /// As `matrix`, with gaps between rows that would otherwise lie a multiple of 4 KiB apart and crowd the same lines of the
  /// caches: for what is read by columns, or as a transposed factor.
  package func spreadMatrix(rows: Int, columns: Int) -> Matrix {
    matrix(rows: rows, columns: columns % 1024 == 0 ? columns + 32 : columns).columns(0..<columns)
  }
}
