// `subsetSums` with tables of 16-bit integers, for products in bfloat16: an entry holds two columns where one of float32 holds one,
// so that a look-up and an addition serve 32 columns. X columns.
//
// Members are taken in spans of some hundred. Within a span every column has a scale of its own, such that no sum can leave 16 bits
// whatever the slopes: 32600 / Σ|v|. Entries are rounded to integers, sums of them are exact, and a span's sums are added up in
// float32. A member that is like the others of its span so keeps about as many digits as bfloat16 gives it. The order of all float32
// sums depends on their length alone, as with wide tables.
import Matrices

/// What the magnitudes of a span's column add up to, less half a unit for each of its groups: below 2¹⁵.
private let narrowRange: Float = 32600

/// As `sumPanel`, two blocks of sixteen columns at a time.
func sumNarrowPanel(
  _ shape: SubsetShape, _ panel: SubsetPanel, _ scratch: SubsetScratch, _ loops: VectorLoops.LookUps,
  _ room: UnsafeMutablePointer<Float>
) -> UnsafePointer<Float> {
  let (lanes, columns) = (panel.lanes, panel.columns)
  let (groupSize, tableSize) = (SubsetShape.groupSize, shape.groups.tableSize)
  let perBlock = shape.memberBlockSize
  let vectors = room + shape.chunkSize &* tableSize
  let halves = vectors + SubsetShape.panel &* perBlock
  let narrow = halves + 32 &* vectorWidth
  let (tiles, tile) = ((lanes.count &+ SubsetShape.tile &- 1) / SubsetShape.tile, SubsetShape.tile)
  let blockSize = SubsetShape.blockSize(lanes)
  let sums = narrow + blockSize
  let slotStride = SubsetShape.panel &* blockSize
  let blocks = (columns.count &+ vectorWidth &- 1) / vectorWidth
  vectors.update(repeating: 0, count: SubsetShape.panel &* perBlock)
  for span in narrowSpans(shape) {
    let gathered = shape.members(span.chunks)
    let firstGroup = gathered.lowerBound / groupSize
    scratch.withMembers(gathered) { gather(vectors, $0, columns, perBlock: perBlock) }
    let place = sums + span.slot &* slotStride
    for block in stride(from: 0, to: blocks, by: 2) {
      let own = vectors + block &* perBlock
      let (scale0, scale1) = (narrowScale(own, perBlock), narrowScale(own + perBlock, perBlock))
      narrow.update(repeating: 0, count: blockSize)
      for index in span.chunks {
        let chunk = shape.chunk(index)
        let next = index &+ span.chunks.count
        scratch.withMembers(shape.members(next..<next &+ 1)) {
          fetch($0, column: columns.lowerBound &+ block &* vectorWidth)
          if block &+ 1 < blocks { fetch($0, column: columns.lowerBound &+ (block &+ 1) &* vectorWidth) }
        }
        for group in 0..<chunk.count {
          let members = own + (chunk.lowerBound &- firstGroup &+ group) &* groupSize &* vectorWidth
          let count = narrowHalves(halves, shape.groups, members, members + perBlock, scale0, scale1)
          loops.tabulateNarrow(room + group &* tableSize, halves, count)
        }
        loops.addNarrowTiles(
          narrow, tiles, room, tableSize, scratch.indices + shape.place(chunk, tile: lanes.lowerBound / tile),
          chunk.count)
      }
      widen(
        narrow, 1 / scale0, 1 / scale1, into: place + block &* blockSize, blockSize: blockSize,
        continues: span.continues)
    }
    for below in 0..<span.merges {
      addPlace(place - (below &+ 1) &* slotStride, place - below &* slotStride, count: slotStride)
    }
  }
  return UnsafePointer(sums)
}

/// Chunks of one leaf, as many as are scaled together.
private struct NarrowSpan {
  var chunks: Range<Int>
  let slot: Int
  let continues: Bool
  var merges: Int
}

private func narrowSpans(_ shape: SubsetShape) -> [NarrowSpan] {
  var spans: [NarrowSpan] = []
  for (number, segment) in shape.plan.segments.enumerated() {
    if segment.continues, let last = spans.last, last.chunks.count < shape.gatheredChunks {
      spans[spans.count - 1].chunks = last.chunks.lowerBound..<number + 1
      spans[spans.count - 1].merges = segment.merges
    } else {
      spans.append(
        NarrowSpan(
          chunks: number..<number + 1, slot: segment.slot, continues: segment.continues, merges: segment.merges))
    }
  }
  return spans
}

/// The scale of each of a block's columns.
private func narrowScale(_ vectors: UnsafePointer<Float>, _ count: Int) -> Vector {
  var sum = Vector(repeating: 1e-30)
  for i in stride(from: 0, to: count, by: vectorWidth) { sum += magnitude(load(vectors + i)) }
  return Vector(repeating: narrowRange) / sum
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

/// sums ← the lanes' integers over their scales, added to what is there if the sum goes on.
private func widen(
  _ narrow: UnsafePointer<Float>, _ unit0: Vector, _ unit1: Vector, into sums: UnsafeMutablePointer<Float>,
  blockSize: Int, continues: Bool
) {
  let sixteen = SIMD16<Int32>(repeating: 16)
  for i in stride(from: 0, to: blockSize, by: vectorWidth) {
    let pair = unsafeBitCast(load(narrow + i), to: SIMD16<Int32>.self)
    let low = smallIntegers(unsafeBitCast((pair &<< sixteen) &>> sixteen, to: SIMD16<UInt32>.self))
    let high = smallIntegers(unsafeBitCast(pair &>> sixteen, to: SIMD16<UInt32>.self))
    let before0 = continues ? load(sums + i) : Vector()
    let before1 = continues ? load(sums + blockSize + i) : Vector()
    store(before0.addingProduct(low, unit0), sums + i)
    store(before1.addingProduct(high, unit1), sums + blockSize + i)
  }
}
