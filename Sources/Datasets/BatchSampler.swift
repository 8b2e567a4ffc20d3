import Matrices

/// Draws the global batches: batch t is a function of (seed, t) alone, without replacement inside the batch. Nothing needs
/// saving to resume, and every rank knows the whole batch, so labels never travel.
package struct BatchSampler: Sendable {
  package let rowCount: Int
  package let batchSize: Int
  private let source: RandomSource

  /// - Parameters:
  ///   - rowCount: training rows, at least `batchSize`.
  package init(rowCount: Int, batchSize: Int, source: RandomSource) {
    precondition(batchSize >= 1 && batchSize <= rowCount, "a batch of \(batchSize) from \(rowCount) rows")
    self.rowCount = rowCount
    self.batchSize = batchSize
    self.source = source
  }

  /// ceil(rows / B), the paper's epoch.
  package var iterationsPerEpoch: Int { Self.iterationsPerEpoch(rowCount: rowCount, batchSize: batchSize) }
  package static func iterationsPerEpoch(rowCount: Int, batchSize: Int) -> Int {
    (rowCount + batchSize - 1) / batchSize
  }

  /// Positions among the training rows of batch number `step`.
  package func batch(_ step: Int) -> [Int] { source.sample(batchSize, below: rowCount, .batch, step: step) }
}
