// B rows of all ranks, N local rows, K units of a layer.
import Collectives
import Kernels
import Matrices
import Networks

/// How parameter gradients are computed on many ranks: not summed, but shared out by unit.
///
/// A weight gradient δᵀ·x is a sum over the batch, and float sums depend on how the batch is cut; through Adam and the kinks
/// of ReLU that grows into another trajectory within a few steps. So every rank computes the gradients of its own *units*
/// over the rows of *all* ranks, always in the same order: the inputs x are gathered, each δ goes to the rank that owns
/// its columns, and the finished rows of dW are shared. Only copies travel, nothing is added on the way, and a run has the
/// same bits on any number of ranks. The work is divided as with a sum, and with one rank nothing is moved at all.
///
/// Every exchange is begun as soon as its floats are there and waited for as late as they are needed: D's rows travel while
/// E, H and F are computed, theirs while D's weight gradients are.
final class GradientExchange {
  private let communicator: any Communicator
  /// How the rows that are exchanged are divided among the ranks.
  var partition: RowPartition
  private var buffers: [String: Matrix] = [:]
  private var shares: [any Transfer] = []
  /// Elements of this rank's gradients that were NaN or infinite, since `takeNonFinite`; nil: they are not looked through.
  private var nonFinite: Int?

  /// - Parameter countsNonFinite: whether gradients are looked through on their way.
  init(communicator: any Communicator, partition: RowPartition, countsNonFinite: Bool) {
    self.communicator = communicator
    self.partition = partition
    nonFinite = countsNonFinite ? 0 : nil
    // Without this, messages would rest while a product runs. On one host there is nothing to gain: a message is a copy that
    // the same cores make.
    if communicator.spansHosts { ProductBreaks.shared.install { communicator.poll() } }
  }

  /// Whether there is no other rank: then what is passed in comes back, not a copy.
  var isAlone: Bool { communicator.rankCount == 1 }

  /// This rank's units of a layer of that width.
  func units(_ count: Int) -> Range<Int> { slices(count)[communicator.rank] }

  private func slices(_ count: Int) -> [Range<Int>] {
    UnitPartition(unitCount: count, rankCount: communicator.rankCount).slices
  }

  /// Begins to gather blocks·B×K, the rows of all ranks. `local` holds `blocks` blocks of N rows (real, fake, …), the result
  /// as many of B. `local` may be read but not written until it is there.
  func startRows(_ local: Matrix, blocks: Int = 1, _ name: String) throws -> Incoming {
    guard !isAlone else { return Incoming(matrix: local, transfers: []) }
    let (n, b) = (local.rowCount / blocks, partition.rowCount)
    let all = buffer(name, rows: blocks * b, columns: local.columnCount)
    let transfers = try (0..<blocks).map { block in
      try communicator.startGatherRows(
        local.rows(block * n..<(block + 1) * n), into: all.rows(block * b..<(block + 1) * b), partition: partition)
    }
    return Incoming(matrix: all, transfers: transfers)
  }

  /// Begins to collect B×units, this rank's columns of the rows of all ranks. `local` is free again at once, unless this rank
  /// is alone: then it is itself the result.
  ///
  /// - Parameter isPadded: `local` is a padded matrix, and the result is to be one.
  func startColumns(_ local: Matrix, isPadded: Bool = false, _ name: String) throws -> Incoming {
    guard !isAlone else { return Incoming(matrix: local, transfers: []) }
    let own = units(local.columnCount)
    let width = isPadded ? paddedWidth(local) : local.columnCount
    let ranges = slices(local.columnCount).map { slice in
      slice.isEmpty || slice.upperBound < local.columnCount ? slice : slice.lowerBound..<width
    }.map { $0.isEmpty ? width..<width : $0 }
    let source = Matrix(
      storage: local.storage, offset: local.offset, rowCount: local.rowCount, columnCount: width,
      rowStride: local.rowStride)
    return try startRanges(of: source, ranges, keeping: own.count, name)
  }

  /// Begins to collect the words of B×units slopes, this rank's units of the rows of all ranks.
  func startSlopes(_ local: SlopeMatrix, _ name: String) throws -> Incoming {
    guard !isAlone else { return Incoming(matrix: local.words, transfers: []) }
    // Units are dealt out in blocks of 32: whole words.
    let ranges = slices(local.unitCount).map {
      SlopeMatrix.wordCount($0.lowerBound)..<SlopeMatrix.wordCount($0.upperBound)
    }
    return try startRanges(of: local.words, ranges, keeping: ranges[communicator.rank].count, name)
  }

  /// Begins to exchange consecutive ranges of columns, one per rank; the result has the first `count` of the own ones.
  private func startRanges(of source: Matrix, _ ranges: [Range<Int>], keeping count: Int, _ name: String) throws
    -> Incoming
  {
    let mine = buffer(name, rows: partition.rowCount, columns: ranges[communicator.rank].count)
    let transfer = try communicator.startExchangeColumns(source, columns: ranges, into: mine, partition: partition)
    return Incoming(matrix: mine.columns(0..<count), transfers: [transfer])
  }

  /// Begins to give every rank the gradients of all units of a layer, and of the one-unit layer that follows it, if any. Those of
  /// this rank's units are looked through first, while the caches have them.
  func startShare(_ layer: LinearLayer, followedBy next: LinearLayer? = nil) throws {
    let rows = slices(layer.unitCount)
    var gradients = [layer.dWeight, layer.dBias.reshaped(rows: layer.unitCount, columns: 1)]
    if let next { gradients.append(next.dWeight.reshaped(rows: layer.unitCount, columns: 1)) }
    if let before = nonFinite {
      nonFinite = gradients.reduce(before) { $0 + nonFiniteCount($1.rows(rows[communicator.rank])) }
    }
    guard !isAlone else { return }
    shares += try gradients.map { try communicator.startShareRows(of: $0, rows: rows) }
  }

  /// How many elements of this rank's gradients were NaN or infinite since this was last called; nil if nobody looked.
  func takeNonFinite() -> Int? {
    defer { nonFinite = nonFinite.map { _ in 0 } }
    return nonFinite
  }

  /// Returns when all gradients that were shared have arrived.
  func finishShares() throws {
    for share in shares { try share.finish() }
    shares = []
  }

  /// A buffer that lives as long as the run: sizes are those of the first micro-batch, or a little smaller.
  private func buffer(_ name: String, rows: Int, columns: Int) -> Matrix {
    if let old = buffers[name], old.rowCount >= rows, old.columnCount == columns { return old.rows(0..<rows) }
    let new = Matrix(rows: rows, columns: columns)
    buffers[name] = new
    return new
  }
}

/// Rows on their way to this rank.
struct Incoming {
  fileprivate let matrix: Matrix
  fileprivate let transfers: [any Transfer]

  /// The rows, once they are all there.
  func wait() throws -> Matrix {
    for transfer in transfers { try transfer.finish() }
    return matrix
  }
}
