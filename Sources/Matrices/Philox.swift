/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011): four random
/// words as a pure function of a key and a counter. Nothing is stored, so a draw never depends on the rank count, on the
/// order of draws, or on whether a run was resumed.
package struct Philox: Sendable {
  package let key: SIMD2<UInt32>

  package init(seed: UInt64) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
  }

  /// The four words that belong to `counter`.
  @inline(__always)
  package func words(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
    var c = counter
    var k = key
    for _ in 0..<10 {
      let p0 = UInt64(0xD251_1F53) &* UInt64(c.x)
      let p1 = UInt64(0xCD9E_8D57) &* UInt64(c.z)
      c = SIMD4(
        UInt32(truncatingIfNeeded: p1 &>> 32) ^ c.y ^ k.x, UInt32(truncatingIfNeeded: p1),
        UInt32(truncatingIfNeeded: p0 &>> 32) ^ c.w ^ k.y, UInt32(truncatingIfNeeded: p0))
      k.x = k.x &+ 0x9E37_79B9
      k.y = k.y &+ 0xBB67_AE85
    }
    return c
  }
}

/// What a random draw is for. Each purpose has its own stream, so no two purposes ever share a number.
package enum RandomStream: UInt32, Sendable {
  case weights = 1
  case batch = 2
  case criticNoise = 3
  case generatorNoise = 4
  case interpolation = 5
  case synthesis = 6
  case classifierWeights = 7
  case classifierOrder = 8
  case semanticNegative = 9
  case split = 10
  case demoData = 11
  case benchmarkData = 12
  case assembledSplit = 13
  case sweep = 32
}

/// Draws addressed by (seed, stream, step, row, column).
///
/// Counter layout: [column block of 4, row, step, stream]; so rows, steps and blocks of columns are each below 2³².
package struct RandomSource: Sendable {
  package let philox: Philox

  package init(seed: UInt64) { philox = Philox(seed: seed) }

  @inline(__always)
  package func words(_ stream: RandomStream, step: Int, row: Int, block: Int) -> SIMD4<UInt32> {
    philox.words(
      SIMD4(
        UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: row), UInt32(truncatingIfNeeded: step),
        stream.rawValue))
  }

  /// A uniform integer in 0..<bound; the bias is below bound / 2⁶⁴. `bound` from 1 to 2³².
  package func integer(below bound: Int, _ stream: RandomStream, step: Int, row: Int) -> Int {
    precondition(bound >= 1 && bound <= 1 << 32, "a bound of \(bound) is outside 1...2^32")
    let w = words(stream, step: step, row: row, block: 0)
    let wide = UInt64(w.x) << 32 | UInt64(w.y)
    return Int(wide.multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A uniform number in [0, 1) with 24 random bits.
  package func uniform(_ stream: RandomStream, step: Int, row: Int) -> Float {
    Float(words(stream, step: step, row: row, block: 0).x >> 8) * 0x1p-24
  }
}

extension RandomSource {
  /// `count` of the integers 0..<bound, each at most once, in random order: the first draws of a Fisher–Yates shuffle,
  /// O(count) in time and memory whatever the bound.
  package func sample(_ count: Int, below bound: Int, _ stream: RandomStream, step: Int) -> [Int] {
    precondition(count >= 0 && count <= bound, "\(count) distinct integers below \(bound)")
    var moved: [Int: Int] = [:]
    moved.reserveCapacity(2 * count)
    return (0..<count).map { i in
      let j = i + integer(below: bound - i, stream, step: step, row: i)
      let chosen = moved[j] ?? j
      moved[j] = moved[i] ?? i
      return chosen
    }
  }
}
