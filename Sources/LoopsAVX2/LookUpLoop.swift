// The innermost loops of the look-ups (`Kernels/Method/SubsetSums.swift`, `Kernels/Method/NarrowSums.swift`): tables and sums from them. Compiled
// twice, see `ProductLoop.swift`; an entry is one vector of AVX-512 and two of AVX2.

import CPrefetch
import Matrices

/// Members of a group.
package let groupSize = 6
/// Lanes whose indices lie next to each other.
package let tileLanes = 16

/// The tables of consecutive groups, one behind the other, from their members: sixteen columns of each, group after group.
///
/// - Parameters:
///   - tableSize: floats of a table: 36 or 64 entries.
///   - areTriples: whether only the entries of `tabulateTriples` are wanted.
package func tabulateGroups(
  _ tables: UnsafeMutablePointer<Float>, tableSize: Int, _ members: UnsafePointer<Float>, groupCount: Int,
  areTriples: Bool
) {
  for group in 0..<groupCount {
    let (table, own) = (tables + group &* tableSize, members + group &* groupSize &* vectorWidth)
    if areTriples { tabulateTriples(table, own) } else { tabulate(table, own) }
  }
}

/// A stretch of the sums of consecutive tiles of lanes: what the tables of consecutive groups hold for them.
///
/// - Parameters:
///   - sums: the stack's first place, a vector for each lane.
///   - slotStride: floats from place to place.
///   - segment: of the groups.
///   - indices: tile after tile, sixteen bytes for each group.
///   - indexStride: bytes from tile to tile.
package func addTiles(
  _ sums: UnsafeMutablePointer<Float>, slotStride: Int, _ segment: SumSegment, tileCount: Int,
  _ tables: UnsafePointer<Float>, tableSize: Int, _ indices: UnsafePointer<UInt8>, indexStride: Int
) {
  // So many parameters, as in `multiplyStrips`: a type for some of them would be another one in each of the targets that this file is
  // compiled for, and `VectorLoops` holds the loops of either.
  let place = sums + segment.slot &* slotStride
  for tile in 0..<tileCount {
    for half in stride(from: 0, to: tileLanes, by: 8) {
      addEightLanes(
        place + (tile &* tileLanes &+ half) &* vectorWidth, slotStride, segment, tables, tableSize,
        indices + (tile &* indexStride &+ half))
    }
  }
}

/// As `addTiles`, of pairs of 16-bit integers, without a stack.
package func addNarrowTiles(
  _ sums: UnsafeMutablePointer<Float>, tileCount: Int, _ tables: UnsafePointer<Float>, tableSize: Int,
  _ indices: UnsafePointer<UInt8>, groupCount: Int
) {
  for tile in 0..<tileCount {
    for half in stride(from: 0, to: tileLanes, by: 8) {
      addEightNarrowLanes(
        sums + (tile &* tileLanes &+ half) &* vectorWidth, tables, tableSize,
        indices + (tile &* tileLanes &* groupCount &+ half), groupCount)
    }
  }
}

/// table[e] ← Σ_i slope_i·v_i over six members, where slope_i is 1 if bit i of e is set and 0.2 otherwise.
private func tabulate(_ table: UnsafeMutablePointer<Float>, _ vectors: UnsafePointer<Float>) {
  store(lowestSum(vectors), table)
  for i in 0..<groupSize {
    let step = load(vectors + i &* vectorWidth) * 0.8
    let half = 1 &<< i
    for entry in 0..<half {
      store(load(table + entry &* vectorWidth) + step, table + (entry &+ half) &* vectorWidth)
    }
  }
}

/// 0.2·Σ_i v_i over six members.
@inline(__always)
private func lowestSum(_ vectors: UnsafePointer<Float>) -> Vector {
  var sum = Vector()
  for i in 0..<groupSize { sum.addProduct(load(vectors + i &* vectorWidth), Vector(repeating: 0.2)) }
  return sum
}

/// table[e₀ + 6·e₁] ← Σ_i slope_i·v_i over two triples in the states `triplesIndex` numbers: the entries of `tabulate` that can
/// occur, each the sum of the same terms in the same order.
private func tabulateTriples(_ table: UnsafeMutablePointer<Float>, _ vectors: UnsafePointer<Float>) {
  addTriple(to: lowestSum(vectors), vectors) { first, e0 in
    addTriple(to: first, vectors + 3 &* vectorWidth) { sum, e1 in store(sum, table + (e0 &+ 6 &* e1) &* vectorWidth) }
  }
}

/// From a sum in which a triple's slopes are 0.2, those of its six states: none at 1; real; fake; real and interpolate; fake and
/// interpolate; all.
@inline(__always)
private func addTriple(to none: Vector, _ vectors: UnsafePointer<Float>, _ put: (Vector, Int) -> Void) {
  let real = load(vectors) * 0.8
  let fake = load(vectors + vectorWidth) * 0.8
  let between = load(vectors + 2 &* vectorWidth) * 0.8
  put(none, 0)
  put(none + real, 1)
  put(none + fake, 2)
  put(none + real + between, 3)
  put(none + fake + between, 4)
  put(none + real + fake + between, 5)
}

/// Where in a table the entries of eight lanes are, in bytes: of lanes 0, 2, 4 and 6 in the sixteen-bit pieces of one word, of the
/// others in those of another.
private struct EightEntries {
  let even: UInt64
  let odd: UInt64

  /// Indices are read and moved to their places eight at a time: look-ups are bound by the number of instructions. Opaque, or the
  /// compiler takes each byte out by itself again.
  @inline(__always)
  init(_ indices: UnsafeRawPointer) {
    let eight = indices.load(as: UInt64.self)
    let places: UInt64 = 0x3FC0_3FC0_3FC0_3FC0  // 64·(0…255)
    even = cegzsl_opaque((eight &<< 6) & places)
    odd = cegzsl_opaque((eight &>> 2) & places)
  }
}

/// The entry at the lowest piece.
@inline(__always)
private func entry(_ table: UnsafeRawPointer, _ places: UInt64) -> Vector {
  (table + Int(truncatingIfNeeded: places & 0xFFFF)).load(as: Vector.self)
}

/// The sums of eight lanes.
private struct EightSums {
  private var (s0, s1, s2, s3) = (Vector(), Vector(), Vector(), Vector())
  private var (s4, s5, s6, s7) = (Vector(), Vector(), Vector(), Vector())

  @inline(__always)
  init() {}

  @inline(__always)
  init(_ place: UnsafePointer<Float>) {
    (s0, s1, s2, s3) = (load(place), load(place + 16), load(place + 32), load(place + 48))
    (s4, s5, s6, s7) = (load(place + 64), load(place + 80), load(place + 96), load(place + 112))
  }

  @inline(__always)
  mutating func add(_ table: UnsafeRawPointer, _ lanes: EightEntries) {
    s0 += entry(table, lanes.even)
    s1 += entry(table, lanes.odd)
    s2 += entry(table, lanes.even &>> 16)
    s3 += entry(table, lanes.odd &>> 16)
    s4 += entry(table, lanes.even &>> 32)
    s5 += entry(table, lanes.odd &>> 32)
    s6 += entry(table, lanes.even &>> 48)
    s7 += entry(table, lanes.odd &>> 48)
  }

  @inline(__always)
  mutating func add(_ other: EightSums) {
    s0 += other.s0
    s1 += other.s1
    s2 += other.s2
    s3 += other.s3
    s4 += other.s4
    s5 += other.s5
    s6 += other.s6
    s7 += other.s7
  }

  @inline(__always)
  func store(_ place: UnsafeMutablePointer<Float>) {
    put(s0, place)
    put(s1, place + 16)
    put(s2, place + 32)
    put(s3, place + 48)
    put(s4, place + 64)
    put(s5, place + 80)
    put(s6, place + 96)
    put(s7, place + 112)
  }

  @inline(__always)
  private func put(_ value: Vector, _ place: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(place).storeBytes(of: value, as: Vector.self)
  }
}

/// A stretch of the sums of eight lanes. Eight vectors of sixteen floats are all the registers that AVX2 has.
@inline(never)
private func addEightLanes(
  _ start: UnsafeMutablePointer<Float>, _ slotStride: Int, _ segment: SumSegment, _ tables: UnsafePointer<Float>,
  _ tableSize: Int, _ indices: UnsafePointer<UInt8>
) {
  var place = start
  var sums = segment.continues ? EightSums(place) : EightSums()
  var (table, index) = (UnsafeRawPointer(tables), UnsafeRawPointer(indices))
  var group = 0
  while group < segment.count {
    sums.add(table, EightEntries(index))
    table += 4 &* tableSize
    index += tileLanes
    group &+= 1
  }
  for _ in 0..<segment.merges {
    place -= slotStride
    sums.add(EightSums(place))
  }
  sums.store(place)
}

/// table[e₀ + count·e₁] ← the sum of an entry of each half, as a 16-bit integer: the first block's in the lower half of a lane, the
/// second block's in the upper one.
package func tabulateNarrow(_ table: UnsafeMutablePointer<Float>, _ halves: UnsafePointer<Float>, _ count: Int) {
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

private typealias Halves = SIMD32<UInt16>

/// As `addEightLanes` of integers.
@inline(never)
private func addEightNarrowLanes(
  _ sums: UnsafeMutablePointer<Float>, _ tables: UnsafePointer<Float>, _ tableSize: Int,
  _ indices: UnsafePointer<UInt8>, _ groups: Int
) {
  @inline(__always)
  func sum(_ n: Int) -> Halves { UnsafeRawPointer(sums + n &* vectorWidth).loadUnaligned(as: Halves.self) }
  @inline(__always)
  func put(_ value: Halves, _ n: Int) {
    UnsafeMutableRawPointer(sums + n &* vectorWidth).storeBytes(of: value, as: Halves.self)
  }
  var (s0, s1, s2, s3, s4, s5, s6, s7) = (sum(0), sum(1), sum(2), sum(3), sum(4), sum(5), sum(6), sum(7))
  var (table, index) = (UnsafeRawPointer(tables), UnsafeRawPointer(indices))
  var group = 0
  while group < groups {
    let lanes = EightEntries(index)
    s0 &+= unsafeBitCast(entry(table, lanes.even), to: Halves.self)
    s1 &+= unsafeBitCast(entry(table, lanes.odd), to: Halves.self)
    s2 &+= unsafeBitCast(entry(table, lanes.even &>> 16), to: Halves.self)
    s3 &+= unsafeBitCast(entry(table, lanes.odd &>> 16), to: Halves.self)
    s4 &+= unsafeBitCast(entry(table, lanes.even &>> 32), to: Halves.self)
    s5 &+= unsafeBitCast(entry(table, lanes.odd &>> 32), to: Halves.self)
    s6 &+= unsafeBitCast(entry(table, lanes.even &>> 48), to: Halves.self)
    s7 &+= unsafeBitCast(entry(table, lanes.odd &>> 48), to: Halves.self)
    table += 4 &* tableSize
    index += tileLanes
    group &+= 1
  }
  put(s0, 0)
  put(s1, 1)
  put(s2, 2)
  put(s3, 3)
  put(s4, 4)
  put(s5, 5)
  put(s6, 6)
  put(s7, 7)
}
