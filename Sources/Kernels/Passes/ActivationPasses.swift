// Element-wise passes around the linear layers. N rows of the local batch, U columns (a layer's width), S classes.
import Matrices

/// sums [1×U] ← column sums of x [N×U] (overwritten), rows in the given order.
package func columnSums(of x: Matrix, into sums: Matrix, order: SumOrder) {
  precondition(sums.rowCount == 1 && sums.columnCount == x.columnCount)
  let leaves = LeafList(order, rowCount: x.rowCount)
  parallelStripes(x.columnCount, "column sums", floats: x.count) { stripe in
    withUnsafeTemporaryAllocation(byteCount: leaves.depth * 256, alignment: 64) { room in
      guard let stack = room.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
      // Four cache lines of a row at a time, where there are as many.
      for c in stride(from: stripe.lowerBound, to: stripe.upperBound, by: 64) {
        sumRows(x, leaves, column: c, count: min(64, stripe.upperBound &- c), stack, into: sums.start + c)
      }
    }
  }
}

/// Up to 64 columns; a place of the stack holds as many.
private func sumRows(
  _ x: Matrix, _ leaves: LeafList, column: Int, count: Int, _ stack: UnsafeMutablePointer<Float>,
  into sums: UnsafeMutablePointer<Float>
) {
  leaves.forEach { leaf in
    let place = stack + leaf.slot &* 64
    if count == 64 {
      var (s0, s1, s2, s3) = (Vector(), Vector(), Vector(), Vector())
      for r in leaf.rows {
        let row = x.row(r) + column
        s0 += load(row)
        s1 += load(row + 16)
        s2 += load(row + 32)
        s3 += load(row + 48)
      }
      store(s0, place)
      store(s1, place + 16)
      store(s2, place + 32)
      store(s3, place + 48)
    } else {
      for c in stride(from: 0, to: count, by: vectorWidth) {
        var sum = Vector()
        for r in leaf.rows { sum += load(x.row(r) + (column &+ c), count &- c) }
        store(sum, place + c)
      }
    }
    for below in 0..<leaf.merges {
      addPlace(place - (below &+ 1) &* 64, place - below &* 64, count: count)
    }
  }
  for c in stride(from: 0, to: count, by: vectorWidth) {
    store(leaves.isEmpty ? Vector() : load(stack + c), sums + c, count &- c)
  }
}

/// sums [S×U] ← per class, the sum of the rows of x [N×U] with that label (overwritten), rows in the given order.
package func classSums(of x: Matrix, labels: [Int], into sums: Matrix, order: SumOrder) {
  precondition(labels.count == x.rowCount && sums.columnCount == x.columnCount)
  let (leaves, classCount) = (LeafList(order, rowCount: x.rowCount), sums.rowCount)
  parallelStripes(x.columnCount, rowsHeld: 2 * classCount, "class sums", floats: x.count + sums.count) { stripe in
    let width = (stripe.count &+ 15) & ~15
    let place = classCount &* width
    withUnsafeTemporaryAllocation(byteCount: 4 * max(place, 16) * leaves.depth, alignment: 64) { room in
      guard let stack = room.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
      if leaves.isEmpty { stack.update(repeating: 0, count: place) }
      leaves.forEach { leaf in
        let own = stack + leaf.slot &* place
        own.update(repeating: 0, count: place)
        for r in leaf.rows {
          let (row, sum) = (x.row(r) + stripe.lowerBound, own + labels[r] &* width)
          for c in stride(from: 0, to: stripe.count, by: vectorWidth) {
            store(load(sum + c) + load(row + c, stripe.count &- c), sum + c)
          }
        }
        for below in 0..<leaf.merges { addPlace(own - (below &+ 1) &* place, own - below &* place, count: place) }
      }
      for s in 0..<classCount {
        (sums.row(s) + stripe.lowerBound).update(from: stack + s &* width, count: stripe.count)
      }
    }
  }
}
