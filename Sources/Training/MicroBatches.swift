// B rows of a global batch, M of a micro-batch, N of them local.
import Matrices
import Networks

/// A global batch cut into consecutive micro-batches, which one after the other pass through the networks, so that activations
/// take the memory of M rows instead of B. The cut depends on B and M alone: the same bits on any number of ranks.
package struct MicroBatches: Sendable, Equatable {
  package let batchSize: Int
  package let rankCount: Int
  /// The rows of each; the first is the largest.
  package let rows: [Range<Int>]

  /// - Parameters:
  ///   - largest: most rows of a micro-batch, 1 or more.
  package init(batchSize: Int, largest: Int, rankCount: Int) {
    precondition(largest >= 1)
    self.batchSize = batchSize
    self.rankCount = rankCount
    rows = RowPartition(rowCount: batchSize, rankCount: (batchSize + largest - 1) / largest).slices
  }

  package var count: Int { rows.count }

  /// How the rows of one are divided among the ranks.
  func partition(_ index: Int) -> RowPartition { RowPartition(rowCount: rows[index].count, rankCount: rankCount) }

  /// A rank's rows of one, as global indices.
  package func localRows(_ index: Int, rank: Int) -> Range<Int> {
    let (first, slice) = (rows[index].lowerBound, partition(index).slice(of: rank))
    return first + slice.lowerBound..<first + slice.upperBound
  }

  /// A size for which the activations of all ranks together take about 4 GiB: batches that fit are not cut. It may not depend on
  /// the number of ranks.
  package static func automaticSize(_ sizes: ModelSizes, classCount: Int) -> Int {
    // Floats per row: x, x̃ and penalty rows; two products of D and its slopes; ε and both of G's layers; h and u with their
    // gradients and the scores.
    let floats =
      4 * sizes.feature + 3 * sizes.criticWidth + sizes.noise + 2 * sizes.generatorWidth + 3 * sizes.embedding
      + 2 * sizes.comparatorWidth + classCount
    return max(4096, (1 << 30) / floats / 1024 * 1024)
  }
}
