// Sums of rows with slopes 1 or 0.2, without multiplications. A *lane* is a row of the result, a *member* a row of the other
// factor; six members make a group. X columns.
//
// Σ_i slope_ri·v_i over the members of a group has one of few values, whatever the lane r. For a block of sixteen columns these
// are tabulated, and a lane's sum is one look-up and one addition for the whole group: float32 sums like those of a product that
// multiplies, at three times its speed. (Boolean products are computed this way since Arlazarov, Dinic, Kronrod and Faradzhev,
// 1970.) The terms of a sum, in the sense of `Matrices/SumOrder.swift`, are its groups; a leaf of rows is a leaf of groups.
import CPrefetch
import LoopsAVX2
import Matrices
import Profiling
import Synchronization

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
  /// Lanes whose sums are in the second cache at once; for more the tables are made again.
  static let mostLanes = 2048
  /// Fewer take less time than their tables.
  static let fewestLanes = 256

  /// Of most chunks, see `SubsetScratch.groups`.
  let groups: SubsetGroups
  let precision: ProductPrecision
  let laneCount, groupCount, columnCount: Int
  /// Most groups whose tables are kept at once: what 64 KiB of a core's second cache, or its first (narrow tables), hold.
  let chunkSize: Int
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
    let largest = precision == .float32 ? 16 : groups == .members ? 7 : 12
    chunkSize = largest
    plan = SumPlan(
      leafGroups.map { .batch(leafRows: $0) } ?? .chain, termCount: max(groupCount, 1), accumulate: false,
      blockTerms: chunkSize, leavesShareBlocks: precision == .float32)
  }

  var memberCount: Int { groupCount * Self.groupSize }
  var chunkCount: Int { plan.blocks.count }
  var slotCount: Int { plan.keptSlots + plan.passingSlots }
  var tileCount: Int { (laneCount + Self.tile - 1) / Self.tile }
  var panelCount: Int { (columnCount + Self.panel * vectorWidth - 1) / (Self.panel * vectorWidth) }

  /// Floats of a thread's room: tables, members of a chunk or of a span, halves of narrow tables, narrow sums, the stack of sums.
  func roomSize(lanes: Int) -> Int {
    let sums = (lanes + Self.tile) * vectorWidth
    let members = precision == .float32 ? chunkSize * Self.groupSize : NarrowTables.mostMembers
    return (chunkSize * 64 + Self.panel * members + 32) * vectorWidth + sums + slotCount * Self.panel * sums
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

  /// The members of a chunk; none behind the last chunk.
  func members(chunk index: Int) -> Range<Int> {
    guard index < chunkCount else { return memberCount..<memberCount }
    let groups = chunk(index)
    return groups.lowerBound &* Self.groupSize..<groups.upperBound &* Self.groupSize
  }

  /// Where the indices of a tile's lanes in the tables of a chunk start: sixteen for its first group, sixteen for the next.
  @inline(__always)
  func place(_ chunk: Range<Int>, tile: Int) -> Int {
    (chunk.lowerBound &* tileCount &+ tile &* chunk.count) &* Self.tile
  }
}

/// Room for a product's indices, its members' addresses and, for each thread, tables and sums; grows to the largest product and
/// stays.
///
/// `@unchecked Sendable`: used under its lock; threads of a product use their own rooms.
final class SubsetScratch: @unchecked Sendable {
  static let shared = SubsetScratch()
  let lock = Mutex(())
  let queue = WorkQueues()
  private var indexStorage = FloatStorage(count: 0)
  private var threadStorage: [FloatStorage] = []
  private var members: [Member] = []
  /// What the groups of a chunk are: of triples, unless rounding has taken an interpolate of theirs out of what lies between the
  /// other two; float32's chunks are then of any slopes. The sums are the same numbers either way.
  private(set) var groups: [SubsetGroups] = []

  /// A row of the other factor.
  struct Member {
    var row: UnsafePointer<Float>
    var factor: Float
  }

  var indices: UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(indexStorage.base).assumingMemoryBound(to: UInt8.self)
  }

  /// A row of zeros: the members that fill up a group.
  private var zeroStorage = FloatStorage(count: 0)
  var zeros: UnsafePointer<Float> { UnsafePointer(zeroStorage.base) }

  func prepare(_ shape: SubsetShape, lanes: Int, threads: Int) {
    if zeroStorage.count < shape.columnCount { zeroStorage = FloatStorage(count: shape.columnCount) }
    let floats = shape.groupCount * shape.tileCount * SubsetShape.tile / 4
    if indexStorage.count < floats { indexStorage = FloatStorage(count: floats) }
    while threadStorage.count < threads { threadStorage.append(FloatStorage(count: 0)) }
    let room = shape.roomSize(lanes: lanes)
    for thread in 0..<threads where threadStorage[thread].count < room {
      threadStorage[thread] = FloatStorage(count: room)
    }
    if members.count < shape.memberCount {
      members = Array(repeating: Member(row: indexStorage.base, factor: 0), count: shape.memberCount)
    }
    groups.removeAll(keepingCapacity: true)
    groups.append(contentsOf: repeatElement(shape.groups, count: shape.chunkCount))
  }

  func setMember(_ index: Int, _ row: UnsafePointer<Float>, times factor: Float) {
    members[index] = Member(row: row, factor: factor)
  }

  func withGroups(_ body: (UnsafeMutableBufferPointer<SubsetGroups>) -> Void) {
    groups.withUnsafeMutableBufferPointer { body($0) }
  }

  func withMembers(_ range: Range<Int>, _ body: (Slice<UnsafeBufferPointer<Member>>) -> Void) {
    members.withUnsafeBufferPointer { body($0[range]) }
  }

  func room(_ thread: Int) -> UnsafeMutablePointer<Float> { threadStorage[thread].base }
}

/// result [lanes×X] ← Σ_i slope_ri·factor_i·v_i over all members.
///
/// - Parameter fill: sets members and indices.
func subsetSums(into result: Matrix, _ shape: SubsetShape, _ fill: (SubsetScratch) -> Void) {
  guard shape.laneCount > 0 && shape.columnCount > 0 else { return }
  guard shape.groupCount > 0 else { return result.fill(0) }
  let start = Profile.shared.begin()
  ProductBreaks.take()
  SubsetScratch.shared.lock.withLock { _ in
    let scratch = SubsetScratch.shared
    let perItem = shape.lanesPerItem(threads: ThreadPool.threadCount)
    let lanes = LaneRanges(count: shape.laneCount, most: perItem)
    let items = lanes.count * shape.panelCount
    let threads = min(ThreadPool.threadCount, items)
    scratch.prepare(shape, lanes: min(perItem, shape.laneCount), threads: threads)
    fill(scratch)
    scratch.queue.reset(1)
    // One part per thread, so that each has a room of its own.
    fork(threads) { part in
      for thread in part {
        while let item = scratch.queue.next(0, below: items) {
          let panel = item % shape.panelCount
          let first = panel * SubsetShape.panel * vectorWidth
          let columns = first..<min(first + SubsetShape.panel * vectorWidth, shape.columnCount)
          let (ownLanes, room) = (lanes[item / shape.panelCount], scratch.room(thread))
          let sums =
            switch shape.precision {
            case .float32: sumPanel(shape, lanes: ownLanes, columns: columns, scratch, room)
            case .bfloat16: sumNarrowPanel(shape, lanes: ownLanes, columns: columns, scratch, room)
            }
          storePanel(result, lanes: ownLanes, columns: columns, sums)
          if thread == 0 { ProductBreaks.take() }
        }
      }
    }
  }
  Profile.shared.end(
    start, .lookup, "slopes: \(shape.laneCount)×\(shape.memberCount) · \(shape.memberCount)×\(shape.columnCount)",
    flops: 2 * Double(shape.laneCount) * Double(shape.memberCount) * Double(shape.columnCount),
    bytes: 4 * (shape.memberCount + shape.laneCount) * shape.columnCount)
}

/// Consecutive ranges of at most so many lanes, a multiple of a tile.
private struct LaneRanges {
  let total, most: Int
  var count: Int { (total + most - 1) / most }

  init(count: Int, most: Int) {
    total = count
    self.most = most
  }

  subscript(index: Int) -> Range<Int> { index * most..<min((index + 1) * most, total) }
}

/// A panel of columns of some lanes: block after block, a vector for each lane.
private func sumPanel(
  _ shape: SubsetShape, lanes: Range<Int>, columns: Range<Int>, _ scratch: SubsetScratch,
  _ room: UnsafeMutablePointer<Float>
) -> UnsafePointer<Float> {
  let perBlock = shape.chunkSize &* SubsetShape.groupSize &* vectorWidth
  let vectors = room + shape.chunkSize &* SubsetGroups.members.tableSize
  let sums = vectors + SubsetShape.panel &* perBlock
  let (tiles, tile) = ((lanes.count &+ SubsetShape.tile &- 1) / SubsetShape.tile, SubsetShape.tile)
  let (blockSize, loops) = (SubsetShape.blockSize(lanes), VectorLoops.chosen)
  let blocks = (columns.count &+ vectorWidth &- 1) / vectorWidth
  for (number, planned) in shape.plan.blocks.enumerated() {
    let (chunk, groups) = (planned.terms, scratch.groups[number])
    let tableSize = groups.tableSize
    let indices = scratch.indices + shape.place(chunk, tile: lanes.lowerBound / tile)
    scratch.withMembers(shape.members(chunk: number)) { gather(vectors, $0, columns, perBlock: perBlock) }
    for block in 0..<blocks {
      scratch.withMembers(shape.members(chunk: number &+ 1)) {
        fetch($0, column: columns.lowerBound &+ block &* vectorWidth)
      }
      loops.tabulateGroups(room, tableSize, vectors + block &* perBlock, chunk.count, groups == .triples)
      for segment in shape.plan.segments[planned.segments] {
        let first = segment.first &- chunk.lowerBound
        loops.addTiles(
          sums + block &* blockSize, SubsetShape.panel &* blockSize, segment, tiles, room + first &* tableSize,
          tableSize, indices + first &* tile, chunk.count &* tile)
      }
    }
  }
  return UnsafePointer(sums)
}

/// The panel's columns of a chunk's members times their factors, block by block next to each other; beyond the last member zeros.
/// All at once, since members lie far apart: the memory answers many requests in the time of one.
func gather(
  _ vectors: UnsafeMutablePointer<Float>, _ members: Slice<UnsafeBufferPointer<SubsetScratch.Member>>,
  _ columns: Range<Int>, perBlock: Int
) {
  for (i, member) in members.enumerated() {
    var target = vectors + i &* vectorWidth
    for c in stride(from: columns.lowerBound, to: columns.upperBound, by: vectorWidth) {
      store(load(member.row + c, columns.upperBound &- c) * member.factor, target)
      target += perBlock
    }
  }
  for i in members.count..<perBlock / vectorWidth {
    for block in 0..<SubsetShape.panel { store(Vector(), vectors + (block &* perBlock &+ i &* vectorWidth)) }
  }
}

/// Asks for a column of members that `gather` will want.
func fetch(_ members: Slice<UnsafeBufferPointer<SubsetScratch.Member>>, column: Int) {
  for member in members { cegzsl_prefetch(member.row + column) }
}
