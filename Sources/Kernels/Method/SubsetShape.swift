// How a product by look-up (`SubsetSums.swift`) is divided. X columns.
import LoopsAVX2
import Matrices

/// Which six members make a group, and so how many sums there are.
enum SubsetGroups {
  /// Of any slopes: 64 sums.
  case members
  /// Two triples of a real, a fake and an interpolated row. The interpolate is above its kink where both others are and below
  /// where both are, so a triple has 6 sums and two have 36.
  case triples

  /// Floats of a table.
  var tableSize: Int { (self == .members ? 64 : 36) * vectorWidth }
}

/// How a product is divided: groups of members, tiles of lanes, chunks of groups whose tables are kept at once.
struct SubsetShape {
  /// Members of a group.
  static let groupSize = LoopsAVX2.groupSize
  /// Lanes whose sums are in registers at once.
  static let tile = LoopsAVX2.tileLanes
  /// Blocks of columns whose members are fetched at once.
  static let panel = 4
  /// Groups whose members are fetched at once for float32's tables: 48 KiB of them.
  private static let gatheredGroups = 32
  /// Lanes whose sums of a block are in the second cache at once, 128 KiB; for more the tables are made again.
  static let mostLanes = 2048
  /// Fewer take less time than their tables.
  static let fewestLanes = 256

  /// Of most chunks, see `SubsetScratch.groups`.
  let groups: SubsetGroups
  let precision: ProductPrecision
  let laneCount, groupCount, columnCount: Int
  /// Most groups whose tables are kept at once: 32 KiB, about what a first cache holds; 36 of wide triples, of whose entries few are
  /// looked at often. In bfloat16 the sums' bits depend on it.
  let chunkSize: Int
  /// Most chunks whose members are fetched at once; in bfloat16 a span's, and the sums' bits depend on it.
  let gatheredChunks: Int
  /// The chunks are its blocks, and all groups of a narrow chunk are of one leaf.
  let plan: SumPlan

  /// - Parameter leafGroups: groups of a leaf; nil: a sum is one chain.
  init(
    groups: SubsetGroups, precision: ProductPrecision, laneCount: Int, groupCount: Int, leafGroups: Int?,
    columnCount: Int
  ) {
    self.groups = groups
    self.precision = precision
    self.laneCount = laneCount
    self.groupCount = groupCount
    self.columnCount = columnCount
    switch precision {
    case .float32:
      chunkSize = groups == .members ? 8 : 16
      gatheredChunks = Self.gatheredGroups / chunkSize
    case .bfloat16:
      chunkSize = groups == .members ? 7 : 12
      gatheredChunks = groups == .members ? 8 : 4
    }
    plan = SumPlan(
      leafGroups.map { .batch(leafRows: $0) } ?? .chain, termCount: max(groupCount, 1), accumulate: false,
      blockTerms: chunkSize, leavesShareBlocks: precision == .float32)
  }

  var memberCount: Int { groupCount * Self.groupSize }
  var chunkCount: Int { plan.blocks.count }
  var slotCount: Int { plan.keptSlots + plan.passingSlots }
  var tileCount: Int { (laneCount + Self.tile - 1) / Self.tile }
  var panelCount: Int { (columnCount + Self.panel * vectorWidth - 1) / (Self.panel * vectorWidth) }

  /// Floats of a block of gathered members.
  var memberBlockSize: Int { gatheredChunks * chunkSize * Self.groupSize * vectorWidth }

  /// Floats of a thread's room: tables, gathered members, halves of narrow tables, narrow sums, the stack of sums.
  func roomSize(lanes: Int) -> Int {
    let sums = (lanes + Self.tile) * vectorWidth
    return (chunkSize * 64 + 32) * vectorWidth + Self.panel * memberBlockSize + sums + slotCount * Self.panel * sums
  }

  /// Floats of a block's sums: whole tiles, a vector for each lane.
  @inline(__always)
  static func blockSize(_ lanes: Range<Int>) -> Int { (lanes.count &+ tile &- 1) / tile &* tile &* vectorWidth }

  /// The groups whose tables are kept at once.
  @inline(__always)
  func chunk(_ index: Int) -> Range<Int> { plan.blocks[index].terms }

  /// Lanes that are done together: fewer than usual where there would not be work for every thread.
  func lanesPerItem(threads: Int) -> Int {
    let ranges = (threads + panelCount - 1) / panelCount
    let even = (laneCount / ranges + Self.tile) / Self.tile * Self.tile
    return min(Self.mostLanes, max(Self.fewestLanes, even))
  }

  /// The members of some chunks; those behind the last have none.
  func members(_ chunks: Range<Int>) -> Range<Int> {
    let existing = chunks.clamped(to: 0..<chunkCount)
    guard !existing.isEmpty else { return memberCount..<memberCount }
    let (first, last) = (chunk(existing.lowerBound), chunk(existing.upperBound - 1))
    return first.lowerBound &* Self.groupSize..<last.upperBound &* Self.groupSize
  }

  /// Where the indices of a tile's lanes in the tables of a chunk start: sixteen for its first group, sixteen for the next.
  @inline(__always)
  func place(_ chunk: Range<Int>, tile: Int) -> Int {
    (chunk.lowerBound &* tileCount &+ tile &* chunk.count) &* Self.tile
  }
}
