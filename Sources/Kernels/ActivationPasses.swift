// Element-wise passes around the linear layers. N rows of the local batch, K columns (a layer's width), S classes.
import Matrices

/// Calls `body` once per vector of x [N×K], rows shared out among the threads, with the row, the vector's first column and
/// the lanes left from there.
@inline(__always)
private func forEachVector(
  _ x: Matrix, _ name: StaticString, floats: Int, _ body: (_ row: Int, _ column: Int, _ left: Int) -> Void
) {
  parallel(x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1)), name, floats: floats) { part in
    for r in part {
      for c in stride(from: 0, to: x.columnCount, by: vectorWidth) { body(r, c, x.columnCount &- c) }
    }
  }
}

/// x [N×K] ← x + y.
package func add(_ x: Matrix, _ y: Matrix) {
  precondition(x.rowCount == y.rowCount && x.columnCount == y.columnCount)
  forEachVector(x, "sum of two", floats: 3 * x.count) { r, c, left in
    store(load(x.row(r) + c, left) + load(y.row(r) + c, left), x.row(r) + c, left)
  }
}

/// sums [1×K] ← column sums of x [N×K] (overwritten).
package func columnSums(of x: Matrix, into sums: Matrix) {
  precondition(sums.rowCount == 1 && sums.columnCount == x.columnCount)
  parallelStripes(x.columnCount, "column sums", floats: x.count) { sumRows(x, stripe: $0, into: sums) }
}

/// Sums the rows of a stripe in blocks of 64 and then the blocks, which keeps the rounding error of long batches small.
private func sumRows(_ x: Matrix, stripe: Range<Int>, into sums: Matrix) {
  var c = stripe.lowerBound
  // Four cache lines of a row at a time, where there are as many.
  while c &+ 64 <= stripe.upperBound {
    var (t0, t1, t2, t3) = (Vector(), Vector(), Vector(), Vector())
    for block in stride(from: 0, to: x.rowCount, by: 64) {
      var (s0, s1, s2, s3) = (Vector(), Vector(), Vector(), Vector())
      for r in block..<min(block &+ 64, x.rowCount) {
        let row = x.row(r) + c
        s0 += load(row)
        s1 += load(row + 16)
        s2 += load(row + 32)
        s3 += load(row + 48)
      }
      t0 += s0
      t1 += s1
      t2 += s2
      t3 += s3
    }
    store(t0, sums.start + c)
    store(t1, sums.start + c + 16)
    store(t2, sums.start + c + 32)
    store(t3, sums.start + c + 48)
    c &+= 64
  }
  while c < stripe.upperBound {
    let left = stripe.upperBound &- c
    var total = Vector()
    for block in stride(from: 0, to: x.rowCount, by: 64) {
      var sum = Vector()
      for r in block..<min(block &+ 64, x.rowCount) { sum += load(x.row(r) + c, left) }
      total += sum
    }
    store(total, sums.start + c, left)
    c &+= vectorWidth
  }
}

/// sums [S×K] ← per class, the sum of the rows of x [N×K] with that label (overwritten).
package func classSums(of x: Matrix, labels: [Int], into sums: Matrix) {
  precondition(labels.count == x.rowCount && sums.columnCount == x.columnCount)
  parallelStripes(x.columnCount, rowsHeld: sums.rowCount, "class sums", floats: x.count + sums.count) { stripe in
    for s in 0..<sums.rowCount { (sums.row(s) + stripe.lowerBound).update(repeating: 0, count: stripe.count) }
    for r in 0..<x.rowCount {
      let (row, sum) = (x.row(r), sums.row(labels[r]))
      for c in stride(from: stripe.lowerBound, to: stripe.upperBound, by: vectorWidth) {
        let left = stripe.upperBound &- c
        store(load(sum + c, left) + load(row + c, left), sum + c, left)
      }
    }
  }
}
