// Random matrices whose element depends on (seed, stream, step, global row, column) alone. N local rows, U columns.
import Glibc
import Matrices

/// x [N×U] ← standard normal draws times `scale`, by Box–Muller: each Philox block of four words gives four of them.
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
      for first in stride(from: 0, to: blockCount, by: vectorWidth) {
        let words = source.philox.words(
          firstBlock: UInt32(truncatingIfNeeded: first), row: UInt32(truncatingIfNeeded: firstRow &+ r),
          step: UInt32(truncatingIfNeeded: step), stream: stream.rawValue)
        let (a, b) = normalPairs(words.0, words.1)
        let (d, e) = normalPairs(words.2, words.3)
        let left = x.columnCount &- 4 &* first
        if left >= 4 &* vectorWidth {
          UnsafeMutableRawPointer(row + 4 &* first).storeBytes(
            of: interleave(a * scale, b * scale, d * scale, e * scale), as: SIMD32<UInt64>.self)
        } else {
          for lane in 0..<(left &+ 3) / 4 {
            let four = SIMD4(a[lane], b[lane], d[lane], e[lane]) * scale
            for i in 0..<min(4, left &- 4 &* lane) { row[4 &* (first &+ lane) &+ i] = four[i] }
          }
        }
      }
    }
  }
}

private typealias WordVector = SIMD16<UInt32>

extension Philox {
  /// The words of sixteen blocks at a time: lane b holds those of block `firstBlock` + b, a vector for each of the four.
  @inline(__always)
  fileprivate func words(firstBlock: UInt32, row: UInt32, step: UInt32, stream: UInt32) -> (
    WordVector, WordVector, WordVector, WordVector
  ) {
    // The processor multiplies words that lie 64 bits apart: even and odd blocks are done on their own.
    let blocks = WideVector(0, 2, 4, 6, 8, 10, 12, 14) &+ WideVector(repeating: UInt64(firstBlock))
    let rest = (
      WideVector(repeating: UInt64(row)), WideVector(repeating: UInt64(step)), WideVector(repeating: UInt64(stream))
    )
    let even = wideWords(blocks, rest)
    let odd = wideWords(blocks &+ WideVector(repeating: 1), rest)
    return (join(even.0, odd.0), join(even.1, odd.1), join(even.2, odd.2), join(even.3, odd.3))
  }

  /// The words of eight counters, in the lower halves of the lanes; the upper halves mean nothing.
  @inline(__always)
  private func wideWords(_ block: WideVector, _ rest: (WideVector, WideVector, WideVector)) -> (
    WideVector, WideVector, WideVector, WideVector
  ) {
    var (x, y, z, w) = (block, rest.0, rest.1, rest.2)
    var (k0, k1) = (key.x, key.y)
    for _ in 0..<10 {
      let p0 = (x & lowerHalves) &* WideVector(repeating: 0xD251_1F53)
      let p1 = (z & lowerHalves) &* WideVector(repeating: 0xCD9E_8D57)
      x = (p1 &>> WideVector(repeating: 32)) ^ y ^ WideVector(repeating: UInt64(k0))
      y = p1
      z = (p0 &>> WideVector(repeating: 32)) ^ w ^ WideVector(repeating: UInt64(k1))
      w = p0
      k0 = k0 &+ 0x9E37_79B9
      k1 = k1 &+ 0xBB67_AE85
    }
    return (x, y, z, w)
  }
}

private typealias WideVector = SIMD8<UInt64>

private var lowerHalves: WideVector {
  @inline(__always) get { WideVector(repeating: 0xFFFF_FFFF) }
}

/// The lower halves of both, in turn.
@inline(__always)
private func join(_ even: WideVector, _ odd: WideVector) -> WordVector {
  unsafeBitCast((even & lowerHalves) | (odd &<< WideVector(repeating: 32)), to: WordVector.self)
}

/// a₀ b₀ c₀ d₀ a₁ b₁ …
@inline(__always)
private func interleave(_ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector) -> SIMD32<UInt64> {
  var (ab, cd, all) = (SIMD32<Float>(), SIMD32<Float>(), SIMD32<UInt64>())
  (ab.evenHalf, ab.oddHalf) = (a, b)
  (cd.evenHalf, cd.oddHalf) = (c, d)
  all.evenHalf = unsafeBitCast(ab, to: SIMD16<UInt64>.self)
  all.oddHalf = unsafeBitCast(cd, to: SIMD16<UInt64>.self)
  return all
}

/// Two independent standard normal draws per lane from two words. The radius uses (0, 1], so its logarithm is finite.
@inline(__always)
private func normalPairs(_ first: WordVector, _ second: WordVector) -> (Vector, Vector) {
  let high = smallIntegers(first &>> WordVector(repeating: 16))
  let low = smallIntegers(first & WordVector(repeating: 0xFFFF))
  let uniform = (high * 65536 + (low + 1)) * 0x1p-32
  let radius = squareRoot(-2 * naturalLogarithm(uniform))
  let (sine, cosine) = sineAndCosine(turns: second)
  return (radius * cosine, radius * sine)
}

/// x [1×N] ← uniform draws in [0, 1), one per global row.
package func fillUniform(_ x: Matrix, _ source: RandomSource, _ stream: RandomStream, step: Int, firstRow: Int) {
  for c in 0..<x.columnCount { x.start[c] = source.uniform(stream, step: step, row: firstRow + c) }
}

/// x [N×U] ← the rows of `table` at `indices`.
package func gatherRows(_ x: Matrix, from table: Matrix, _ indices: ArraySlice<Int>) {
  precondition(indices.count == x.rowCount && table.columnCount == x.columnCount)
  let first = indices.startIndex
  parallel(
    x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1)), "row gathering", kind: .data, floats: 2 * x.count
  ) { part in
    for r in part { x.row(r).update(from: table.row(indices[first &+ r]), count: x.columnCount) }
  }
}

/// x [N×U] ← y, on all threads.
package func copyRows(_ x: Matrix, from y: Matrix) {
  precondition(x.rowCount == y.rowCount && x.columnCount == y.columnCount)
  parallel(
    x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1)), "row copies", kind: .data, floats: 2 * x.count
  ) { part in
    for r in part { x.row(r).update(from: y.row(r), count: x.columnCount) }
  }
}
