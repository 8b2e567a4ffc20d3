// B rows of the global batch, N of one rank.
import Collectives
import Matrices
import Networks
import Training

/// How the ranks of a run share a batch, seen by one of them: all that its step needs to know besides the model.
package struct Layout: Sendable, Hashable {
  /// B.
  package var batchSize: Int
  package var leafRows: Int
  package var hosts: HostMap
  package var rank: Int
  package var criticIterations: Int
  /// See `StepOptions`.
  package var groupRows: Int
  package var mostRowsAhead: Int
  package var gatheredRows: Int?
  package var contrastTile: Int

  package init(
    _ configuration: Configuration, sizes: ModelSizes, classCount: Int, hosts: HostMap, rank: Int = 0
  ) {
    let (tree, options) = (configuration.batchTree, configuration.stepOptions)
    (batchSize, leafRows) = (tree.rowCount, tree.leafRows)
    (self.hosts, self.rank) = (hosts, rank)
    criticIterations = options.criticIterations
    groupRows = options.groupRows ?? RankRows.automaticGroupRows(sizes, classCount: classCount)
    mostRowsAhead = options.mostRowsAhead
    gatheredRows = options.gatheredRows
    contrastTile = options.contrastTile
  }

  package var tree: BatchTree { BatchTree(rowCount: batchSize, leafRows: leafRows) }
  package var rankCount: Int { hosts.ranks.last?.upperBound ?? 0 }
  /// Of the rank's host.
  package var ranksOfHost: Int { hosts.ranks[hosts.host(of: rank)].count }

  package var rankRows: RankRows {
    RankRows(tree: tree, rank: rank, rankCount: rankCount, groupRows: groupRows, ranksOfHost: ranksOfHost)
  }

  package var options: StepOptions {
    var options = StepOptions(criticIterations: criticIterations)
    options.groupRows = groupRows
    options.mostRowsAhead = mostRowsAhead
    options.gatheredRows = gatheredRows
    options.contrastTile = contrastTile
    return options
  }
}

extension Layout {
  /// Rows of a leaf of a shrunk batch: look-ups take rows in pairs.
  private static let shrunkLeafRows = 2
  /// Groups of a shrunk rank, where the real one has as many or more.
  private static let mostGroups = 4
  /// Beyond so many hosts messages only become more and smaller.
  private static let mostHosts = 1024

  /// A batch of few rows that is exchanged as the real one is: its tree is the top of the real tree, down to the parts that ranks and
  /// groups are made of; what depends on numbers of rows shrinks along. A rank has 4 to 8 leaves of two rows, or as few leaves as it has.
  package var shrunk: Layout {
    let (own, unit) = (rankRows, tree.leafUnit(rankCount: rankCount))
    var result = self
    if hosts.count > Self.mostHosts { result.hosts = HostMap(ranks: Array(hosts.ranks.prefix(Self.mostHosts))) }
    precondition(rank < result.rankCount, "only the first \(result.rankCount) ranks can be traced")
    let share = Double(result.rankCount) / Double(rankCount)
    let leafCount = max(1, Int(Double((tree.leafCount + unit - 1) / unit) * share))
    result.leafRows = Self.shrunkLeafRows
    result.batchSize = leafCount * Self.shrunkLeafRows
    // Groups: one, or several.
    let leaves = result.tree.leaves(rank: rank, rankCount: result.rankCount).count
    let most = (groupRows + ranksOfHost - 1) / ranksOfHost / leafRows / unit
    let several = min(max(1, most, (leaves + Self.mostGroups - 1) / Self.mostGroups), max(1, leaves - 1))
    result.groupRows = (own.groupCount > 1 ? several : max(1, leaves)) * Self.shrunkLeafRows * ranksOfHost
    let steps = FakesAhead.stepCount(
      rowCount: own.largestGroup, mostSteps: criticIterations + 1, mostRows: mostRowsAhead)
    result.mostRowsAhead = steps * result.rankRows.rows.count
    // The contrast: as many blocks, of as many tiles.
    let shrinking = share * Double(Self.shrunkLeafRows) / Double(leafRows * unit)
    let tile = max(1, Int(Double(contrastTile) * shrinking))
    result.contrastTile = tile
    result.gatheredRows = gatheredRows.flatMap { rows in
      rows >= 2 * batchSize ? nil : max(tile, Int(Double(rows) * shrinking) / tile * tile)
    }
    return result
  }
}
