// The comparator's scores without pairs, Method.md, identity 2. N rows of the local batch, S seen classes,
// K comparator width. All matrices over K are padded: their row stride is a multiple of 32 and the padding of w is zero.
import Matrices

/// A matrix of zeros whose row stride is a multiple of 32 floats, as the comparator's passes want it.
package func paddedMatrix(rows: Int, columns: Int, in pool: MatrixPool = MatrixPool()) -> Matrix {
  pool.spreadMatrix(rows: rows, columns: (columns + 31) / 32 * 32).columns(0..<columns)
}

func checkPadded(_ matrices: Matrix...) {
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
          (u.row(rows.x), u.row(rows.y), u.row(rows.z), u.row(rows.w)), group, weight.start, width)
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

private typealias FourRows = (
  UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>
)

/// Σ_k w_k |u_k + v_sk| of four rows u and four packed classes.
@inline(never)
private func blockScores(
  _ u: FourRows,
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
    let (x0, x1, x2, x3) = (load(u.0 + k), load(u.1 + k), load(u.2 + k), load(u.3 + k))
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
