/// Rows (or units of a layer, or pieces of work), cut into one consecutive slice per rank. The first `rowCount % rankCount` ranks hold one
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
