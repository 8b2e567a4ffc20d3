// Which rows of a global batch a rank computes, and how many of them at a time. B rows of the batch.
import Matrices
import Networks

/// Rows of a rank that are one node of the batch's tree, and pass through the networks within one group.
struct NodeRows: Sendable {
  /// Indices among the group's rows.
  let rows: Range<Int>
  /// Which of the rank's own nodes it is a part of.
  let ownNode: Int
  /// Place on the stack of that node's sums, and how many of the places below are then added, from the nearest down.
  let slot: Int
  let merges: Int
}

/// Consecutive rows of a rank that pass through the networks at once: a micro-batch, or all of them.
struct RowGroup: Sendable {
  let index: Int
  /// Indices of the global batch.
  let rows: Range<Int>
  let nodes: [NodeRows]
  let isLast: Bool
}

/// A rank's rows of every batch.
package struct RankRows: Sendable {
  package let tree: BatchTree
  /// Consecutive leaves; the rank's sums are those of the largest nodes that cover them.
  package let leaves: Range<Int>
  /// Indices of the global batch.
  package let rows: Range<Int>
  let groups: [RowGroup]
  /// Deepest stack of sums that adding up the groups needs; 1 or more.
  package let stackDepth: Int

  /// - Parameters:
  ///   - groupRows: most rows of the groups of a host's ranks together; at least a leaf is a group.
  ///   - ranksOfHost: of the rank's host.
  package init(tree: BatchTree, rank: Int, rankCount: Int, groupRows: Int, ranksOfHost: Int = 1) {
    precondition(groupRows >= 1)
    let mostRows = (groupRows + ranksOfHost - 1) / ranksOfHost
    self.tree = tree
    leaves = tree.leaves(rank: rank, rankCount: rankCount)
    rows = tree.rows(leaves)
    var pieces: [(rows: Range<Int>, ownNode: Int, slot: Int, merges: Int)] = []
    var deepest = 1
    for (number, node) in tree.nodes(covering: leaves).enumerated() {
      let parts = tree.nodes(covering: node, mostLeaves: max(1, mostRows / tree.leafRows))
      var depth = 0
      for (part, merges) in zip(parts, tree.additions(parts).merges) {
        pieces.append((tree.rows(part), number, depth, merges))
        deepest = max(deepest, depth + 1)
        depth += 1 - merges
      }
    }
    stackDepth = deepest
    var bundles: [[(rows: Range<Int>, ownNode: Int, slot: Int, merges: Int)]] = []
    for piece in pieces {
      // Sums of a group are added to those before when all are there: none may want the place of another.
      if let bundle = bundles.last, bundle.allSatisfy({ $0.merges == 0 }),
        piece.rows.upperBound - bundle[0].rows.lowerBound <= mostRows
      {
        bundles[bundles.count - 1].append(piece)
      } else {
        bundles.append([piece])
      }
    }
    groups = bundles.enumerated().map { index, bundle in
      let first = bundle[0].rows.lowerBound
      return RowGroup(
        index: index, rows: first..<bundle[bundle.count - 1].rows.upperBound,
        nodes: bundle.map {
          NodeRows(
            rows: $0.rows.lowerBound - first..<$0.rows.upperBound - first, ownNode: $0.ownNode, slot: $0.slot,
            merges: $0.merges)
        }, isLast: index == bundles.count - 1)
    }
  }

  package var groupCount: Int { groups.count }
  package var largestGroup: Int { groups.map(\.rows.count).max() ?? 0 }

  /// Rows for which the activations of a host's ranks take about 4 GiB: batches that fit are not cut.
  package static func automaticGroupRows(_ sizes: ModelSizes, classCount: Int) -> Int {
    // Floats per row: x, x̃ and penalty rows; two products of D and its slopes; ε and both of G's layers; h and u with their
    // gradients and the scores.
    let floats =
      4 * sizes.feature + 3 * sizes.criticWidth + sizes.noise + 2 * sizes.generatorWidth + 3 * sizes.embedding
      + 2 * sizes.comparatorWidth + classCount
    return max(4096, (1 << 30) / floats / 1024 * 1024)
  }
}
