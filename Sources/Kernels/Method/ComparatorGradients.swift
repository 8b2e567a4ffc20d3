// The gradient of the comparator's scores without pairs, Method.md, identity 2. N rows of the local batch, S seen classes, K comparator
// width. Padding as in `ComparatorScores.swift`.
import Matrices

/// Sums over some rows of a batch, from which `finishComparator` makes the gradients of v and w.
package struct ComparatorSums {
  /// S×K: Q.
  package let classes: Matrix
  /// 1×K: Σ_i u_ik P_ik.
  package let rowProducts: Matrix

  package init(classes: Matrix, rowProducts: Matrix) {
    self.classes = classes
    self.rowProducts = rowProducts
  }
}

/// Gradient of a loss on the scores with respect to u, and the sums over some rows of a batch from which `finishComparator` makes
/// those of v and w, given c = ∂L/∂score with Σ_s c_is = 0 for every row.
///
/// With σ = sgn(u_ik + v_sk), P_ik = Σ_s c_is σ and Q_sk = Σ_i c_is (0.6 + 0.4 σ), where the bracket is LeakyReLU's slope:
/// du = 0.4 w P.
///
/// P is summed as Σ_s c_is (σ_sk − σ_0k), the same number since Σ_s c_is = 0. Early in training most units have one sign for
/// all classes; their gradient is then exactly 0 here, and would be rounding noise, which Adam blows up, if summed plainly.
///
/// - Parameters:
///   - u: N×K padded; in: u, out: du.
///   - v: S×K padded.
///   - weight: 1×K padded.
///   - c: N×S.
///   - order: of the rows.
package func comparatorBackward(
  u: Matrix, v: Matrix, weight: Matrix, c: Matrix, into sums: ComparatorSums, order: SumOrder
) {
  checkPadded(u, v, weight)
  let (classCount, leaves) = (v.rowCount, LeafList(order, rowCount: u.rowCount))
  // A place of the stack: Q of the tile, and Σ u·P.
  let place = classCount * 32 + 32
  parallel(paddedWidth(u) / 32, "comparator backward", floats: 2 * u.count + 2 * v.count + c.count) { part in
    let room = ComparatorRoom(classCount: classCount, stackFloats: max(leaves.depth, 1) * place)
    defer { room.release() }
    for number in part {
      let tile = room.tile(number, v, weight)
      if leaves.isEmpty { room.stack.update(repeating: 0, count: place) }
      leaves.forEach { leaf in
        let own = room.stack + leaf.slot &* place
        own.update(repeating: 0, count: place)
        let (p0, p1) = rowGradients(u, c, rows: leaf.rows, tile, classSums: own)
        store(p0, own + classCount &* 32)
        store(p1, own + (classCount &* 32 &+ 16))
        for below in 0..<leaf.merges { addPlace(own - (below &+ 1) &* place, own - below &* place, count: place) }
      }
      let (k, left) = (tile.column, sums.rowProducts.columnCount &- tile.column)
      for half in stride(from: 0, to: min(32, left), by: vectorWidth) {
        for s in 0..<classCount {
          store(load(room.stack + s &* 32 + half), sums.classes.row(s) + k + half, left &- half)
        }
        store(load(room.stack + classCount &* 32 + half), sums.rowProducts.start + k + half, left &- half)
      }
    }
  }
}

/// The first part of `comparatorBackward` alone, the same bits: u [N×K padded] ← du.
package func comparatorRowGradient(u: Matrix, v: Matrix, weight: Matrix, c: Matrix) {
  checkPadded(u, v, weight)
  parallel(paddedWidth(u) / 32, "comparator row gradient", floats: 2 * u.count + v.count + c.count) { part in
    let room = ComparatorRoom(classCount: v.rowCount, stackFloats: 0)
    defer { room.release() }
    for number in part {
      _ = rowGradients(u, c, rows: 0..<u.rowCount, room.tile(number, v, weight), classSums: nil)
    }
  }
}

/// From the sums over all rows of a batch to the gradients of v and w, for some units:
/// dv = w Q; and, as LeakyReLU(t) = slope·t and the 0.6-part of Σ_s c_is u_ik is 0, dw_k = 0.4 Σ_i u_ik P_ik + Σ_s v_sk Q_sk.
///
/// - Parameters:
///   - classSums: S×units; in: Q, out: dv.
///   - v: S×units.
///   - weight: 1×units.
///   - dWeight: 1×units; in: Σ_i u_ik P_ik, out: dw.
package func finishComparator(classSums: Matrix, v: Matrix, weight: Matrix, dWeight: Matrix) {
  let classCount = v.rowCount
  precondition(classSums.rowCount == classCount)
  parallelStripes(dWeight.columnCount, "comparator finish", floats: 3 * v.count) { stripe in
    for k in stride(from: stripe.lowerBound, to: stripe.upperBound, by: vectorWidth) {
      let left = stripe.upperBound &- k
      let w = load(weight.start + k, left)
      var dw = load(dWeight.start + k, left) * 0.4
      for s in 0..<classCount {
        let q = load(classSums.row(s) + k, left)
        dw.addProduct(load(v.row(s) + k, left), q)
        store(q * w, classSums.row(s) + k, left)
      }
      store(dw, dWeight.start + k, left)
    }
  }
}

/// 32 columns, and what a thread keeps of them in the nearest cache while all rows pass.
private struct ComparatorTile {
  /// The first of them.
  let column: Int
  let classCount: Int
  /// S×32, and 32 elements of w.
  let v: UnsafePointer<Float>
  let weight: UnsafePointer<Float>
  /// The row behind an odd number of rows: S scores and 32 columns of u, all 0.
  let noScores, noRow: UnsafeMutablePointer<Float>
}

/// A thread's memory for its tiles, one after the other.
private struct ComparatorRoom {
  let classCount: Int
  private let v, noScores, noRow: UnsafeMutablePointer<Float>
  /// Sums of leaves and nodes.
  let stack: UnsafeMutablePointer<Float>

  init(classCount: Int, stackFloats: Int) {
    self.classCount = classCount
    let count = classCount &* 32
    v = .allocate(capacity: count &+ classCount &+ 32 &+ stackFloats)
    (noScores, noRow) = (v + count, v + count + classCount)
    stack = noRow + 32
    noScores.update(repeating: 0, count: classCount &+ 32)
  }

  func tile(_ number: Int, _ matrix: Matrix, _ weight: Matrix) -> ComparatorTile {
    let column = number &* 32
    for s in 0..<classCount { (v + s &* 32).update(from: matrix.row(s) + column, count: 32) }
    return ComparatorTile(
      column: column, classCount: classCount, v: v, weight: weight.start + column, noScores: noScores, noRow: noRow)
  }

  func release() { v.deallocate() }
}

/// 32 columns of u ← du, some rows; Q added to `classSums`, S×32, if wanted. Returns Σ_i u_ik P_ik.
@inline(__always)
private func rowGradients(
  _ u: Matrix, _ c: Matrix, rows: Range<Int>, _ tile: ComparatorTile, classSums: UnsafeMutablePointer<Float>?
) -> (Vector, Vector) {
  let (classCount, k) = (tile.classCount, tile.column)
  let (f0, f1) = (load(tile.v), load(tile.v + 16))
  let (w0, w1) = (load(tile.weight) * 0.4, load(tile.weight + 16) * 0.4)
  var (dw0, dw1) = (Vector(), Vector())
  // Two rows at a time: their P in registers, Q loaded and stored once for both.
  for i in stride(from: rows.lowerBound, to: rows.upperBound, by: 2) {
    let isPair = i &+ 1 < rows.upperBound
    let (uA, uB) = (u.row(i) + k, isPair ? u.row(i &+ 1) + k : tile.noRow)
    let (cA, cB) = (c.row(i), isPair ? c.row(i &+ 1) : tile.noScores)
    let (uA0, uA1, uB0, uB1) = (load(uA), load(uA + 16), load(uB), load(uB + 16))
    let (firstA0, firstA1) = (unitSign(uA0 + f0), unitSign(uA1 + f1))
    let (firstB0, firstB1) = (unitSign(uB0 + f0), unitSign(uB1 + f1))
    var (pA0, pA1, pB0, pB1) = (Vector(), Vector(), Vector(), Vector())
    for s in 0..<classCount {
      let (v0, v1) = (load(tile.v + s &* 32), load(tile.v + s &* 32 + 16))
      let (a, b) = (Vector(repeating: cA[s]), Vector(repeating: cB[s]))
      let (sA0, sA1) = (unitSign(uA0 + v0), unitSign(uA1 + v1))
      let (sB0, sB1) = (unitSign(uB0 + v0), unitSign(uB1 + v1))
      pA0.addProduct(sA0 - firstA0, a)
      pA1.addProduct(sA1 - firstA1, a)
      pB0.addProduct(sB0 - firstB0, b)
      pB1.addProduct(sB1 - firstB1, b)
      guard let classSums else { continue }
      let sum = classSums + s &* 32
      let (even, part) = (Vector(repeating: 0.6), Vector(repeating: 0.4))
      let (mA0, mA1) = (even.addingProduct(sA0, part), even.addingProduct(sA1, part))
      let (mB0, mB1) = (even.addingProduct(sB0, part), even.addingProduct(sB1, part))
      store(load(sum).addingProduct(mA0, a).addingProduct(mB0, b), sum)
      store(load(sum + 16).addingProduct(mA1, a).addingProduct(mB1, b), sum + 16)
    }
    dw0.addProduct(uA0, pA0)
    dw1.addProduct(uA1, pA1)
    dw0.addProduct(uB0, pB0)
    dw1.addProduct(uB1, pB1)
    store(pA0 * w0, uA)
    store(pA1 * w1, uA + 16)
    store(pB0 * w0, uB)
    store(pB1 * w1, uB + 16)
  }
  return (dw0, dw1)
}
