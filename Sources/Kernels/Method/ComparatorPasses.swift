// The comparator's scores and their gradient without pairs, Method.md, identity 2. N rows of the local batch, S seen classes,
// K comparator width. All matrices over K are padded: their row stride is a multiple of 32 and the padding of w is zero.
import Matrices

/// A matrix of zeros whose row stride is a multiple of 32 floats, as the comparator's passes want it.
package func paddedMatrix(rows: Int, columns: Int, in pool: MatrixPool = MatrixPool()) -> Matrix {
  pool.spreadMatrix(rows: rows, columns: (columns + 31) / 32 * 32).columns(0..<columns)
}

private func checkPadded(_ matrices: Matrix...) {
  for m in matrices { precondition(m.rowStride % 32 == 0 && m.offset % 16 == 0, "not a padded matrix") }
}

/// Columns of a padded matrix with those that the passes read beyond the last: a multiple of 32.
package func paddedWidth(_ m: Matrix) -> Int { (m.columnCount + 31) / 32 * 32 }

/// scores [N×S] ← 0.4 Σ_k w_k |u_ik + v_sk| + linear_s, which equals F(h_i, a_s) up to a term that is the same for every
/// s (it cancels in the softmax over s), since LeakyReLU(t) = 0.6t + 0.4|t|.
///
/// - Parameters:
///   - u: N×K padded, W_h·h_i + b₁.
///   - v: S×K padded, W_a·a_s.
///   - weight: 1×K padded, w.
///   - linear: 1×S, 0.6 Σ_k w_k v_sk.
///   - packed: 1×(S rounded up to 4)·(K padded), scratch.
package func comparatorScores(
  _ scores: Matrix, u: Matrix, v: Matrix, weight: Matrix, linear: Matrix, packed: Matrix
) {
  checkPadded(u, v, weight)
  let width = paddedWidth(u)
  let (rowCount, classCount) = (u.rowCount, v.rowCount)
  packClasses(v, into: packed)
  // Blocks of four rows by four classes: sixteen sums in registers. At an edge the last row or class is done again.
  parallel((rowCount + 3) / 4, "comparator scores", floats: u.count + v.count + scores.count) { part in
    for block in part {
      let first = 4 &* block
      let last = rowCount &- 1
      let rows = SIMD4(first, min(first &+ 1, last), min(first &+ 2, last), min(first &+ 3, last))
      for s in stride(from: 0, to: classCount, by: 4) {
        let group = packed.start + s &* width
        let sums = blockScores(
          u.row(rows.x), u.row(rows.y), u.row(rows.z), u.row(rows.w), group, weight.start, width)
        for lane in 0..<min(4, classCount &- s) {
          let own = linear.start[s &+ lane]
          scores.row(rows.x)[s &+ lane] = 0.4 * sums.0[lane] + own
          scores.row(rows.y)[s &+ lane] = 0.4 * sums.1[lane] + own
          scores.row(rows.z)[s &+ lane] = 0.4 * sums.2[lane] + own
          scores.row(rows.w)[s &+ lane] = 0.4 * sums.3[lane] + own
        }
      }
    }
  }
}

/// Σ_k w_k |u_k + v_sk| of four rows u and four packed classes.
@inline(never)
private func blockScores(
  _ u0: UnsafePointer<Float>, _ u1: UnsafePointer<Float>, _ u2: UnsafePointer<Float>, _ u3: UnsafePointer<Float>,
  _ group: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ width: Int
) -> (SIMD4<Float>, SIMD4<Float>, SIMD4<Float>, SIMD4<Float>) {
  var (a0, a1, a2, a3) = (Vector(), Vector(), Vector(), Vector())
  var (b0, b1, b2, b3) = (Vector(), Vector(), Vector(), Vector())
  var (c0, c1, c2, c3) = (Vector(), Vector(), Vector(), Vector())
  var (d0, d1, d2, d3) = (Vector(), Vector(), Vector(), Vector())
  @inline(__always)
  func add(_ sum: inout Vector, _ u: Vector, _ v: Vector, _ w: Vector) { sum = sum.addingProduct(magnitude(u + v), w) }
  var k = 0
  while k < width {
    let (w, four) = (load(weight + k), group + 4 &* k)
    let (v0, v1, v2, v3) = (load(four), load(four + 16), load(four + 32), load(four + 48))
    let (x0, x1, x2, x3) = (load(u0 + k), load(u1 + k), load(u2 + k), load(u3 + k))
    add(&a0, x0, v0, w)
    add(&a1, x0, v1, w)
    add(&a2, x0, v2, w)
    add(&a3, x0, v3, w)
    add(&b0, x1, v0, w)
    add(&b1, x1, v1, w)
    add(&b2, x1, v2, w)
    add(&b3, x1, v3, w)
    add(&c0, x2, v0, w)
    add(&c1, x2, v1, w)
    add(&c2, x2, v2, w)
    add(&c3, x2, v3, w)
    add(&d0, x3, v0, w)
    add(&d1, x3, v1, w)
    add(&d2, x3, v2, w)
    add(&d3, x3, v3, w)
    k &+= vectorWidth
  }
  return (
    SIMD4(laneSum(a0), laneSum(a1), laneSum(a2), laneSum(a3)),
    SIMD4(laneSum(b0), laneSum(b1), laneSum(b2), laneSum(b3)),
    SIMD4(laneSum(c0), laneSum(c1), laneSum(c2), laneSum(c3)),
    SIMD4(laneSum(d0), laneSum(d1), laneSum(d2), laneSum(d3))
  )
}

/// The rows of v in groups of four, a vector of each after the other, so that a block's classes are one stream. Beyond the last
/// class it is repeated.
private func packClasses(_ v: Matrix, into packed: Matrix) {
  let width = paddedWidth(v)
  precondition(packed.columnCount >= (v.rowCount + 3) / 4 * 4 * width && packed.offset % 16 == 0)
  parallel((v.rowCount + 3) / 4, grain: 8, "comparator packing", floats: 2 * v.count) { part in
    for group in part {
      for lane in 0..<4 {
        let row = v.row(min(4 &* group &+ lane, v.rowCount &- 1))
        let target = packed.start + (4 &* group &* width &+ lane &* vectorWidth)
        for k in stride(from: 0, to: width, by: vectorWidth) { store(load(row + k), target + 4 &* k) }
      }
    }
  }
}

/// linear [1×S] ← 0.6 Σ_k w_k v_sk.
package func comparatorLinearPart(_ linear: Matrix, v: Matrix, weight: Matrix) {
  checkPadded(v, weight)
  parallel(v.rowCount, grain: 16, "comparator linear part", floats: v.count) { part in
    for s in part {
      var sum = Vector()
      for k in stride(from: 0, to: paddedWidth(v), by: vectorWidth) {
        sum.addProduct(load(v.row(s) + k), load(weight.start + k))
      }
      linear.start[s] = 0.6 * laneSum(sum)
    }
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
///   - classSums: S×K, out: Q.
///   - rowProducts: 1×K, out: Σ_i u_ik P_ik.
///   - order: of the rows.
package func comparatorBackward(
  u: Matrix, v: Matrix, weight: Matrix, c: Matrix, classSums: Matrix, rowProducts: Matrix, order: SumOrder
) {
  checkPadded(u, v, weight)
  let (classCount, leaves) = (v.rowCount, LeafList(order, rowCount: u.rowCount))
  // A place of the stack: Q of the tile, and Σ u·P.
  let place = classCount * 32 + 32
  parallel(paddedWidth(u) / 32, "comparator backward", floats: 2 * u.count + 2 * v.count + c.count) { part in
    let room = ComparatorRoom(classCount: classCount, stackFloats: max(leaves.depth, 1) * place)
    defer { room.release() }
    for tile in part {
      let k = tile &* 32
      room.take(v, column: k)
      if leaves.isEmpty { room.stack.update(repeating: 0, count: place) }
      leaves.forEach { leaf in
        let sums = room.stack + leaf.slot &* place
        sums.update(repeating: 0, count: place)
        let (p0, p1) = rowGradients(u, c, rows: leaf.rows, room, weight, column: k, classSums: sums)
        store(p0, sums + classCount &* 32)
        store(p1, sums + (classCount &* 32 &+ 16))
        for below in 0..<leaf.merges { addPlace(sums - (below &+ 1) &* place, sums - below &* place, count: place) }
      }
      let left = rowProducts.columnCount &- k
      for half in stride(from: 0, to: min(32, left), by: vectorWidth) {
        for s in 0..<classCount {
          store(load(room.stack + s &* 32 + half), classSums.row(s) + k + half, left &- half)
        }
        store(load(room.stack + classCount &* 32 + half), rowProducts.start + k + half, left &- half)
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
    for tile in part {
      room.take(v, column: tile &* 32)
      _ = rowGradients(u, c, rows: 0..<u.rowCount, room, weight, column: tile &* 32, classSums: nil)
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

/// What a thread keeps of a tile of 32 columns, in the nearest cache, while all rows pass.
private struct ComparatorRoom {
  let classCount: Int
  /// v of the tile, S×32.
  let v: UnsafeMutablePointer<Float>
  /// The row behind an odd number of rows: S scores and 32 columns of u, all 0.
  let noScores, noRow: UnsafeMutablePointer<Float>
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

  func take(_ matrix: Matrix, column: Int) {
    for s in 0..<classCount { (v + s &* 32).update(from: matrix.row(s) + column, count: 32) }
  }

  func release() { v.deallocate() }
}

/// 32 columns of u ← du, some rows; Q added to `classSums`, S×32, if wanted. Returns Σ_i u_ik P_ik.
@inline(__always)
private func rowGradients(
  _ u: Matrix, _ c: Matrix, rows: Range<Int>, _ room: ComparatorRoom, _ weight: Matrix, column k: Int,
  classSums: UnsafeMutablePointer<Float>?
) -> (Vector, Vector) {
  let classCount = room.classCount
  let (f0, f1) = (load(room.v), load(room.v + 16))
  let (w0, w1) = (load(weight.start + k) * 0.4, load(weight.start + k + 16) * 0.4)
  var (dw0, dw1) = (Vector(), Vector())
  // Two rows at a time: their P in registers, Q loaded and stored once for both.
  for i in stride(from: rows.lowerBound, to: rows.upperBound, by: 2) {
    let isPair = i &+ 1 < rows.upperBound
    let (uA, uB) = (u.row(i) + k, isPair ? u.row(i &+ 1) + k : room.noRow)
    let (cA, cB) = (c.row(i), isPair ? c.row(i &+ 1) : room.noScores)
    let (uA0, uA1, uB0, uB1) = (load(uA), load(uA + 16), load(uB), load(uB + 16))
    let (firstA0, firstA1) = (unitSign(uA0 + f0), unitSign(uA1 + f1))
    let (firstB0, firstB1) = (unitSign(uB0 + f0), unitSign(uB1 + f1))
    var (pA0, pA1, pB0, pB1) = (Vector(), Vector(), Vector(), Vector())
    for s in 0..<classCount {
      let (v0, v1) = (load(room.v + s &* 32), load(room.v + s &* 32 + 16))
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
