// The order in which a product adds up its terms: the one place where it is written down. No kernel, thread count, vector width or
// rank count may change it, and so none changes a bit.

/// How the K terms a_k·b_k of an element are added.
///
/// - `chain`: r ← fma(a_k, b_k, r) for k = 0, 1, … from r = 0, or from the element itself where a product accumulates. For sums over
///   features, units and classes.
/// - `batch`: for sums over the rows of a batch. The rows are cut into leaves of consecutive rows; a leaf is one chain from zero, and
///   leaves are added as a binary tree over their numbers: neighbours 2i and 2i + 1 of a level make node i of the next, and a last node
///   without a neighbour moves up as it is.
package enum SumOrder: Sendable, Equatable {
  case chain
  case batch(leafRows: Int)
}

/// A stretch of a sum that is one loop: part of a chain or of a leaf. Partial sums lie on a stack: leaves and nodes that wait for
/// their right neighbour.
package struct SumSegment: Sendable, Equatable {
  /// First term, and how many.
  package let first: Int
  package let count: Int
  /// The stack's place where this stretch ends up, before it is added to what lies below.
  package let slot: Int
  /// Whether it goes on with what that place holds, or begins at zero.
  package let continues: Bool
  /// How many of the places below are then added, from the nearest down; the sum moves to the last of them.
  package let merges: Int

  package init(first: Int, count: Int, slot: Int, continues: Bool, merges: Int) {
    self.first = first
    self.count = count
    self.slot = slot
    self.continues = continues
    self.merges = merges
  }
}

/// The segments of a sum, in blocks of consecutive terms whose factors are packed at once.
package struct SumPlan: Sendable {
  package struct Block: Sendable {
    package let terms: Range<Int>
    package let segments: Range<Int>
  }

  package let segments: [SumSegment]
  package let blocks: [Block]
  /// Places of the stack that are in use where one block ends and the next begins. What lies above them is needed within a block
  /// only, and one room for it serves all tiles.
  package let keptSlots: Int
  /// Places above those.
  package let passingSlots: Int

  /// - Parameters:
  ///   - termCount: K, 1 or more.
  ///   - accumulate: whether the first chain goes on with what its place holds; of a chain only.
  ///   - blockTerms: most terms of a block.
  ///   - leavesShareBlocks: whether a block may have terms of several leaves.
  package init(
    _ order: SumOrder, termCount: Int, accumulate: Bool, blockTerms: Int, leavesShareBlocks: Bool = true
  ) {
    precondition(termCount > 0 && blockTerms > 0)
    var builder = SegmentBuilder(blockTerms: blockTerms, leavesShareBlocks: leavesShareBlocks)
    switch order {
    case .chain:
      builder.add(terms: 0..<termCount, slot: 0, continues: accumulate, merges: 0)
      (keptSlots, passingSlots) = (1, 0)
    case .batch(let leafRows):
      precondition(!accumulate && leafRows > 0, "a sum over a batch begins at zero")
      let leafCount = (termCount + leafRows - 1) / leafRows
      var (depth, deepest, depths) = (0, 0, [Int]())
      for leaf in 0..<leafCount {
        // As many neighbours are complete as the leaf's number ends in ones; behind the last leaf everything is added.
        let merges = leaf == leafCount - 1 ? depth : (~leaf).trailingZeroBitCount
        builder.add(
          terms: leaf * leafRows..<min((leaf + 1) * leafRows, termCount), slot: depth, continues: false, merges: merges)
        deepest = max(deepest, depth + 1)
        depth += 1 - merges
        depths.append(depth)
      }
      // A leaf that is longer than a block is the last of its blocks.
      let ends = builder.blocks.map { (min($0.terms.upperBound, termCount) + leafRows - 1) / leafRows }
      keptSlots =
        zip(ends, builder.blocks).map { end, block in
          block.terms.upperBound % leafRows == 0 || end == leafCount ? depths[end - 1] : deepest
        }.max() ?? 1
      passingSlots = deepest - min(keptSlots, deepest)
    }
    segments = builder.segments
    blocks = builder.blocks
  }
}

/// Cuts stretches at the blocks' ends.
private struct SegmentBuilder {
  let blockTerms: Int
  let leavesShareBlocks: Bool
  private(set) var segments: [SumSegment] = []
  private(set) var blocks: [SumPlan.Block] = []

  init(blockTerms: Int, leavesShareBlocks: Bool) {
    self.blockTerms = blockTerms
    self.leavesShareBlocks = leavesShareBlocks
  }

  mutating func add(terms: Range<Int>, slot: Int, continues: Bool, merges: Int) {
    var first = terms.lowerBound
    while first < terms.upperBound {
      // A block takes whole leaves where they fit.
      let open = leavesShareBlocks ? blocks.last.map { blockTerms - $0.terms.count } ?? 0 : 0
      let startsBlock = open < min(terms.upperBound - first, blockTerms)
      let count = min(terms.upperBound - first, startsBlock ? blockTerms : open)
      segments.append(
        SumSegment(
          first: first, count: count, slot: slot, continues: continues || first > terms.lowerBound,
          merges: first + count == terms.upperBound ? merges : 0))
      if startsBlock {
        blocks.append(
          SumPlan.Block(terms: first..<first + count, segments: segments.count - 1..<segments.count))
      } else if let last = blocks.popLast() {
        blocks.append(
          SumPlan.Block(
            terms: last.terms.lowerBound..<first + count, segments: last.segments.lowerBound..<segments.count))
      }
      first += count
    }
  }
}
