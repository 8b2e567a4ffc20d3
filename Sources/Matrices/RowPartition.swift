/// The rows of a global batch, cut into one consecutive slice per rank. The first `rowCount % rankCount` ranks hold one
/// row more; with more ranks than rows some slices are empty, and their ranks still join every collective.
package struct RowPartition: Sendable, Equatable {
  package let rowCount: Int
  package let rankCount: Int

  package init(rowCount: Int, rankCount: Int) {
    precondition(rowCount >= 0 && rankCount >= 1, "\(rowCount) rows over \(rankCount) ranks")
    self.rowCount = rowCount
    self.rankCount = rankCount
  }

  package func slice(of rank: Int) -> Range<Int> {
    precondition(rank >= 0 && rank < rankCount, "rank \(rank) of \(rankCount)")
    let (quotient, remainder) = rowCount.quotientAndRemainder(dividingBy: rankCount)
    let first = rank * quotient + min(rank, remainder)
    return first..<(first + quotient + (rank < remainder ? 1 : 0))
  }

  package var slices: [Range<Int>] { (0..<rankCount).map(slice(of:)) }
  package var largestSlice: Int { slice(of: 0).count }
}

/// The units (output rows of a weight matrix) of a layer, cut into one consecutive slice per rank, in blocks (of 32 unless said
/// otherwise) so that vectors and products stay whole; the last block takes the remainder. Ranks beyond the blocks have empty
/// slices.
package struct UnitPartition: Sendable, Equatable {
  package let slices: [Range<Int>]

  package init(unitCount: Int, rankCount: Int, block: Int = 32) {
    let blocks = RowPartition(rowCount: max(1, unitCount / block), rankCount: rankCount)
    slices = blocks.slices.map { slice in
      let last = slice.upperBound == blocks.rowCount ? unitCount : slice.upperBound * block
      return slice.isEmpty ? unitCount..<unitCount : (slice.lowerBound * block)..<last
    }
  }
}
