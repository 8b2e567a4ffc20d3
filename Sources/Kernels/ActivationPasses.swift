// Element-wise passes around the linear layers. N rows of the local batch, K columns (a layer's width), S classes.
import Matrices

/// x [N×K] ← LeakyReLU₀.₂(x + base[label]), row by row.
///
/// - Parameters:
///   - base: S×K, the part of the layer that depends on the class alone (W_a·a_s + bias).
///   - labels: N class indices in 0..<S.
package func addClassAndLeakyReLU(_ x: Matrix, base: Matrix, labels: [Int]) {
  precondition(labels.count == x.rowCount && base.columnCount == x.columnCount)
  parallel(x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1))) { part in
    for r in part {
      let row = x.row(r)
      let add = base.row(labels[r])
      for c in stride(from: 0, to: x.columnCount, by: vectorWidth) {
        let left = x.columnCount &- c
        let value = load(row + c, left) + load(add + c, left)
        store(value * leakySlope(value), row + c, left)
      }
    }
  }
}

/// dx [N×K] ← dx ⊙ LeakyReLU₀.₂′, from the layer's output y (whose sign is its input's).
package func leakyReLUBackward(_ dx: Matrix, output y: Matrix) {
  precondition(dx.rowCount == y.rowCount && dx.columnCount == y.columnCount)
  parallel(dx.rowCount, grain: max(1, 16384 / max(dx.columnCount, 1))) { part in
    for r in part {
      let (row, out) = (dx.row(r), y.row(r))
      for c in stride(from: 0, to: dx.columnCount, by: vectorWidth) {
        let left = dx.columnCount &- c
        store(load(row + c, left) * leakySlope(load(out + c, left)), row + c, left)
      }
    }
  }
}

/// x [N×K] ← ReLU(x + bias), or x + bias without the activation. `bias` is 1×K.
package func addBias(_ x: Matrix, bias: Matrix, relu: Bool) {
  precondition(bias.rowCount == 1 && bias.columnCount == x.columnCount)
  parallel(x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1))) { part in
    for r in part {
      let row = x.row(r)
      for c in stride(from: 0, to: x.columnCount, by: vectorWidth) {
        let left = x.columnCount &- c
        let value = load(row + c, left) + load(bias.start + c, left)
        store(relu ? positivePart(value) : value, row + c, left)
      }
    }
  }
}

/// dx [N×K] ← dx where the layer's output y is above zero, else 0.
package func reluBackward(_ dx: Matrix, output y: Matrix) {
  precondition(dx.rowCount == y.rowCount && dx.columnCount == y.columnCount)
  parallel(dx.rowCount, grain: max(1, 16384 / max(dx.columnCount, 1))) { part in
    for r in part {
      let (row, out) = (dx.row(r), y.row(r))
      for c in stride(from: 0, to: dx.columnCount, by: vectorWidth) {
        let left = dx.columnCount &- c
        store(Vector().replacing(with: load(row + c, left), where: load(out + c, left) .> Vector()), row + c, left)
      }
    }
  }
}

/// sums [1×K] ← column sums of x [N×K] (overwritten).
package func columnSums(of x: Matrix, into sums: Matrix) {
  precondition(sums.rowCount == 1 && sums.columnCount == x.columnCount)
  parallelStripes(x.columnCount) { sumRows(x, stripe: $0, into: sums) }
}

/// Sums the rows of a stripe in blocks of 64 and then the blocks, which keeps the rounding error of long batches small.
private func sumRows(_ x: Matrix, stripe: Range<Int>, into sums: Matrix) {
  for c in stride(from: stripe.lowerBound, to: stripe.upperBound, by: vectorWidth) {
    let left = stripe.upperBound &- c
    var total = Vector()
    for block in stride(from: 0, to: x.rowCount, by: 64) {
      var sum = Vector()
      for r in block..<min(block &+ 64, x.rowCount) { sum += load(x.row(r) + c, left) }
      total += sum
    }
    store(total, sums.start + c, left)
  }
}

/// sums [S×K] ← per class, the sum of the rows of x [N×K] with that label (overwritten).
package func classSums(of x: Matrix, labels: [Int], into sums: Matrix) {
  precondition(labels.count == x.rowCount && sums.columnCount == x.columnCount)
  parallelStripes(x.columnCount) { stripe in
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

/// Adds `bias` [1×K] to every row of x [N×K]; for the few rows of per-class tables.
package func addRow(_ x: Matrix, _ bias: Matrix) { addBias(x, bias: bias, relu: false) }

/// x [N×K] ← x + y.
package func add(_ x: Matrix, _ y: Matrix) {
  precondition(x.rowCount == y.rowCount && x.columnCount == y.columnCount)
  parallel(x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1))) { part in
    for r in part {
      let (row, other) = (x.row(r), y.row(r))
      for c in stride(from: 0, to: x.columnCount, by: vectorWidth) {
        let left = x.columnCount &- c
        store(load(row + c, left) + load(other + c, left), row + c, left)
      }
    }
  }
}
