// The slopes of LeakyReLU 0.2 at the critic's hidden units, three bits each. N rows, D units.
import Matrices

/// Which side of its kink every hidden unit of D is on, for the real row, the fake row and their interpolate: all that the
/// weight gradients need of the hidden layer (Method.md, identities 4 and 5). A byte holds a unit of a row.
package struct SlopeMatrix: Sendable {
  /// Of which row a bit tells; set where the slope is 1, clear where it is 0.2.
  package enum Row: Int, Sendable {
    case real = 0
    case fake = 1
    case interpolate = 2
  }

  /// N×⌈D/4⌉ floats whose memory holds the bytes.
  package let words: Matrix
  /// D.
  package let unitCount: Int

  /// - Parameter words: as many as `wordCount` says, in each row.
  package init(words: Matrix, unitCount: Int) {
    precondition(words.columnCount == Self.wordCount(unitCount), "\(words.columnCount) words for \(unitCount) units")
    self.words = words
    self.unitCount = unitCount
  }

  /// Columns of `words` for so many units.
  package static func wordCount(_ unitCount: Int) -> Int { (unitCount + 3) / 4 }

  package var rowCount: Int { words.rowCount }

  /// Some of the rows, sharing the bytes.
  package func rows(_ range: Range<Int>) -> SlopeMatrix {
    SlopeMatrix(words: words.rows(range), unitCount: unitCount)
  }

  func row(_ index: Int) -> UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(words.row(index)).assumingMemoryBound(to: UInt8.self)
  }
}

typealias SlopeBytes = SIMD16<UInt8>

/// 1 where a lane is above zero, 0 elsewhere.
@inline(__always)
func slopeBit(_ value: Vector) -> SIMD16<UInt32> {
  SIMD16<UInt32>().replacing(with: SIMD16(repeating: 1), where: value .> Vector())
}

/// The slopes of two triples as a number below 36: e₀ + 6·e₁.
@inline(__always)
func triplesIndex(_ first: SlopeBytes, _ second: SlopeBytes) -> SlopeBytes {
  let twice = tripleIndex(second) &+ tripleIndex(second)
  return tripleIndex(first) &+ twice &+ twice &+ twice
}

/// The bits of three slopes as a number below 6: 0, 1, 2 as they are and 5, 6, 7 as 3, 4, 5. Bits 3 and 4 occur only where rounding
/// has taken the interpolate out of what lies between the other two; they count as 7 and 0.
@inline(__always)
private func tripleIndex(_ bits: SlopeBytes) -> SlopeBytes {
  let one = SlopeBytes(repeating: 1)
  let (real, fake, between) = (bits, bits &>> one, bits &>> SlopeBytes(repeating: 2))
  let inside = ((between & (real | fake)) | (real & fake)) & one
  // With both others set, 3 + 2·inside = 5; else 1 or 2, and 2 more where the interpolate is set.
  return (bits & SlopeBytes(repeating: 3)) &+ inside &+ inside
}

/// The lowest bit set where rounding has taken an interpolate out of what lies between the other two, bits 3 and 4.
@inline(__always)
func isOutside(_ bits: SlopeBytes) -> SlopeBytes {
  let (fake, between) = (bits &>> SlopeBytes(repeating: 1), bits &>> SlopeBytes(repeating: 2))
  return (bits ^ between) & (fake ^ between) & SlopeBytes(repeating: 1)
}

/// The lowest byte of each lane.
@inline(__always)
func lowBytes(_ value: SIMD16<UInt32>) -> SlopeBytes {
  let words = unsafeBitCast(value, to: SIMD32<UInt16>.self).evenHalf
  return unsafeBitCast(words, to: SIMD32<UInt8>.self).evenHalf
}

/// Up to sixteen bytes; lanes from `remaining` on are zero.
@inline(__always)
func loadBytes(_ address: UnsafePointer<UInt8>, _ remaining: Int) -> SlopeBytes {
  if remaining >= vectorWidth { return UnsafeRawPointer(address).loadUnaligned(as: SlopeBytes.self) }
  var result = SlopeBytes()
  for lane in 0..<remaining { result[lane] = address[lane] }
  return result
}

/// Stores the first `remaining` lanes, at most sixteen.
@inline(__always)
func storeBytes(_ value: SlopeBytes, _ address: UnsafeMutablePointer<UInt8>, _ remaining: Int) {
  if remaining >= vectorWidth {
    UnsafeMutableRawPointer(address).storeBytes(of: value, as: SlopeBytes.self)
  } else {
    for lane in 0..<remaining { address[lane] = value[lane] }
  }
}
