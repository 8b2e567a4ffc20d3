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
///   - stacks: of each strip `keptSlots` tiles; the places above those are in `passing`, two of each.
///   - segments: the block's; `first` counts from the sum's start.
///   - firstTerm: of the block.
package func multiplyStrips(
  _ strips: UnsafePointer<Float>, stripCount: Int, _ panel: UnsafePointer<Float>, terms: Int,
  stacks: UnsafeMutablePointer<Float>, keptSlots: Int, passing: UnsafeMutablePointer<Float>,
  segments: UnsafeBufferPointer<SumSegment>, firstTerm: Int
) {
  // So many parameters: a type for some of them would be another one in each of the targets that this file is compiled for, and
  // `VectorLoops` holds the loops of either.
  let stackFloats = keptSlots &* tileSize
  var strip = 0
  #if WIDE_VECTORS
    while strip &+ 2 <= stripCount {
      let a = strips + strip &* stripRows &* terms
      let stack = stacks + strip &* stackFloats
      for segment in segments {
        let first = segment.first &- firstTerm
        addSegment(
          a + first &* stripRows, a + (terms &+ first) &* stripRows, panel + first &* panelWidth, segment,
          SumStack(kept: stack, keptSlots: keptSlots, passing: passing),
          SumStack(kept: stack + stackFloats, keptSlots: keptSlots, passing: passing + tileSize))
      }
      strip &+= 2
    }
  #endif
  while strip < stripCount {
    let a = strips + strip &* stripRows &* terms
    for segment in segments {
      let first = segment.first &- firstTerm
      addSegment(
        a + first &* stripRows, panel + first &* panelWidth, segment,
        SumStack(kept: stacks + strip &* stackFloats, keptSlots: keptSlots, passing: passing))
    }
    strip &+= 1
  }
}

/// Where a tile's partial sums lie.
private struct SumStack {
  let kept: UnsafeMutablePointer<Float>
  let keptSlots: Int
  let passing: UnsafeMutablePointer<Float>

  @inline(__always)
  subscript(slot: Int) -> UnsafeMutablePointer<Float> {
    slot < keptSlots ? kept + slot &* tileSize : passing + (slot &- keptSlots) &* (2 &* tileSize)
  }
}

/// Twelve vectors: six rows of two.
private struct Tile {
  private var (r00, r01, r10, r11, r20, r21) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())
  private var (r30, r31, r40, r41, r50, r51) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes(), Lanes())

  @inline(__always)
  init() {}

  @inline(__always)
  init(_ t: UnsafePointer<Float>) {
    let width = Lanes.scalarCount
    (r00, r01, r10, r11) = (read(t), read(t + width), read(t + 2 &* width), read(t + 3 &* width))
    (r20, r21, r30, r31) = (read(t + 4 &* width), read(t + 5 &* width), read(t + 6 &* width), read(t + 7 &* width))
    (r40, r41, r50, r51) = (read(t + 8 &* width), read(t + 9 &* width), read(t + 10 &* width), read(t + 11 &* width))
  }

  /// One term more: six elements of the strip times two vectors of the panel.
  @inline(__always)
  mutating func addTerm(_ a: UnsafePointer<Float>, _ b0: Lanes, _ b1: Lanes) {
    let a0 = Lanes(repeating: a[0])
    r00.addProduct(a0, b0)
    r01.addProduct(a0, b1)
    let a1 = Lanes(repeating: a[1])
    r10.addProduct(a1, b0)
    r11.addProduct(a1, b1)
    let a2 = Lanes(repeating: a[2])
    r20.addProduct(a2, b0)
    r21.addProduct(a2, b1)
    let a3 = Lanes(repeating: a[3])
    r30.addProduct(a3, b0)
    r31.addProduct(a3, b1)
    let a4 = Lanes(repeating: a[4])
    r40.addProduct(a4, b0)
    r41.addProduct(a4, b1)
    let a5 = Lanes(repeating: a[5])
    r50.addProduct(a5, b0)
    r51.addProduct(a5, b1)
  }

  @inline(__always)
  mutating func add(_ other: Tile) {
    r00 += other.r00
    r01 += other.r01
    r10 += other.r10
    r11 += other.r11
    r20 += other.r20
    r21 += other.r21
    r30 += other.r30
    r31 += other.r31
    r40 += other.r40
    r41 += other.r41
    r50 += other.r50
    r51 += other.r51
  }

  @inline(__always)
  func store(_ t: UnsafeMutablePointer<Float>) {
    let width = Lanes.scalarCount
    write(r00, t)
    write(r01, t + width)
    write(r10, t + 2 &* width)
    write(r11, t + 3 &* width)
    write(r20, t + 4 &* width)
    write(r21, t + 5 &* width)
    write(r30, t + 6 &* width)
    write(r31, t + 7 &* width)
    write(r40, t + 8 &* width)
    write(r41, t + 9 &* width)
    write(r50, t + 10 &* width)
    write(r51, t + 11 &* width)
  }
}

/// One chain for each element of a tile.
@inline(__always)
private func addSegment(
  _ strip: UnsafePointer<Float>, _ panel: UnsafePointer<Float>, _ segment: SumSegment, _ stack: SumStack
) {
  var (a, b, place) = (strip, panel, stack[segment.slot])
  var tile = segment.continues ? Tile(place) : Tile()
  var left = segment.count
  while left >= 4 {
    for k in 0..<4 {
      let term = b + k &* panelWidth
      tile.addTerm(a + k &* stripRows, read(term), read(term + Lanes.scalarCount))
    }
    a += 4 &* stripRows
    b += 4 &* panelWidth
    left &-= 4
  }
  while left > 0 {
    tile.addTerm(a, read(b), read(b + Lanes.scalarCount))
    a += stripRows
    b += panelWidth
    left &-= 1
  }
  for below in 0..<segment.merges {
    place = stack[segment.slot &- 1 &- below]
    tile.add(Tile(place))
  }
  tile.store(place)
}

#if WIDE_VECTORS
  /// The same for two strips at once: 32 registers hold both tiles, and a vector of the panel is read once for the two.
  @inline(__always)
  private func addSegment(
    _ strip: UnsafePointer<Float>, _ next: UnsafePointer<Float>, _ panel: UnsafePointer<Float>, _ segment: SumSegment,
    _ stack: SumStack, _ nextStack: SumStack
  ) {
    var (a, a2, b) = (strip, next, panel)
    var (place, place2) = (stack[segment.slot], nextStack[segment.slot])
    var (tile, tile2) = segment.continues ? (Tile(place), Tile(place2)) : (Tile(), Tile())
    var left = segment.count
    while left >= 2 {
      for k in 0..<2 {
        let term = b + k &* panelWidth
        let (b0, b1) = (read(term), read(term + Lanes.scalarCount))
        tile.addTerm(a + k &* stripRows, b0, b1)
        tile2.addTerm(a2 + k &* stripRows, b0, b1)
      }
      a += 2 &* stripRows
      a2 += 2 &* stripRows
      b += 2 &* panelWidth
      left &-= 2
    }
    if left > 0 {
      let (b0, b1) = (read(b), read(b + Lanes.scalarCount))
      tile.addTerm(a, b0, b1)
      tile2.addTerm(a2, b0, b1)
    }
    for below in 0..<segment.merges {
      (place, place2) = (stack[segment.slot &- 1 &- below], nextStack[segment.slot &- 1 &- below])
      tile.add(Tile(place))
      tile2.add(Tile(place2))
    }
    tile.store(place)
    tile2.store(place2)
  }
#endif
