// The comparator's scores and their gradient without pairs, method.md item 2. N rows of the local batch, S seen classes,
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

/// Gradient of a loss on the scores with respect to u, v and w, given c = ∂L/∂score with Σ_s c_is = 0 for every row.
///
/// With σ = sgn(u_ik + v_sk), P_ik = Σ_s c_is σ and Q_sk = Σ_i c_is σ:
/// du = 0.4 w P; dv = w (0.6 C_s + 0.4 Q) with C_s = Σ_i c_is; and, as |t| = σt, dw comes from P and Q without a pass of
/// its own: dw_k = Σ_s v_sk (0.6 C_s + 0.4 Q_sk) + 0.4 Σ_i u_ik P_ik.
///
/// P is summed as Σ_s c_is (σ_sk − σ_0k), the same number since Σ_s c_is = 0. Early in training most units have one sign for
/// all classes; their gradient is then exactly 0 here, and would be rounding noise, which Adam blows up, if summed plainly.
///
/// - Parameters:
///   - u: N×K padded; in: u, out: du.
///   - v: S×K padded; in: v, out: dv.
///   - weight: 1×K padded.
///   - c: N×S.
///   - classSums: 1×S, C_s.
///   - dWeight: 1×K, out (overwritten).
package func comparatorBackward(u: Matrix, v: Matrix, weight: Matrix, c: Matrix, classSums: Matrix, dWeight: Matrix) {
  checkPadded(u, v, weight)
  let classCount = v.rowCount
  parallel(paddedWidth(u) / 32, "comparator backward", floats: 2 * u.count + 2 * v.count + c.count) { part in
    let room = ComparatorRoom(classCount: classCount)
    defer { room.release() }
    for tile in part {
      let k = tile &* 32
      var (dw0, dw1) = rowGradients(u, c, room, v, weight, column: k, keepsClasses: true)
      dw0 *= 0.4
      dw1 *= 0.4
      for s in 0..<classCount {
        let (row, sum) = (v.row(s) + k, room.q + s &* 32)
        let own = Vector(repeating: 0.6 * classSums.start[s])
        let q0 = own.addingProduct(load(sum), Vector(repeating: 0.4))
        let q1 = own.addingProduct(load(sum + 16), Vector(repeating: 0.4))
        dw0.addProduct(load(row), q0)
        dw1.addProduct(load(row + 16), q1)
        store(q0 * load(weight.start + k), row)
        store(q1 * load(weight.start + k + 16), row + 16)
      }
      let left = dWeight.columnCount &- k
      store(dw0, dWeight.start + k, left)
      if left > 16 { store(dw1, dWeight.start + k + 16, left &- 16) }
    }
  }
}

/// The first part of `comparatorBackward` alone, the same bits: u [N×K padded] ← du. v is not changed.
package func comparatorRowGradient(u: Matrix, v: Matrix, weight: Matrix, c: Matrix) {
  checkPadded(u, v, weight)
  parallel(paddedWidth(u) / 32, "comparator row gradient", floats: 2 * u.count + v.count + c.count) { part in
    let room = ComparatorRoom(classCount: v.rowCount)
    defer { room.release() }
    for tile in part { _ = rowGradients(u, c, room, v, weight, column: tile &* 32, keepsClasses: false) }
  }
}

/// What a thread keeps of a tile of 32 columns, in the nearest cache, while all rows pass.
private struct ComparatorRoom {
  /// v and Q of the tile, S×32.
  let v, q: UnsafeMutablePointer<Float>
  /// The row behind an odd number of rows: S scores and 32 columns of u, all 0.
  let noScores, noRow: UnsafeMutablePointer<Float>

  init(classCount: Int) {
    let count = classCount &* 32
    v = .allocate(capacity: 2 &* count &+ classCount &+ 32)
    (q, noScores, noRow) = (v + count, v + 2 &* count, v + (2 &* count &+ classCount))
    noScores.update(repeating: 0, count: classCount &+ 32)
  }

  func release() { v.deallocate() }
}

/// 32 columns of u ← du, all rows; Q into the room if wanted. Returns Σ_i u_ik P_ik.
@inline(__always)
private func rowGradients(
  _ u: Matrix, _ c: Matrix, _ room: ComparatorRoom, _ v: Matrix, _ weight: Matrix, column k: Int, keepsClasses: Bool
) -> (Vector, Vector) {
  let classCount = v.rowCount
  for s in 0..<classCount { (room.v + s &* 32).update(from: v.row(s) + k, count: 32) }
  if keepsClasses { room.q.update(repeating: 0, count: classCount &* 32) }
  let (f0, f1) = (load(room.v), load(room.v + 16))
  let (w0, w1) = (load(weight.start + k) * 0.4, load(weight.start + k + 16) * 0.4)
  var (dw0, dw1) = (Vector(), Vector())
  // Two rows at a time: their P in registers, Q loaded and stored once for both.
  for i in stride(from: 0, to: u.rowCount, by: 2) {
    let isPair = i &+ 1 < u.rowCount
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
      guard keepsClasses else { continue }
      let sum = room.q + s &* 32
      store(load(sum).addingProduct(sA0, a).addingProduct(sB0, b), sum)
      store(load(sum + 16).addingProduct(sA1, a).addingProduct(sB1, b), sum + 16)
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
