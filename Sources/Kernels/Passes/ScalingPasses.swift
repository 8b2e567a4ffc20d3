// Passes over a whole data set: N rows, X features.
import Matrices

/// Per column, the smallest and the largest value over the chosen rows of x [N×X], as 1×X matrices.
package func columnRange(of x: Matrix, rows: [Int]) -> (minimum: Matrix, maximum: Matrix) {
  let minimum = Matrix(rows: 1, columns: x.columnCount)
  let maximum = Matrix(rows: 1, columns: x.columnCount)
  parallelStripes(x.columnCount, "column range", floats: rows.count * x.columnCount) { stripe in
    for c in stride(from: stripe.lowerBound, to: stripe.upperBound, by: vectorWidth) {
      let left = stripe.upperBound &- c
      var low = Vector(repeating: .infinity)
      var high = Vector(repeating: -.infinity)
      for r in rows {
        let value = load(x.row(r) + c, left)
        low.replace(with: value, where: value .< low)
        high.replace(with: value, where: value .> high)
      }
      store(low, minimum.start + c, left)
      store(high, maximum.start + c, left)
    }
  }
  return (minimum, maximum)
}

/// x [N×X] ← (t − minimum) / range / maximum of the rows t of `table` at `indices`, per column and with one maximum for all.
package func gatherScaledRows(
  _ x: Matrix, from table: Matrix, _ indices: ArraySlice<Int>, minimum: Matrix, range: Matrix, maximum: Float
) {
  precondition(indices.count == x.rowCount && table.columnCount == x.columnCount)
  let (first, width) = (indices.startIndex, x.columnCount)
  let top = Vector(repeating: maximum)
  parallel(x.rowCount, grain: max(1, 16384 / max(width, 1)), "row gathering", kind: .data, floats: 2 * x.count) {
    part in
    for r in part {
      let (row, source) = (x.row(r), table.row(indices[first &+ r]))
      for c in stride(from: 0, to: width, by: vectorWidth) {
        let left = width &- c
        // Lanes beyond the last column divide 0 by 0 and are not stored.
        store(
          (load(source + c, left) - load(minimum.start + c, left)) / load(range.start + c, left) / top, row + c, left)
      }
    }
  }
}

/// x [N×X] ← x · maximum · range + minimum, per column and with one maximum for all: undoes `gatherScaledRows`, but for rounding.
package func unscaleRows(_ x: Matrix, minimum: Matrix, range: Matrix, maximum: Float) {
  let width = x.columnCount
  let top = Vector(repeating: maximum)
  parallel(x.rowCount, grain: max(1, 16384 / max(width, 1)), "row unscaling", floats: 2 * x.count) { part in
    for r in part {
      let row = x.row(r)
      for c in stride(from: 0, to: width, by: vectorWidth) {
        let left = width &- c
        let value = load(minimum.start + c, left).addingProduct(load(row + c, left) * top, load(range.start + c, left))
        store(value, row + c, left)
      }
    }
  }
}

/// The first element of x that is NaN or infinite, in row-major order.
package func firstNonFinite(_ x: Matrix) -> (row: Int, column: Int)? {
  guard nonFiniteCount(x) > 0 else { return nil }
  for r in 0..<x.rowCount {
    let row = x.row(r)
    for c in 0..<x.columnCount where !row[c].isFinite { return (r, c) }
  }
  return nil
}
