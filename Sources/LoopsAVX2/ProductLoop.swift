// The innermost loops of float32 products. This file is compiled twice: `LoopsAVX512` holds links to the files of `LoopsAVX2`, and
// its compiler flags make a vector twice as wide. Every element is the same chain of fused multiply-adds either way.
//
//                 a panel of the right factor: W columns, k after k
//                 ┌───────────────┐
//                 │ b00 … b0,W−1  │ k = 0
//                 │ b10 … b1,W−1  │ k = 1
//                 └───────────────┘
//   a strip of    ┌───────────────┐
//   the left one: │ a tile of the │  Both are packed: a strip holds a00 … a50, then a01 … a51, … and is read from one end to the
//   6 rows        │ result: 6×W   │  other, an element at a time; a panel is read two vectors at a time. The tile's twelve vectors
//                 └───────────────┘  stay in registers.
import Matrices

#if WIDE_VECTORS
  typealias Lanes = SIMD16<Float>
#else
  typealias Lanes = SIMD8<Float>
#endif

/// Rows of a strip.
private let stripRows = 6
/// W, columns of a panel.
package let panelWidth = 2 * Lanes.scalarCount
/// Floats of a tile.
private let tileSize = stripRows * panelWidth

@inline(__always)
private func read(_ address: UnsafePointer<Float>) -> Lanes {
  UnsafeRawPointer(address).loadUnaligned(as: Lanes.self)
}

@inline(__always)
private func write(_ value: Lanes, _ address: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(address).storeBytes(of: value, as: Lanes.self)
}

/// Multiplies strips with a panel, over one block of terms.
///
/// - Parameters:
///   - strips: one behind the other, `terms`×6 each.
///   - panel: `terms`×W.
///   - stacks: of each strip `keptSlots` tiles; the places above those are in `passing`.
///   - segments: the block's; `first` counts from the sum's start.
///   - firstTerm: of the block.
package func multiplyStrips(
  _ strips: UnsafePointer<Float>, stripCount: Int, _ panel: UnsafePointer<Float>, terms: Int,
  stacks: UnsafeMutablePointer<Float>, keptSlots: Int, passing: UnsafeMutablePointer<Float>,
  segments: UnsafeBufferPointer<SumSegment>, firstTerm: Int
) {
  var stack = stacks
  for strip in 0..<stripCount {
    let a = strips + strip &* stripRows &* terms
    for segment in segments {
      let first = segment.first &- firstTerm
      addSegment(
        a + first &* stripRows, panel + first &* panelWidth, segment,
        SumStack(kept: stack, keptSlots: keptSlots, passing: passing))
    }
    stack += keptSlots &* tileSize
  }
}

/// Where a tile's partial sums lie.
private struct SumStack {
  let kept: UnsafeMutablePointer<Float>
  let keptSlots: Int
  let passing: UnsafeMutablePointer<Float>

  @inline(__always)
  subscript(slot: Int) -> UnsafeMutablePointer<Float> {
    slot < keptSlots ? kept + slot &* tileSize : passing + (slot &- keptSlots) &* tileSize
  }
}

/// One chain for each element of a tile.
@inline(__always)
private func addSegment(
  _ strip: UnsafePointer<Float>, _ panel: UnsafePointer<Float>, _ segment: SumSegment, _ stack: SumStack
) {
  let width = Lanes.scalarCount
  var (a, b, place) = (strip, panel, stack[segment.slot])
  var (r00, r01, r10, r11, r20, r21) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())
  var (r30, r31, r40, r41, r50, r51) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())

  @inline(__always)
  func addTile(_ t: UnsafePointer<Float>) {
    r00 += read(t)
    r01 += read(t + width)
    r10 += read(t + 2 &* width)
    r11 += read(t + 3 &* width)
    r20 += read(t + 4 &* width)
    r21 += read(t + 5 &* width)
    r30 += read(t + 6 &* width)
    r31 += read(t + 7 &* width)
    r40 += read(t + 8 &* width)
    r41 += read(t + 9 &* width)
    r50 += read(t + 10 &* width)
    r51 += read(t + 11 &* width)
  }
  @inline(__always)
  func step(_ k: Int) {
    let (b0, b1) = (read(b + k &* panelWidth), read(b + (k &* panelWidth &+ width)))
    let a0 = Lanes(repeating: a[k &* stripRows])
    r00.addProduct(a0, b0)
    r01.addProduct(a0, b1)
    let a1 = Lanes(repeating: a[k &* stripRows &+ 1])
    r10.addProduct(a1, b0)
    r11.addProduct(a1, b1)
    let a2 = Lanes(repeating: a[k &* stripRows &+ 2])
    r20.addProduct(a2, b0)
    r21.addProduct(a2, b1)
    let a3 = Lanes(repeating: a[k &* stripRows &+ 3])
    r30.addProduct(a3, b0)
    r31.addProduct(a3, b1)
    let a4 = Lanes(repeating: a[k &* stripRows &+ 4])
    r40.addProduct(a4, b0)
    r41.addProduct(a4, b1)
    let a5 = Lanes(repeating: a[k &* stripRows &+ 5])
    r50.addProduct(a5, b0)
    r51.addProduct(a5, b1)
  }

  if segment.continues {
    (r00, r01, r10, r11) = (read(place), read(place + width), read(place + 2 &* width), read(place + 3 &* width))
    (r20, r21) = (read(place + 4 &* width), read(place + 5 &* width))
    (r30, r31) = (read(place + 6 &* width), read(place + 7 &* width))
    (r40, r41) = (read(place + 8 &* width), read(place + 9 &* width))
    (r50, r51) = (read(place + 10 &* width), read(place + 11 &* width))
  }
  var left = segment.count
  while left >= 4 {
    step(0)
    step(1)
    step(2)
    step(3)
    a += 4 &* stripRows
    b += 4 &* panelWidth
    left &-= 4
  }
  while left > 0 {
    step(0)
    a += stripRows
    b += panelWidth
    left &-= 1
  }
  for below in 0..<segment.merges {
    place = stack[segment.slot &- 1 &- below]
    addTile(place)
  }
  write(r00, place)
  write(r01, place + width)
  write(r10, place + 2 &* width)
  write(r11, place + 3 &* width)
  write(r20, place + 4 &* width)
  write(r21, place + 5 &* width)
  write(r30, place + 6 &* width)
  write(r31, place + 7 &* width)
  write(r40, place + 8 &* width)
  write(r41, place + 9 &* width)
  write(r50, place + 10 &* width)
  write(r51, place + 11 &* width)
}
