// How a product is shared out among threads, and the rooms they work in. See `Product.swift`.
import Matrices
import Synchronization

/// The threads of a product as a grid over strips and panels: as even as whole tiles allow, rather more columns than rows of threads,
/// since every row of threads packs all panels.
package struct ThreadGrid {
  package let rows: Int
  package let columns: Int
  package var threadCount: Int { rows * columns }

  package init(strips: Int, panels: Int, threads: Int) {
    var best = (rows: 1, columns: 1, tiles: Int.max)
    for rows in 1...max(1, threads) {
      let columns = min(threads / rows, panels)
      guard rows <= strips, columns >= 1 else { continue }
      let tiles = ((strips + rows - 1) / rows) * ((panels + columns - 1) / columns)
      if tiles < best.tiles { best = (rows, columns, tiles) }
    }
    (rows, columns) = (best.rows, best.columns)
  }

  package func row(_ thread: Int) -> Int { thread / columns }

  package func strips(_ thread: Int, of count: Int) -> Range<Int> {
    RowPartition(rowCount: count, rankCount: rows).slice(of: row(thread))
  }

  /// The panels in chunks, as many for each column of threads. Threads of a row take them one after the other: one that is held up, by
  /// messages or by other programs, takes fewer.
  package func chunks(panels: Int, most: Int) -> RowPartition {
    let perThread = (panels + columns - 1) / columns
    return RowPartition(rowCount: panels, rankCount: min(panels, columns * ((perThread + most - 1) / most)))
  }
}

/// Room for packed factors and tiles; grows to the largest product's and stays. The threads of a product use their own.
final class ProductRooms {
  private var stripStorage = GrowingStorage()
  private var threadStorage: [GrowingStorage] = []
  let queues = WorkQueues()

  func prepare(stripFloats: Int, threadFloats: Int, threads: Int) {
    stripStorage.reserve(stripFloats)
    while threadStorage.count < threads { threadStorage.append(GrowingStorage()) }
    // From 2 MiB on a storage lies in huge pages: tiles and panels are in fewer of them than a core remembers.
    for thread in 0..<threads { threadStorage[thread].reserve(threadFloats, least: 1 << 19) }
  }

  var strips: UnsafeMutablePointer<Float> { stripStorage.base }
  func room(_ thread: Int) -> UnsafeMutablePointer<Float> { threadStorage[thread].base }
}

/// Sizes of a thread's room: packed panels, the stacks' passing places, then the stacks of tiles.
struct RoomShape {
  let panelFloats: Int
  let passingFloats: Int
  let stackFloats: Int
  let floats: Int

  init(strips: Int, panels: Int, panelWidth: Int, _ plan: SumPlan) {
    panelFloats = panels * panelWidth * (plan.blocks.map(\.terms.count).max() ?? 0)
    passingFloats = plan.passingSlots * 2 * stripRows * panelWidth
    stackFloats = plan.keptSlots * stripRows * panelWidth
    floats = panelFloats + passingFloats + strips * (plan.blocks.count == 1 ? 1 : panels) * stackFloats
  }
}

/// Numbers of pieces of work that threads take one after the other, in some queues; used by one product at a time. The counters are atomic,
/// and are reset while no thread takes any.
final class WorkQueues {
  private static let most = 4096
  private let counters = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: most)

  init() { for queue in 0..<Self.most { (counters + queue).initialize(to: Atomic(0)) } }

  deinit { counters.deallocate() }

  func reset(_ count: Int) {
    precondition(count <= Self.most)
    for queue in 0..<count { counters[queue].store(0, ordering: .relaxed) }
  }

  /// The next piece of a queue that has `count`; nil behind the last.
  func next(_ queue: Int, below count: Int) -> Int? {
    let piece = counters[queue].wrappingAdd(1, ordering: .relaxed).oldValue
    return piece < count ? piece : nil
  }
}
