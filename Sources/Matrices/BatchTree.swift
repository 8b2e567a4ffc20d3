// How the rows of a global batch are summed: leaves, the tree over them, and who computes which. B rows.

/// A global batch, cut into leaves of consecutive rows, with a binary tree over the leaves (`SumOrder.batch`). The shape follows from
/// B and the leaf size alone, so where a part of the tree is evaluated (registers, thread, micro-batch, rank, host) changes no bit.
package struct BatchTree: Sendable, Equatable {
  /// B.
  package let rowCount: Int
  /// Rows of every leaf but the last, which may have fewer.
  package let leafRows: Int

  /// - Parameter leafRows: nil: `automaticLeafRows`.
  package init(rowCount: Int, leafRows: Int? = nil) {
    let leafRows = leafRows ?? Self.automaticLeafRows(batchSize: rowCount)
    precondition(rowCount >= 1 && leafRows >= 1, "\(rowCount) rows in leaves of \(leafRows)")
    self.rowCount = rowCount
    self.leafRows = leafRows
  }

  /// At least eight leaves where there are as many rows, so that as many ranks can share a batch, and at most 128 rows, beyond which
  /// the tree costs nothing more.
  package static func automaticLeafRows(batchSize: Int) -> Int {
    var rows = 1
    while rows < 128 && 16 * rows <= batchSize { rows *= 2 }
    return rows
  }

  package var leafCount: Int { (rowCount + leafRows - 1) / leafRows }
  /// Of products and other sums over rows of this batch.
  package var order: SumOrder { .batch(leafRows: leafRows) }

  /// The rows of some leaves.
  package func rows(_ leaves: Range<Int>) -> Range<Int> {
    min(leaves.lowerBound * leafRows, rowCount)..<min(leaves.upperBound * leafRows, rowCount)
  }

  /// The leaves of a rank: consecutive, and as even as lets ranks begin at multiples of a power of two that is at most a quarter of a
  /// rank's share; so they are few nodes of the tree. With more ranks than leaves some have none.
  package func leaves(rank: Int, rankCount: Int) -> Range<Int> {
    let unit = leafUnit(rankCount: rankCount)
    let units = RowPartition(rowCount: (leafCount + unit - 1) / unit, rankCount: rankCount).slice(of: rank)
    return min(units.lowerBound * unit, leafCount)..<min(units.upperBound * unit, leafCount)
  }

  /// Ranks begin at multiples of so many leaves.
  package func leafUnit(rankCount: Int) -> Int {
    var unit = 1
    while 8 * unit * rankCount <= leafCount { unit *= 2 }
    return unit
  }

  /// How the rows are divided among the ranks.
  package func partition(rankCount: Int) -> [Range<Int>] {
    (0..<rankCount).map { rows(leaves(rank: $0, rankCount: rankCount)) }
  }

  /// A node of the tree, as the leaves under it.
  package typealias Node = Range<Int>

  /// The largest nodes that make up some consecutive leaves, in order, of at most so many leaves each.
  package func nodes(covering leaves: Range<Int>, mostLeaves: Int = .max) -> [Node] {
    var result: [Node] = []
    var first = leaves.lowerBound
    while first < leaves.upperBound {
      var size = 1
      // A node of 2·size leaves begins at a multiple of it; the last one of a level may lack some at its end.
      while first % (2 * size) == 0 && size < leafCount - first
        && min(first + 2 * size, leafCount) <= leaves.upperBound && 2 * size <= mostLeaves
      { size *= 2 }
      result.append(first..<min(first + size, leafCount))
      first += size
    }
    return result
  }

  /// The node whose two children these are, in this order; nil: they are no neighbours.
  package func parent(_ left: Node, _ right: Node) -> Node? {
    let size = left.count
    guard left.upperBound == right.lowerBound && size & (size - 1) == 0 && left.lowerBound % (2 * size) == 0,
      right.upperBound == min(left.lowerBound + 2 * size, leafCount)
    else { return nil }
    return left.lowerBound..<right.upperBound
  }

  /// What adding up some nodes takes, in their order: after each, how many times the last two sums on a stack become one; and
  /// the nodes whose sums are on the stack in the end.
  package func additions(_ nodes: [Node]) -> (merges: [Int], results: [Node]) {
    var (stack, merges): ([Node], [Int]) = ([], [])
    for node in nodes {
      stack.append(node)
      var count = 0
      while stack.count > 1, let both = parent(stack[stack.count - 2], stack[stack.count - 1]) {
        stack.removeLast(2)
        stack.append(both)
        count += 1
      }
      merges.append(count)
    }
    return (merges, stack)
  }

  /// The tree's sum of one number for each leaf.
  package func sum(_ leaves: [Double]) -> Double {
    precondition(leaves.count == leafCount, "\(leaves.count) sums of \(leafCount) leaves")
    var level = leaves
    while level.count > 1 {
      level = stride(from: 0, to: level.count, by: 2).map {
        $0 + 1 < level.count ? level[$0] + level[$0 + 1] : level[$0]
      }
    }
    return level[0]
  }
}
