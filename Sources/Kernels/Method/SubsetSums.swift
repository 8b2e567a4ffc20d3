// Sums of rows with slopes 1 or 0.2, without multiplications. A *lane* is a row of the result, a *member* a row of the other
// factor; six members make a group. X columns.
//
// Σ_i slope_ri·v_i over the members of a group has one of few values, whatever the lane r. For a block of sixteen columns these
// are tabulated, and a lane's sum is one look-up and one addition for the whole group: float32 sums like those of a product that
// multiplies, at three times its speed. (Boolean products are computed this way since Arlazarov, Dinic, Kronrod and Faradzhev,
// 1970.) The terms of a sum, in the sense of `Matrices/SumOrder.swift`, are its groups; a leaf of rows is a leaf of groups.
import CPrefetch
import Matrices
import Profiling

/// Room for a product's indices, its members' addresses and, for each thread, tables and sums; grows to the largest product and
/// stays. The threads of a product use their own.
final class SubsetScratch {
  let queue = WorkQueues()
  private var indexStorage = GrowingStorage()
  private var threadStorage: [GrowingStorage] = []
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
  private var zeroStorage = GrowingStorage()
  var zeros: UnsafePointer<Float> { UnsafePointer(zeroStorage.base) }

  func prepare(_ shape: SubsetShape, lanes: Int, threads: Int) {
    zeroStorage.reserve(shape.columnCount)
    indexStorage.reserve(shape.groupCount * shape.tileCount * SubsetShape.tile / 4)
    while threadStorage.count < threads { threadStorage.append(GrowingStorage()) }
    let room = shape.roomSize(lanes: lanes)
    for thread in 0..<threads { threadStorage[thread].reserve(room) }
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

extension ProductContext {
  /// result [lanes×X] ← Σ_i slope_ri·factor_i·v_i over all members.
  ///
  /// - Parameter fill: sets members and indices.
  func subsetSums(into result: Matrix, _ shape: SubsetShape, _ fill: (SubsetScratch) -> Void) {
    guard shape.laneCount > 0 && shape.columnCount > 0 else { return }
    guard shape.groupCount > 0 else { return result.fill(0) }
    let start = Profile.current.begin()
    scratch.alone {
      scratch.breaks?.take()
      sum(into: result, shape, fill)
    }
    Profile.current.end(
      start, .lookup, "slopes: \(shape.laneCount)×\(shape.memberCount) · \(shape.memberCount)×\(shape.columnCount)",
      flops: 2 * Double(shape.laneCount) * Double(shape.memberCount) * Double(shape.columnCount),
      bytes: 4 * (shape.memberCount + shape.laneCount) * shape.columnCount)
  }

  private func sum(into result: Matrix, _ shape: SubsetShape, _ fill: (SubsetScratch) -> Void) {
    let (subsets, loops) = (scratch.subsets, scratch.loops.lookUps)
    let perItem = shape.lanesPerItem(threads: ThreadPool.threadCount)
    let lanes = LaneRanges(count: shape.laneCount, most: perItem)
    let items = lanes.count * shape.panelCount
    let threads = min(ThreadPool.threadCount, items)
    subsets.prepare(shape, lanes: min(perItem, shape.laneCount), threads: threads)
    fill(subsets)
    subsets.queue.reset(1)
    // One part per thread, so that each has a room of its own.
    fork(threads) { part in
      for thread in part {
        while let item = subsets.queue.next(0, below: items) {
          let first = item % shape.panelCount * SubsetShape.panel * vectorWidth
          let panel = SubsetPanel(
            lanes: lanes[item / shape.panelCount],
            columns: first..<min(first + SubsetShape.panel * vectorWidth, shape.columnCount))
          let sums =
            switch shape.precision {
            case .float32: sumPanel(shape, panel, subsets, loops, subsets.room(thread))
            case .bfloat16: sumNarrowPanel(shape, panel, subsets, loops, subsets.room(thread))
            }
          storePanel(result, lanes: panel.lanes, columns: panel.columns, sums)
          if thread == 0 { scratch.breaks?.take() }
        }
      }
    }
  }
}

/// A panel of columns of some lanes.
struct SubsetPanel {
  let lanes, columns: Range<Int>
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

/// A panel's sums: block after block, a vector for each lane.
private func sumPanel(
  _ shape: SubsetShape, _ panel: SubsetPanel, _ scratch: SubsetScratch, _ loops: VectorLoops.LookUps,
  _ room: UnsafeMutablePointer<Float>
) -> UnsafePointer<Float> {
  let (lanes, columns) = (panel.lanes, panel.columns)
  let perBlock = shape.memberBlockSize
  let vectors = room + shape.chunkSize &* SubsetGroups.members.tableSize
  let sums = vectors + SubsetShape.panel &* perBlock
  let (tiles, tile) = ((lanes.count &+ SubsetShape.tile &- 1) / SubsetShape.tile, SubsetShape.tile)
  let blockSize = SubsetShape.blockSize(lanes)
  let blocks = (columns.count &+ vectorWidth &- 1) / vectorWidth
  for first in stride(from: 0, to: shape.chunkCount, by: shape.gatheredChunks) {
    let chunks = first..<min(first + shape.gatheredChunks, shape.chunkCount)
    let gathered = shape.members(chunks)
    scratch.withMembers(gathered) { gather(vectors, $0, columns, perBlock: perBlock) }
    for block in 0..<blocks {
      for number in chunks {
        let (planned, groups) = (shape.plan.blocks[number], scratch.groups[number])
        let (chunk, tableSize) = (planned.terms, groups.tableSize)
        let next = number &+ shape.gatheredChunks
        scratch.withMembers(shape.members(next..<next &+ 1)) {
          fetch($0, column: columns.lowerBound &+ block &* vectorWidth)
        }
        let own = chunk.lowerBound &* SubsetShape.groupSize &- gathered.lowerBound
        loops.tabulateGroups(
          room, tableSize, vectors + (block &* perBlock &+ own &* vectorWidth), chunk.count, groups == .triples)
        let indices = scratch.indices + shape.place(chunk, tile: lanes.lowerBound / tile)
        for segment in shape.plan.segments[planned.segments] {
          let start = segment.first &- chunk.lowerBound
          loops.addTiles(
            sums + block &* blockSize, SubsetShape.panel &* blockSize, segment, tiles, room + start &* tableSize,
            tableSize, indices + start &* tile, chunk.count &* tile)
        }
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
