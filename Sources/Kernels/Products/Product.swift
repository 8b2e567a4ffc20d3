// Float32 products, M×K times K×N. Bits: `Matrices/SumOrder.swift`. Memory: `ProductPacking.swift`.
//
//   for rows (as many as a buffer of packed strips takes; all threads pack)
//     for panels, some at a time: a chunk; shared out among the threads
//       for block of terms (the chunk's panels are packed)
//         for strips, as many as stay in the second cache
//           for panel (stays in the first cache): strips times panel, tile by tile (`LoopsAVX2/ProductLoop.swift`)
//           after the last block the tiles are finished into the result
import LoopsAVX2
import Matrices
import Profiling

/// A factor of a product: a matrix as it stands, or `matrix.transposed`.
package protocol ProductOperand {
  var matrix: Matrix { get }
  var isTransposed: Bool { get }
}

/// A matrix to be read with rows and columns exchanged; nothing is moved.
package struct TransposedMatrix: ProductOperand {
  package let matrix: Matrix
  package var isTransposed: Bool { true }
}

extension Matrix: ProductOperand {
  package var matrix: Matrix { self }
  package var isTransposed: Bool { false }
  package var transposed: TransposedMatrix { TransposedMatrix(matrix: self) }
}

extension ProductOperand {
  var rows: Int { isTransposed ? matrix.columnCount : matrix.rowCount }
  var columns: Int { isTransposed ? matrix.rowCount : matrix.columnCount }
}

extension ProductContext {
  /// result = finish(a · b), or finish(result + a · b) if `accumulate`, with a and b read plain or transposed. Row strides are free;
  /// the result may be a block of columns of a larger matrix. Runs on all threads of `ThreadPool`.
  ///
  /// In bfloat16 a and b are rounded first; the products are oneDNN's, and so is the order of their sums.
  ///
  /// - Parameters:
  ///   - result: M×N. Overwritten, or added to.
  ///   - a: M×K.
  ///   - b: K×N.
  ///   - order: of the sums; those over a batch cannot accumulate.
  package func multiply(
    into result: Matrix, _ a: some ProductOperand, _ b: some ProductOperand, accumulate: Bool = false,
    order: SumOrder = .chain, finish: ProductFinish = .none
  ) {
    let (m, k, n) = (a.rows, a.columns, b.columns)
    precondition(
      k == b.rows && result.rowCount == m && result.columnCount == n && finish.fits(rows: m, columns: n),
      "\(m)×\(k) times \(b.rows)×\(n) into \(result.rowCount)×\(result.columnCount)")
    guard m > 0 && n > 0 else { return }
    guard k > 0 else {
      if !accumulate { result.fill(0) }
      return apply(finish, to: result)
    }
    let start = Profile.current.begin()
    scratch.alone {
      scratch.breaks?.take()
      if precision == .bfloat16 {
        scratch.multiplyRounded(into: result, a, b, accumulate: accumulate, order: order)
      } else {
        finish.withAddresses { finish in
          let factors = PackedFactors(
            left: PackedSide(matrix: a.matrix, areTerms: a.isTransposed),
            right: PackedSide(matrix: b.matrix, areTerms: !b.isTransposed), termCount: k)
          FloatProduct(
            result: result, factors, accumulate: accumulate, order: order, finish: finish, loops: scratch.loops
          ).run(scratch)
        }
      }
    }
    Profile.current.end(
      start,
      ProductShape(
        m: m, k: k, n: n, leftIsTransposed: a.isTransposed, rightIsTransposed: b.isTransposed,
        isBatchSum: order != .chain))
    if precision == .bfloat16 { apply(finish, to: result) }
  }
}

/// M×K and K×N.
private struct PackedFactors {
  let left, right: PackedSide
  /// K.
  let termCount: Int
}

/// A product under way.
private struct FloatProduct {
  let result: Matrix
  let factors: PackedFactors
  let plan: SumPlan
  let accumulate: Bool
  let finish: FinishAddresses
  let loops: VectorLoops

  /// Floats of packed strips: 8 MiB of the third cache.
  private static let packedFloats = 1 << 21
  /// Strips that are multiplied with one panel after the other: with their tiles some 300 KiB of the second cache.
  private static let stripsAtOnce = 32
  /// Terms of a block of a sum over a batch, often a node of the tree: a panel of 16 KiB with AVX2, where the first cache may be 32, and
  /// of 32 KiB with AVX-512.
  private static let batchTerms = 256
  /// Most columns of a chunk of panels.
  private static let chunkColumns = 512
  /// Floats of a chunk's tiles, which each block of terms reads and writes again: 1 MiB of the second cache.
  private static let tileFloats = 1 << 18

  init(
    result: Matrix, _ factors: PackedFactors, accumulate: Bool, order: SumOrder, finish: FinishAddresses,
    loops: VectorLoops
  ) {
    self.result = result
    self.factors = factors
    self.accumulate = accumulate
    self.finish = finish
    self.loops = loops
    // A panel's block takes 24 KiB.
    let most = 6144 / loops.panelWidth
    let termCount = factors.termCount
    let blocks = (termCount + most - 1) / most
    plan = SumPlan(
      order, termCount: termCount, accumulate: accumulate,
      blockTerms: order == .chain ? (termCount + blocks - 1) / blocks : Self.batchTerms)
  }

  func run(_ scratch: ProductScratch) {
    let (rooms, termCount) = (scratch.rooms, factors.termCount)
    let strips = (result.rowCount + stripRows - 1) / stripRows
    let most = max(16, Self.packedFloats / (stripRows * termCount))
    let blocks = RowPartition(rowCount: strips, rankCount: (strips + most - 1) / most)
    let threads = min(
      ThreadPool.threadCount, 1 + result.rowCount * result.columnCount * termCount / 65536)
    let panels = (result.columnCount + loops.panelWidth - 1) / loops.panelWidth
    let grid = ThreadGrid(strips: blocks.largestSlice, panels: panels, threads: threads)
    let mostStrips = grid.strips(0, of: blocks.largestSlice).count
    let columns = min(Self.chunkColumns, max(128, Self.tileFloats / (mostStrips * stripRows)))
    let chunks = grid.chunks(panels: panels, most: columns / loops.panelWidth)
    let room = RoomShape(strips: mostStrips, panels: chunks.largestSlice, panelWidth: loops.panelWidth, plan)
    rooms.prepare(
      stripFloats: blocks.largestSlice * stripRows * termCount, threadFloats: room.floats, threads: grid.threadCount)
    for rows in blocks.slices {
      packStrips(rows, into: rooms.strips, threads: threads)
      // While messages are under way, threads of a row take chunks as they come, since one of them looks after messages as well. Else each
      // has its own, next to each other: a few percent faster.
      let isShared = scratch.breaks?.areNeeded ?? false
      rooms.queues.reset(isShared ? grid.rows : grid.threadCount)
      fork(grid.threadCount) { part in
        for thread in part {
          let strips = grid.strips(thread, of: rows.count)
          let own = RowPartition(rowCount: chunks.rankCount, rankCount: isShared ? 1 : grid.columns).slice(
            of: isShared ? 0 : thread % grid.columns)
          while let number = rooms.queues.next(isShared ? grid.row(thread) : thread, below: own.count) {
            let chunk = own.lowerBound + number
            multiplyChunk(
              chunks.slice(of: chunk), rows: rows, strips: strips, packed: rooms.strips, rooms.room(thread), room)
            if thread == 0 { scratch.breaks?.take() }
          }
        }
      }
    }
  }

  /// The strips of some rows, block of terms after block of terms.
  private func packStrips(_ rows: Range<Int>, into packed: UnsafeMutablePointer<Float>, threads: Int) {
    fork(rows.count, grain: max(1, rows.count / threads)) { part in
      for strip in part {
        for terms in plan.blocks.lazy.map(\.terms) {
          factors.left.packStrip(
            rows.lowerBound &+ strip, terms: terms,
            into: packed + stripRows &* (rows.count &* terms.lowerBound &+ strip &* terms.count))
        }
      }
    }
  }

  /// Some strips, counted from the first of `rows`, times a chunk of panels.
  private func multiplyChunk(
    _ panels: Range<Int>, rows: Range<Int>, strips: Range<Int>, packed: UnsafePointer<Float>,
    _ packedPanels: UnsafeMutablePointer<Float>, _ room: RoomShape
  ) {
    let width = loops.panelWidth
    let passing = packedPanels + room.panelFloats
    let stacks = passing + room.passingFloats
    plan.segments.withUnsafeBufferPointer { segments in
      for (number, block) in plan.blocks.enumerated() {
        let terms = block.terms
        factors.right.packPanels(panels, width: width, terms: terms, into: packedPanels)
        for first in stride(from: strips.lowerBound, to: strips.upperBound, by: Self.stripsAtOnce) {
          let own = first..<min(first + Self.stripsAtOnce, strips.upperBound)
          for (place, panel) in panels.enumerated() {
            // Where a block is the whole sum, every strip and panel uses the same stacks.
            let stack =
              stacks
              + (plan.blocks.count == 1 ? 0 : place &* strips.count &+ own.lowerBound &- strips.lowerBound)
              &* room.stackFloats
            let tiles = TileColumn(
              start: result.start, stride: result.rowStride, row: (rows.lowerBound &+ own.lowerBound) &* stripRows,
              rowCount: result.rowCount, stripCount: own.count, column: panel &* width,
              columnCount: min(width, result.columnCount &- panel &* width), panelWidth: width,
              stackFloats: room.stackFloats)
            if accumulate && number == 0 { tiles.load(into: stack) }
            // The result's lines are on their way while the tiles are multiplied.
            if number == plan.blocks.count - 1 { tiles.prefetch() }
            loops.multiplyStrips(
              packed + stripRows &* (rows.count &* terms.lowerBound &+ own.lowerBound &* terms.count), own.count,
              packedPanels + place &* width &* terms.count, terms.count, stack, plan.keptSlots, passing,
              UnsafeBufferPointer(rebasing: segments[block.segments]), terms.lowerBound)
            if number == plan.blocks.count - 1 { tiles.store(from: stack, finish) }
          }
        }
      }
    }
  }
}
