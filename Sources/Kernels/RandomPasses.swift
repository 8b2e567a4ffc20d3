// Random matrices whose element depends on (seed, stream, step, global row, column) alone. N local rows, K columns.
import Glibc
import Matrices

/// x [N×K] ← standard normal draws times `scale`, by Box–Muller: each Philox block of four words gives four of them.
///
/// - Parameter firstRow: global index of the local row 0.
package func fillNormal(
  _ x: Matrix, _ source: RandomSource, _ stream: RandomStream, step: Int, firstRow: Int, scale: Float = 1
) {
  let blockCount = (x.columnCount + 3) / 4
  parallel(
    x.rowCount, grain: max(1, 1024 / max(x.columnCount, 1)), "normal draws", kind: .data, floats: x.count
  ) { part in
    for r in part {
      let row = x.row(r)
      // Sixteen blocks at a time: lane b holds the words of block `first` + b.
      for first in stride(from: 0, to: blockCount, by: vectorWidth) {
        var (w0, w1, w2, w3) = (WordVector(), WordVector(), WordVector(), WordVector())
        let lanes = min(vectorWidth, blockCount &- first)
        for lane in 0..<lanes {
          let words = source.words(stream, step: step, row: firstRow &+ r, block: first &+ lane)
          w0[lane] = words.x
          w1[lane] = words.y
          w2[lane] = words.z
          w3[lane] = words.w
        }
        let (a, b) = normalPairs(w0, w1)
        let (d, e) = normalPairs(w2, w3)
        for lane in 0..<lanes {
          let four = SIMD4(a[lane], b[lane], d[lane], e[lane]) * scale
          let c = 4 &* (first &+ lane)
          if c &+ 4 <= x.columnCount {
            UnsafeMutableRawPointer(row + c).storeBytes(of: four, as: SIMD4<Float>.self)
          } else {
            for i in 0..<(x.columnCount &- c) { row[c &+ i] = four[i] }
          }
        }
      }
    }
  }
}

private typealias WordVector = SIMD16<UInt32>

/// Two independent standard normal draws per lane from two words. The radius uses (0, 1], so its logarithm is finite.
@inline(__always)
private func normalPairs(_ first: WordVector, _ second: WordVector) -> (Vector, Vector) {
  // Halves are converted on their own: a word may exceed what a signed conversion takes.
  let high = Vector(truncatingSigned: first &>> WordVector(repeating: 16))
  let low = Vector(truncatingSigned: first & WordVector(repeating: 0xFFFF))
  let uniform = (high * 65536 + (low + 1)) * 0x1p-32
  let radius = squareRoot(-2 * naturalLogarithm(uniform))
  let (sine, cosine) = sineAndCosine(turns: second)
  return (radius * cosine, radius * sine)
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
