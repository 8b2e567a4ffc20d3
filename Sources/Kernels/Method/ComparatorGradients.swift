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
        for half in stride(from: 0, to: 32, by: vectorWidth) {
          let products = rowGradients(u, c, rows: leaf.rows, tile, half, classSums: own + half)
          store(products, own + (classCount &* 32 &+ half))
        }
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
      let tile = room.tile(number, v, weight)
      for half in stride(from: 0, to: 32, by: vectorWidth) {
        _ = rowGradients(u, c, rows: 0..<u.rowCount, tile, half, classSums: nil)
      }
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

/// Half a tile's columns of u ← du, some rows; Q added to `classSums`, every 32nd float of which is a class's first, if wanted. Returns
/// Σ_i u_ik P_ik.
@inline(__always)
private func rowGradients(
  _ u: Matrix, _ c: Matrix, rows: Range<Int>, _ tile: ComparatorTile, _ half: Int,
  classSums: UnsafeMutablePointer<Float>?
) -> Vector {
  let (k, v) = (tile.column &+ half, tile.v + half)
  let first = load(v)
  let weight = load(tile.weight + half) * 0.4
  // 0.6 + 0.4 σ.
  let (high, low) = (Vector(repeating: 1), Vector(repeating: Float(0.6).addingProduct(0.4, -1)))
  var products = Vector()
  // Two rows at a time: their P in registers, Q loaded and stored once for both.
  for i in stride(from: rows.lowerBound, to: rows.upperBound, by: 2) {
    let isPair = i &+ 1 < rows.upperBound
    let (rowA, rowB) = (u.row(i) + k, isPair ? u.row(i &+ 1) + k : tile.noRow + half)
    let (cA, cB) = (c.row(i), isPair ? c.row(i &+ 1) : tile.noScores)
    let (uA, uB) = (load(rowA), load(rowB))
    let (firstA, firstB) = (signs(uA + first), signs(uB + first))
    var (pA, pB) = (Vector(), Vector())
    for s in 0..<tile.classCount {
      let own = load(v + s &* 32)
      let (a, b) = (Vector(repeating: cA[s]), Vector(repeating: cB[s]))
      let (sA, sB) = (signs(uA + own), signs(uB + own))
      // σ_sk − σ_0k is −2σ_0k where the signs differ, else 0: the factor can wait.
      pA += choose(a, orElse: Vector(), whereNegative: sA ^ firstA)
      pB += choose(b, orElse: Vector(), whereNegative: sB ^ firstB)
      guard let classSums else { continue }
      let sum = classSums + s &* 32
      store(
        load(sum).addingProduct(choose(low, orElse: high, whereNegative: sA), a)
          .addingProduct(choose(low, orElse: high, whereNegative: sB), b), sum)
    }
    // Added to +0, as −0 is none of the sums that P stands for.
    pA = Vector().addingProduct(pA, -2 * unitSign(uA + first))
    pB = Vector().addingProduct(pB, -2 * unitSign(uB + first))
    products.addProduct(uA, pA)
    products.addProduct(uB, pB)
    store(pA * weight, rowA)
    store(pB * weight, rowB)
  }
  return products
}

/// The bits of each lane, of which the highest is its sign.
@inline(__always)
private func signs(_ value: Vector) -> SIMD16<Int32> { unsafeBitCast(value, to: SIMD16<Int32>.self) }

/// Lane by lane one or the other, as the highest bit says.
@inline(__always)
private func choose(_ value: Vector, orElse other: Vector, whereNegative bits: SIMD16<Int32>) -> Vector {
  other.replacing(with: value, where: bits .< SIMD16<Int32>())
}
