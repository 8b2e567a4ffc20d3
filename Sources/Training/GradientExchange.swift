// B rows of all ranks, N local rows, K units of a layer.
import Collectives
import Matrices
import Networks

/// How parameter gradients are computed on many ranks: not summed, but shared out by unit.
///
/// A weight gradient δᵀ·x is a sum over the batch, and float sums depend on how the batch is cut; through Adam and the kinks
/// of ReLU that grows into another trajectory within a few steps. So every rank computes the gradients of its own *units*
/// over the rows of *all* ranks, always in the same order: the inputs x are gathered, each δ goes to the rank that owns
/// its columns, and the finished rows of dW are shared. Only copies travel, nothing is added on the way, and a run has the
/// same bits on any number of ranks. The work is divided as with a sum, and with one rank nothing is moved at all.
final class GradientExchange {
  private let communicator: any Communicator
  private let partition: RowPartition
  private var buffers: [String: Matrix] = [:]

  init(communicator: any Communicator, batchSize: Int) {
    self.communicator = communicator
    partition = RowPartition(rowCount: batchSize, rankCount: communicator.rankCount)
  }

  /// Whether there is no other rank: then what is passed in comes back, not a copy.
  var isAlone: Bool { communicator.rankCount == 1 }

  /// This rank's units of a layer of that width.
  func units(_ count: Int) -> Range<Int> { slices(count)[communicator.rank] }

  private func slices(_ count: Int) -> [Range<Int>] {
    UnitPartition(unitCount: count, rankCount: communicator.rankCount).slices
  }

  /// blocks·B×K: the rows of all ranks. `local` holds `blocks` blocks of N rows (real, fake, …), the result as many of B.
  func allRows(_ local: Matrix, blocks: Int = 1, _ name: String) throws -> Matrix {
    guard !isAlone else { return local }
    let n = local.rowCount / blocks
    let all = buffer(name, rows: blocks * partition.rowCount, columns: local.columnCount)
    for block in 0..<blocks {
      try communicator.gatherRows(
        local.rows(block * n..<(block + 1) * n),
        into: all.rows(block * partition.rowCount..<(block + 1) * partition.rowCount), partition: partition)
    }
    return all
  }

  /// blocks·B×units: this rank's columns of the rows of all ranks.
  ///
  /// - Parameter padding: round the last rank's columns up to a multiple of 32, for padded matrices; the result is a view of
  ///   the units alone.
  func ownColumns(_ local: Matrix, blocks: Int = 1, isPadded: Bool = false, _ name: String) throws -> Matrix {
    let own = units(local.columnCount)
    guard !isAlone else { return local }
    let width = isPadded ? local.rowStride : local.columnCount
    let ranges = slices(local.columnCount).map { slice in
      slice.isEmpty || slice.upperBound < local.columnCount ? slice : slice.lowerBound..<width
    }.map { $0.isEmpty ? width..<width : $0 }
    let source = Matrix(
      storage: local.storage, offset: local.offset, rowCount: local.rowCount, columnCount: width,
      rowStride: local.rowStride)
    let n = local.rowCount / blocks
    let mine = buffer(name, rows: blocks * partition.rowCount, columns: ranges[communicator.rank].count)
    for block in 0..<blocks {
      try communicator.exchangeColumns(
        source.rows(block * n..<(block + 1) * n), columns: ranges,
        into: mine.rows(block * partition.rowCount..<(block + 1) * partition.rowCount), partition: partition)
    }
    return mine.columns(0..<own.count)
  }

  /// Gives every rank the gradients of all units of a layer, and of the one-unit layer that follows it, if any.
  func share(_ layer: LinearLayer, followedBy next: LinearLayer? = nil) throws {
    guard !isAlone else { return }
    let rows = slices(layer.unitCount)
    try communicator.shareRows(of: layer.dWeight, rows: rows)
    try communicator.shareRows(of: layer.dBias.reshaped(rows: layer.unitCount, columns: 1), rows: rows)
    if let next {
      try communicator.shareRows(of: next.dWeight.reshaped(rows: layer.unitCount, columns: 1), rows: rows)
    }
  }

  /// A buffer that lives as long as the run: sizes do not change from step to step.
  private func buffer(_ name: String, rows: Int, columns: Int) -> Matrix {
    if let old = buffers[name], old.rowCount == rows, old.columnCount == columns { return old }
    let new = Matrix(rows: rows, columns: columns)
    buffers[name] = new
    return new
  }
}
