// Random matrices whose element depends on (seed, stream, step, global row, column) alone. N local rows, K columns.
import Glibc
import Matrices

/// x [N×K] ← standard normal draws times `scale`, by Box–Muller: each Philox block of four words gives four of them.
///
/// - Parameter firstRow: global index of the local row 0.
package func fillNormal(
  _ x: Matrix, _ source: RandomSource, _ stream: RandomStream, step: Int, firstRow: Int, scale: Float = 1
) {
  parallel(
    x.rowCount, grain: max(1, 1024 / max(x.columnCount, 1)), "normal draws", kind: .data, floats: x.count
  ) { part in
    for r in part {
      let row = x.row(r)
      for c in stride(from: 0, to: x.columnCount, by: 4) {
        let w = source.words(stream, step: step, row: firstRow &+ r, block: c / 4)
        let (a, b) = normalPair(w.x, w.y)
        let (d, e) = normalPair(w.z, w.w)
        let four = SIMD4(a, b, d, e) * scale
        for lane in 0..<min(4, x.columnCount &- c) { row[c &+ lane] = four[lane] }
      }
    }
  }
}

/// Two independent standard normal draws from two words. The radius uses (0, 1], so its logarithm is finite.
private func normalPair(_ first: UInt32, _ second: UInt32) -> (Float, Float) {
  let radius = (-2 * log((Double(first) + 1) * 0x1p-32)).squareRoot()
  let angle = 2 * Double.pi * Double(second) * 0x1p-32
  return (Float(radius * cos(angle)), Float(radius * sin(angle)))
}

/// x [1×N] ← uniform draws in [0, 1), one per global row.
package func fillUniform(_ x: Matrix, _ source: RandomSource, _ stream: RandomStream, step: Int, firstRow: Int) {
  for c in 0..<x.columnCount { x.start[c] = source.uniform(stream, step: step, row: firstRow + c) }
}

/// x [N×K] ← the rows of `table` at `indices`.
package func gatherRows(_ x: Matrix, from table: Matrix, _ indices: ArraySlice<Int>) {
  precondition(indices.count == x.rowCount && table.columnCount == x.columnCount)
  let first = indices.startIndex
  parallel(
    x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1)), "row gathering", kind: .data, floats: 2 * x.count
  ) { part in
    for r in part { x.row(r).update(from: table.row(indices[first &+ r]), count: x.columnCount) }
  }
}

/// x [N×K] ← y, on all threads.
package func copyRows(_ x: Matrix, from y: Matrix) {
  precondition(x.rowCount == y.rowCount && x.columnCount == y.columnCount)
  parallel(
    x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1)), "row copies", kind: .data, floats: 2 * x.count
  ) { part in
    for r in part { x.row(r).update(from: y.row(r), count: x.columnCount) }
  }
}
