// `subsetSums` with tables of 16-bit integers, for products in bfloat16: an entry holds two columns where one of float32 holds one,
// so that a look-up and an addition serve 32 columns. X columns.
//
// Members are taken in spans of some hundred. Within a span every column has a scale of its own, such that no sum can leave 16 bits
// whatever the slopes: 32600 / Σ|v|. Entries are rounded to integers, sums of them are exact, and a span's sums are added up in
// float32. A member that is like the others of its span so keeps about as many digits as bfloat16 gives it. The order of all float32
// sums depends on their length alone, as with wide tables.
import Matrices

enum NarrowTables {
  /// Chunks of a span.
  static func chunks(_ groups: SubsetGroups) -> Int { groups == .members ? 8 : 4 }
  /// Of a span: 8·7 groups or 4·12.
  static let mostMembers = 56 * SubsetShape.groupSize
  /// What the magnitudes of a span's column add up to, less half a unit for each of its groups: below 2¹⁵.
  static let range: Float = 32600
}

/// As `sumPanel`, two blocks of sixteen columns at a time.
func sumNarrowPanel(
  _ shape: SubsetShape, lanes: Range<Int>, columns: Range<Int>, _ scratch: SubsetScratch,
  _ room: UnsafeMutablePointer<Float>
) -> UnsafePointer<Float> {
  let (groupSize, tableSize) = (SubsetShape.groupSize, shape.groups.tableSize)
  let spanSize = NarrowTables.chunks(shape.groups)
  let perBlock = spanSize &* shape.chunkSize &* groupSize &* vectorWidth
  let vectors = room + shape.chunkSize &* tableSize
  let halves = vectors + SubsetShape.panel &* perBlock
  let narrow = halves + 32 &* vectorWidth
  let (tiles, tile) = ((lanes.count &+ SubsetShape.tile &- 1) / SubsetShape.tile, SubsetShape.tile)
  let blockSize = SubsetShape.blockSize(lanes)
  let sums = narrow + blockSize
  let blocks = (columns.count &+ vectorWidth &- 1) / vectorWidth
  sums.update(repeating: 0, count: SubsetShape.panel &* blockSize)
  vectors.update(repeating: 0, count: SubsetShape.panel &* perBlock)
  for firstChunk in stride(from: 0, to: shape.chunkCount, by: spanSize) {
    let chunks = firstChunk..<min(firstChunk &+ spanSize, shape.chunkCount)
    let firstGroup = chunks.lowerBound &* shape.chunkSize
    let (first, last) = (shape.members(chunk: chunks.lowerBound), shape.members(chunk: chunks.upperBound &- 1))
    scratch.withMembers(first.lowerBound..<last.upperBound) { gather(vectors, $0, columns, perBlock: perBlock) }
    for block in stride(from: 0, to: blocks, by: 2) {
      let own = vectors + block &* perBlock
      let (scale0, scale1) = (narrowScale(own, perBlock), narrowScale(own + perBlock, perBlock))
      narrow.update(repeating: 0, count: blockSize)
      for index in chunks {
        let chunk = shape.chunk(index)
        scratch.withMembers(shape.members(chunk: index &+ spanSize)) {
          fetch($0, column: columns.lowerBound &+ block &* vectorWidth)
          if block &+ 1 < blocks { fetch($0, column: columns.lowerBound &+ (block &+ 1) &* vectorWidth) }
        }
        for group in 0..<chunk.count {
          let members = own + (chunk.lowerBound &- firstGroup &+ group) &* groupSize &* vectorWidth
          let count = narrowHalves(halves, shape.groups, members, members + perBlock, scale0, scale1)
          tabulateNarrow(room + group &* tableSize, halves, count)
        }
        for index in 0..<tiles {
          addNarrowTile(
            narrow + index &* tile &* vectorWidth, room, tableSize,
            scratch.indices + shape.place(chunk, tile: lanes.lowerBound / tile &+ index), chunk.count)
        }
      }
      widen(narrow, 1 / scale0, 1 / scale1, into: sums + block &* blockSize, blockSize: blockSize)
    }
  }
  return UnsafePointer(sums)
}

/// The scale of each of a block's columns.
private func narrowScale(_ vectors: UnsafePointer<Float>, _ count: Int) -> Vector {
  var sum = Vector(repeating: 1e-30)
  for i in stride(from: 0, to: count, by: vectorWidth) { sum += magnitude(load(vectors + i)) }
  return Vector(repeating: NarrowTables.range) / sum
}

/// The scaled sums of the first and of the second half of a group's members, for two blocks: vectors 2i and 2i + 1 are those of entry
/// i. Returns how many entries a half has.
@inline(__always)
private func narrowHalves(
  _ halves: UnsafeMutablePointer<Float>, _ groups: SubsetGroups, _ first: UnsafePointer<Float>,
  _ second: UnsafePointer<Float>, _ scale0: Vector, _ scale1: Vector
) -> Int {
  for half in 0..<2 {
    let (target, members) = (halves + half &* 16 &* vectorWidth, half &* 3 &* vectorWidth)
    putNarrowHalf(target, groups, first + members, scale0)
    putNarrowHalf(target + vectorWidth, groups, second + members, scale1)
  }
  return groups == .members ? 8 : 6
}

@inline(__always)
private func putNarrowHalf(
  _ target: UnsafeMutablePointer<Float>, _ groups: SubsetGroups, _ members: UnsafePointer<Float>, _ scale: Vector
) {
  let sums = tripleSums(members)
  @inline(__always)
  func put(_ value: Vector, _ entry: Int) { store(value * scale, target + 2 &* entry &* vectorWidth) }
  put(sums.0, 0)
  put(sums.1, 1)
  put(sums.2, 2)
  switch groups {
  case .triples:
    put(sums.3, 3)
    put(sums.4, 4)
    put(sums.5, 5)
  case .members:
    let last = load(members + 2 &* vectorWidth) * 0.8
    put(sums.5 - last, 3)
    put(sums.0 + last, 4)
    put(sums.3, 5)
    put(sums.4, 6)
    put(sums.5, 7)
  }
}

/// Sums of a real, a fake and an interpolated row: all with slope 0.2; real 1; fake 1; real and interpolate 1; fake and
/// interpolate 1; all 1.
@inline(__always)
private func tripleSums(_ vectors: UnsafePointer<Float>) -> (Vector, Vector, Vector, Vector, Vector, Vector) {
  let (real, fake, between) = (load(vectors), load(vectors + vectorWidth), load(vectors + 2 &* vectorWidth))
  let none = 0.2 * (real + fake + between)
  let (ofReal, ofFake) = (none.addingProduct(0.8, real), none.addingProduct(0.8, fake))
  let (realBetween, fakeBetween) = (ofReal.addingProduct(0.8, between), ofFake.addingProduct(0.8, between))
  return (none, ofReal, ofFake, realBetween, fakeBetween, fakeBetween.addingProduct(0.8, real))
}

/// table[e₀ + count·e₁] ← the sum of an entry of each half, as a 16-bit integer: the first block's in the lower half of a lane, the
/// second block's in the upper one.
private func tabulateNarrow(_ table: UnsafeMutablePointer<Float>, _ halves: UnsafePointer<Float>, _ count: Int) {
  let lower = SIMD16<UInt32>(repeating: 0xFFFF)
  // Added to a float below 2²² it leaves the nearest integer in the last digits.
  let offset = Vector(repeating: 12_582_912)
  var target = table
  for j in 0..<count {
    let second = halves + (16 &+ 2 &* j) &* vectorWidth
    let (b0, b1) = (load(second), load(second + vectorWidth))
    for i in 0..<count {
      let first = halves + 2 &* i &* vectorWidth
      let q0 = unsafeBitCast(load(first) + b0 + offset, to: SIMD16<UInt32>.self)
      let q1 = unsafeBitCast(load(first + vectorWidth) + b1 + offset, to: SIMD16<UInt32>.self)
      store(unsafeBitCast((q0 & lower) | (q1 &<< SIMD16(repeating: 16)), to: Vector.self), target)
      target += vectorWidth
    }
  }
}

/// sums ← sums + the lanes' integers over their scales.
private func widen(
  _ narrow: UnsafePointer<Float>, _ unit0: Vector, _ unit1: Vector, into sums: UnsafeMutablePointer<Float>,
  blockSize: Int
) {
  let sixteen = SIMD16<Int32>(repeating: 16)
  for i in stride(from: 0, to: blockSize, by: vectorWidth) {
    let pair = unsafeBitCast(load(narrow + i), to: SIMD16<Int32>.self)
    let low = smallIntegers(unsafeBitCast((pair &<< sixteen) &>> sixteen, to: SIMD16<UInt32>.self))
    let high = smallIntegers(unsafeBitCast(pair &>> sixteen, to: SIMD16<UInt32>.self))
    store(load(sums + i).addingProduct(low, unit0), sums + i)
    store(load(sums + blockSize + i).addingProduct(high, unit1), sums + blockSize + i)
  }
}

private typealias Halves = SIMD32<UInt16>

/// As `addTile` of integers.
@inline(never)
private func addNarrowTile(
  _ sums: UnsafeMutablePointer<Float>, _ tables: UnsafePointer<Float>, _ tableSize: Int,
  _ indices: UnsafePointer<UInt8>, _ groups: Int
) {
  @inline(__always)
  func sum(_ n: Int) -> Halves { UnsafeRawPointer(sums + n &* vectorWidth).loadUnaligned(as: Halves.self) }
  @inline(__always)
  func put(_ value: Halves, _ n: Int) {
    UnsafeMutableRawPointer(sums + n &* vectorWidth).storeBytes(of: value, as: Halves.self)
  }
  var (a0, a1, a2, a3, a4, a5, a6, a7) = (sum(0), sum(1), sum(2), sum(3), sum(4), sum(5), sum(6), sum(7))
  var (b0, b1, b2, b3, b4, b5, b6, b7) = (sum(8), sum(9), sum(10), sum(11), sum(12), sum(13), sum(14), sum(15))
  var (table, index) = (UnsafeRawPointer(tables), UnsafeRawPointer(indices))
  @inline(__always)
  func entry(_ eight: UInt64, _ n: UInt64) -> Halves {
    (table + Int(truncatingIfNeeded: ((eight &>> (8 &* n)) & 255) &<< 6)).load(as: Halves.self)
  }
  var group = 0
  while group < groups {
    let low = index.load(as: UInt64.self)
    a0 &+= entry(low, 0)
    a1 &+= entry(low, 1)
    a2 &+= entry(low, 2)
    a3 &+= entry(low, 3)
    a4 &+= entry(low, 4)
    a5 &+= entry(low, 5)
    a6 &+= entry(low, 6)
    a7 &+= entry(low, 7)
    let high = index.load(fromByteOffset: 8, as: UInt64.self)
    b0 &+= entry(high, 0)
    b1 &+= entry(high, 1)
    b2 &+= entry(high, 2)
    b3 &+= entry(high, 3)
    b4 &+= entry(high, 4)
    b5 &+= entry(high, 5)
    b6 &+= entry(high, 6)
    b7 &+= entry(high, 7)
    table += 4 &* tableSize
    index += SubsetShape.tile
    group &+= 1
  }
  put(a0, 0)
  put(a1, 1)
  put(a2, 2)
  put(a3, 3)
  put(a4, 4)
  put(a5, 5)
  put(a6, 6)
  put(a7, 7)
  put(b0, 8)
  put(b1, 9)
  put(b2, 10)
  put(b3, 11)
  put(b4, 12)
  put(b5, 13)
  put(b6, 14)
  put(b7, 15)
}
