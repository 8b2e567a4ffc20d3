// The instance-level loss over a global batch, method.md item 6. B global rows in micro-batches of M, N of those local,
// P projection. The generator step contrasts two sets at once: real rows, then fake ones, 2B in all.
import Collectives
import Kernels
import Losses
import Matrices

/// Knows z of this rank's rows and makes the gradients of the one global loss with respect to them. The rows of all ranks are
/// looked at block by block, a micro-batch each, in global order; they are kept if they fit, else each of the two passes
/// gathers them anew, so that memory holds the rank's own rows and one block.
final class InstanceContrast {
  enum RowSet: Int { case real, fake }

  private let loss: ContrastiveLoss
  private let microBatches: MicroBatches
  private let communicator: any Communicator
  /// z of the local rows of both sets, micro-batch after micro-batch.
  private let local: Matrix
  /// Gradient of the local rows of one set.
  private let gradients: Matrix
  /// Where each micro-batch's local rows start among the rank's own.
  private let offsets: [Int]
  /// 2B×P, M×P, or empty for a rank that is alone.
  private let gathered: Matrix
  private let isStreaming: Bool
  /// N×1 and 2B×1: log-sum-exps.
  private let localLogSumExps: Matrix
  private let allLogSumExps: Matrix

  /// - Parameter mostGathered: floats of z that may be kept from all ranks; above, they are gathered twice. No figure depends on it.
  init(
    loss: ContrastiveLoss, microBatches: MicroBatches, projection: Int, communicator: any Communicator,
    mostGathered: Int
  ) {
    self.loss = loss
    self.microBatches = microBatches
    self.communicator = communicator
    let counts = (0..<microBatches.count).map { microBatches.localRows($0, rank: communicator.rank).count }
    offsets = counts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    let (own, b, m) = (offsets[counts.count], microBatches.batchSize, microBatches.rows[0].count)
    local = Matrix(rows: 2 * own, columns: projection)
    gradients = Matrix(rows: own, columns: projection)
    isStreaming = microBatches.count > 1 && 2 * b * projection > mostGathered
    let kept = communicator.rankCount == 1 ? 0 : isStreaming ? m : 2 * b
    gathered = Matrix(rows: kept, columns: projection)
    localLogSumExps = Matrix(rows: counts[0], columns: 1)
    allLogSumExps = Matrix(rows: 2 * b, columns: 1)
  }

  /// N×P: z of a micro-batch's local rows, to be filled before `evaluate`.
  func rows(_ set: RowSet, _ index: Int) -> Matrix {
    let first = set.rawValue * gradients.rowCount
    return local.rows(first + offsets[index]..<first + offsets[index + 1])
  }

  /// N×P: what `evaluate` found for them; free to be spent on its way back.
  func gradient(_ index: Int) -> Matrix { gradients.rows(offsets[index]..<offsets[index + 1]) }

  /// Contrasts every row of the sets with every other.
  ///
  /// - Parameters:
  ///   - labels: of the B rows; each set has them.
  ///   - sets: real, or real and fake; the gradients are those of the last one.
  ///   - weight: factor of the gradients.
  /// - Returns: this rank's part of L_ins; the loss is the sum of all parts.
  func evaluate(labels: [Int], sets: [RowSet], weight: Float) throws -> Double {
    let anchors = ContrastiveAnchors(labels: sets.count == 1 ? labels : labels + labels)
    let places = sets.flatMap { set in (0..<microBatches.count).map { Place(set: set, index: $0) } }
    // A batch that is one micro-batch is one block with all its sets: larger products.
    let blocks = microBatches.count == 1 ? [places] : places.map { [$0] }
    if communicator.rankCount > 1 { loss.keepRows(local) }
    var sums = places.map { [AnchorSums](repeating: loss.emptySums, count: rows($0.set, $0.index).rowCount) }
    for block in blocks {
      let rowsOfBlock = try self.rows(of: block, gathers: true)
      loss.keepRows(rowsOfBlock)
      for (number, place) in places.enumerated() {
        loss.addSums(
          &sums[number], rows: rows(place.set, place.index), firstIndex: firstLocal(place), block: rowsOfBlock,
          blockIndex: first(block[0]), anchors: anchors)
      }
    }
    var lossSum = 0.0
    for (number, place) in places.enumerated() {
      let (values, part) = loss.logSumExps(sums[number], firstIndex: firstLocal(place), anchors: anchors)
      lossSum += part
      for (row, value) in values.enumerated() { localLogSumExps[row, 0] = value }
      try communicator.gatherRows(
        localLogSumExps.rows(0..<values.count), into: allLogSumExps.rows(range(place)),
        partition: microBatches.partition(place.index))
    }
    let logSumExps = allLogSumExps.rows(0..<anchors.labels.count).elements
    for block in blocks {
      let rowsOfBlock = try self.rows(of: block, gathers: isStreaming)
      if isStreaming { loss.keepRows(rowsOfBlock) }
      for place in places where place.set == sets.last {
        loss.addGradient(
          into: gradient(place.index), rows: rows(place.set, place.index), firstIndex: firstLocal(place),
          block: rowsOfBlock, blockIndex: first(block[0]), anchors: anchors, logSumExps: logSumExps, weight: weight,
          accumulate: first(block[0]) > 0)
      }
    }
    return lossSum / Double(max(anchors.keptCount, 1))
  }

  private struct Place {
    let set: RowSet
    let index: Int
  }

  /// Global index of a micro-batch's first row in the contrasted set, and of this rank's first.
  private func first(_ place: Place) -> Int {
    place.set.rawValue * microBatches.batchSize + microBatches.rows[place.index].lowerBound
  }

  private func firstLocal(_ place: Place) -> Int {
    place.set.rawValue * microBatches.batchSize
      + microBatches.localRows(place.index, rank: communicator.rank).lowerBound
  }

  private func range(_ place: Place) -> Range<Int> {
    first(place)..<first(place) + microBatches.rows[place.index].count
  }

  /// M×P: a micro-batch's rows of all ranks; or those of all sets, which lie one after the other.
  private func rows(of block: [Place], gathers: Bool) throws -> Matrix {
    guard communicator.rankCount > 1 else {
      let first = rows(block[0].set, block[0].index)
      return block.count == 1 ? first : local.rows(0..<block.count * first.rowCount)
    }
    if gathers {
      for place in block {
        try communicator.gatherRows(
          rows(place.set, place.index), into: gathered.rows(gatheredRange(place)),
          partition: microBatches.partition(place.index))
      }
    }
    return gathered.rows(gatheredRange(block[0]).lowerBound..<gatheredRange(block[block.count - 1]).upperBound)
  }

  private func gatheredRange(_ place: Place) -> Range<Int> {
    isStreaming ? 0..<microBatches.rows[place.index].count : range(place)
  }
}
