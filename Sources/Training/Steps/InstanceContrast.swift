// The instance-level loss over a global batch, Method.md, identity 6. B global rows, N of them this rank's, Z projection. The generator step
// contrasts two sets at once: real rows, then fake ones, 2B in all.
import Collectives
import Kernels
import Losses
import Matrices
import Profiling

/// Knows z of this rank's rows and makes the gradients of the one global loss with respect to them. The rows of all ranks are
/// gathered once if they fit, else block by block, for each of the two passes anew.
package final class InstanceContrast {
  enum RowSet: Int { case real, fake }

  private let loss: ContrastiveLoss
  private let tree: BatchTree
  private let ranks: [Range<Int>]
  private let communicator: any Communicator
  /// 2N×Z: z of this rank's rows, of both sets.
  private let local: Matrix
  /// N×Z: the gradient of one set's.
  private let gradients: Matrix
  /// 1×2N: norms of both sets before normalisation.
  private let allNorms: Matrix
  /// Rows of the set that are gathered at once: all, or a multiple of the loss's tiles.
  private let blockRows: Int
  /// One for all rows, or two that take turns; none for a rank that is alone.
  private let gathers: [RowGather]
  /// 2B×1, and 2N×1: log-sum-exps.
  private let logSumExpGather: RowGather
  private let localLogSumExps: Matrix

  /// - Parameter gatheredRows: see `blockRows`; nil: all rows at once.
  /// - Throws: `SharedMemoryError`, `CollectiveError`.
  init(
    loss: ContrastiveLoss, rows: RankRows, projection: Int, gatheredRows: Int?, communicator: any Communicator
  ) throws {
    self.loss = loss
    self.communicator = communicator
    tree = rows.tree
    ranks = tree.partition(rankCount: communicator.rankCount)
    let (own, all) = (rows.rows.count, 2 * tree.rowCount)
    local = Matrix(rows: 2 * own, columns: projection)
    gradients = Matrix(rows: own, columns: projection)
    allNorms = Matrix(rows: 1, columns: 2 * own)
    blockRows = communicator.rankCount == 1 ? all : min(gatheredRows ?? all, all)
    gathers =
      communicator.rankCount == 1
      ? []
      : try (0..<(blockRows == all ? 1 : 2)).map { [blockRows] _ in
        try RowGather("projections", rows: blockRows, columns: projection, communicator: communicator)
      }
    logSumExpGather = try RowGather("log-sum-exps", rows: all, columns: 1, communicator: communicator)
    localLogSumExps = Matrix(rows: 2 * own, columns: 1)
  }

  /// Rows of both sets that are gathered at once: all 2B if they fit, else as many whole tiles as two blocks may have.
  ///
  /// - Parameter mostGathered: floats of z that may be kept from all ranks. No figure depends on it.
  package static func blockRows(batchSize: Int, projection: Int, mostGathered: Int) -> Int {
    let (all, tile) = (2 * batchSize, ContrastiveLoss.tileColumns)
    guard all * projection > mostGathered else { return all }
    return min(all, max(tile, mostGathered / (2 * projection) / tile * tile))
  }

  /// Elements of z of which rounded copies are kept while the contrast is evaluated.
  var keptCount: Int { gathers.isEmpty ? local.count : gathers.reduce(0) { $0 + $1.all.count } }

  private var ownRows: Range<Int> { ranks[communicator.rank] }

  /// z of some of this rank's rows, indices of the global batch, to be filled before `start`.
  func z(_ set: RowSet, _ rows: Range<Int>) -> Matrix {
    let first = set.rawValue * ownRows.count - ownRows.lowerBound
    return local.rows(first + rows.lowerBound..<first + rows.upperBound)
  }

  /// The norms of the same rows before normalisation.
  func norms(_ set: RowSet, _ rows: Range<Int>) -> Matrix {
    let first = set.rawValue * ownRows.count - ownRows.lowerBound
    return allNorms.columns(first + rows.lowerBound..<first + rows.upperBound)
  }

  /// What `evaluate` found for some of this rank's rows; free to be spent on its way back.
  func gradient(_ rows: Range<Int>) -> Matrix {
    gradients.rows(rows.lowerBound - ownRows.lowerBound..<rows.upperBound - ownRows.lowerBound)
  }

  /// z of all this rank's rows is there: it begins to travel.
  ///
  /// - Parameter sets: real, or real and fake.
  /// - Throws: `CollectiveError`.
  func start(_ sets: [RowSet]) throws {
    if communicator.rankCount > 1 { try startBlock(0, sets) }
  }

  /// Contrasts every row of the sets with every other.
  ///
  /// - Parameters:
  ///   - labels: of the B rows; each set has them.
  ///   - sets: as at `start`; the gradients are those of the last one.
  ///   - weight: factor of the gradients.
  ///   - losses: takes this rank's terms of Σ_kept (…) of real rows, and of fake ones as the term behind it.
  /// - Returns: anchors kept, by which the sum of all terms is to be divided.
  func evaluate(
    labels: [Int], sets: [RowSet], weight: Float, losses: inout LossSums, term: Int
  ) throws -> Int {
    let anchors = ContrastiveAnchors(labels: sets.count == 1 ? labels : labels + labels)
    if communicator.rankCount > 1 { loss.keepRows(local) }
    var sums = sets.map { _ in [AnchorSums](repeating: loss.emptySums, count: ownRows.count) }
    let all = sets.count * tree.rowCount
    var computed: ContrastiveTile?
    func add(_ rows: Matrix, _ first: Int) {
      Profile.growing(with: .pairs) {
        for (number, set) in sets.enumerated() {
          computed = loss.addSums(
            &sums[number], rows: own(set), block: ContrastRows(rows, firstIndex: first), anchors: anchors)
        }
      }
    }
    if communicator.spansHosts && all <= blockRows && !loss.needsOrder {
      try forEachArrival(all, sets, add)
    } else {
      try forEachBlock(all, sets, isGathered: true, add)
    }
    for (number, set) in sets.enumerated() {
      for (row, sum) in sums[number].enumerated() {
        let (value, part) = loss.logSumExp(sum, index: place(set) + row, anchors: anchors)
        localLogSumExps[number * ownRows.count + row, 0] = value
        losses.add(part, term: term + number, row: ownRows.lowerBound + row)
      }
    }
    try logSumExpGather.start(
      ranges(communicator.rank, sets, 0..<all).enumerated().map { number, place in
        (localLogSumExps.rows(number * ownRows.count..<(number + 1) * ownRows.count), place)
      }, places: { self.ranges($0, sets, 0..<all) })
    try logSumExpGather.finish()
    let logSumExps = logSumExpGather.all.rows(0..<all).elements
    guard let last = sets.last else { return 0 }
    try forEachBlock(all, sets, isGathered: blockRows >= all) { rows, first in
      Profile.growing(with: .pairs) {
        loss.addGradient(
          into: gradients, rows: own(last), block: ContrastRows(rows, firstIndex: first), anchors: anchors,
          logSumExps: logSumExps, weight: weight, computed: computed)
      }
      computed = nil
    }
    return anchors.keptCount
  }

  private func own(_ set: RowSet) -> ContrastRows { ContrastRows(z(set, ownRows), firstIndex: place(set)) }

  /// Index of this rank's first row in the contrasted set.
  private func place(_ set: RowSet) -> Int { set.rawValue * tree.rowCount + ownRows.lowerBound }

  /// The rows of all ranks in order, gathered as far as that has not been done.
  ///
  /// - Parameter isGathered: whether the first block is there or under way.
  private func forEachBlock(
    _ all: Int, _ sets: [RowSet], isGathered: Bool, _ body: (_ rows: Matrix, _ first: Int) -> Void
  ) throws {
    guard communicator.rankCount > 1 else {
      loss.keepRows(local)
      return body(local.rows(0..<all), 0)
    }
    if !isGathered { try startBlock(0, sets) }
    for (number, first) in stride(from: 0, to: all, by: blockRows).enumerated() {
      let gather = gathers[number % gathers.count]
      try gather.finish()
      let next = first + blockRows
      // Everyone has left the block before: `finish` of this one has waited for all.
      if next < all { try startBlock(next, sets) }
      let rows = gather.all.rows(0..<min(blockRows, all - first))
      loss.keepRows(rows)
      body(rows, first)
    }
  }

  /// Whole tiles of the set as soon as the hosts that have their rows have sent them, as ranges of rows.
  private func forEachArrival(
    _ all: Int, _ sets: [RowSet], _ body: (_ rows: Matrix, _ first: Int) -> Void
  ) throws {
    let (gather, tile) = (gathers[0], loss.tileColumns)
    var missing = (0..<(all + tile - 1) / tile).map { min(($0 + 1) * tile, all) - $0 * tile }
    for host in gather.hostsInOrder {
      try gather.finish(host: host)
      var complete: [Range<Int>] = []
      for range in communicator.hosts.ranks[host].flatMap({ ranges($0, sets, 0..<all) }) where !range.isEmpty {
        for index in range.lowerBound / tile...(range.upperBound - 1) / tile {
          let rows = index * tile..<min((index + 1) * tile, all)
          missing[index] -= range.clamped(to: rows).count
          guard missing[index] == 0 else { continue }
          if let last = complete.last, last.upperBound == rows.lowerBound {
            complete[complete.count - 1] = last.lowerBound..<rows.upperBound
          } else {
            complete.append(rows)
          }
        }
      }
      for rows in complete {
        let block = gather.all.rows(rows)
        loss.keepRows(block)
        body(block, rows.lowerBound)
      }
    }
    // Own rows have to be on their way to the last host before anything else is sent there.
    try gather.finish()
  }

  /// Lets rows travel on; to be called often.
  func advance() { for gather in gathers { gather.advance() } }

  private func startBlock(_ first: Int, _ sets: [RowSet]) throws {
    let block = first..<min(first + blockRows, sets.count * tree.rowCount)
    let places = ranges(communicator.rank, sets, block)
    let own = zip(sets, places).map { set, range in
      let rows = set.rawValue * ownRows.count + first + range.lowerBound - place(set)
      return (rows: range.isEmpty ? local.rows(0..<0) : local.rows(rows..<rows + range.count), place: range)
    }
    try gathers[first / blockRows % gathers.count].start(own, places: { self.ranges($0, sets, block) })
  }

  /// The rows of a rank in a block of the contrasted set, counted from the block's first: a range for each set.
  private func ranges(_ rank: Int, _ sets: [RowSet], _ block: Range<Int>) -> [Range<Int>] {
    sets.map { set in
      let first = set.rawValue * tree.rowCount
      let rows = (first + ranks[rank].lowerBound..<first + ranks[rank].upperBound).clamped(to: block)
      return rows.lowerBound - block.lowerBound..<rows.upperBound - block.lowerBound
    }
  }
}
