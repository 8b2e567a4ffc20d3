// From the sums of every rank's rows to the sums over the batch, each rank for its own units of every layer: a reduce-scatter whose
// additions follow the batch's tree.
//
//   rank's sums (its nodes) ──┐ shared memory, a barrier      ┌─ one message from each other host
//   rank's sums (its nodes) ──┴─► host's nodes, the slice of ─┴─► the batch's sums, own units
//                                 one rank at a time
//
// Of a host's nodes and a rank's units, the sums are made by that rank itself if it is of this host, else by the rank of this host that
// is its partner, which sends them: once per host, not once per rank.
import Collectives
import Kernels
import Matrices
import Networks
import Profiling

/// The sums of one group of layers, critic's or generator's.
final class GradientReduction {
  let layers: [SummedLayer]
  private let layout: MatrixLayout
  private let rows: RankRows
  private let communicator: any Communicator
  private let hostRanks: Range<Int>
  /// Of each rank of this host, a place for each of its nodes (and for the host's, where there are several).
  private let shared: [[NamedMatrices]]
  /// Places of the stack above a node's own.
  private let scratch: [NamedMatrices]
  /// Of every rank, and of every host.
  private let rankNodes: [[BatchTree.Node]]
  private let hostNodes: [[BatchTree.Node]]
  /// Of all other hosts, one host after the other.
  private let otherNodes: [BatchTree.Node]
  private var progress: [LayerProgress]
  private var sends: [any Transfer] = []

  /// What is under way of a layer.
  private struct LayerProgress {
    var barrier: (any Transfer)?
    var hasSent = false
    var receives: [any Transfer] = []
    /// What other hosts send: for each block, its sums of `otherNodes` one below the other.
    let received: [Matrix]
  }

  /// - Parameters:
  ///   - shapes: of the parameters, and of the sums that are none.
  ///   - scratch: for groups' sums, `rows.stackDepth` − 1 storages of at least `floatCount` floats; free between steps.
  /// - Throws: `SharedMemoryError`, `CollectiveError`.
  init(
    layers: [SummedLayer], shapes: [ParameterShape], rows: RankRows, scratch: [FloatStorage],
    communicator: any Communicator
  ) throws {
    self.layers = layers
    self.rows = rows
    self.communicator = communicator
    let (tree, hosts, rank) = (rows.tree, communicator.hosts, communicator.rank)
    let layout = MatrixLayout(shapes: shapes)
    self.layout = layout
    let leaves = (0..<communicator.rankCount).map { tree.leaves(rank: $0, rankCount: communicator.rankCount) }
    let rankNodes = leaves.map { tree.nodes(covering: $0) }
    let hostNodes = hosts.ranks.map {
      tree.nodes(covering: leaves[$0.lowerBound].lowerBound..<leaves[$0.upperBound - 1].upperBound)
    }
    (self.rankNodes, self.hostNodes) = (rankNodes, hostNodes)
    let host = hosts.host(of: rank)
    hostRanks = hosts.ranks[host]
    let ofHost = hosts.count > 1 ? hostNodes[host].count : 1
    func placeCount(_ rank: Int) -> Int { max(1, rankNodes[rank].count, ofHost) }
    let room = (layout.count + 1023) / 1024 * 1024
    let storages = try communicator.hostStorages(counts: hostRanks.map { room * placeCount($0) })
    shared = zip(hostRanks, storages).map { rank, storage in
      (0..<placeCount(rank)).map {
        NamedMatrices(layout: layout, storage: storage, offset: $0 * room)
      }
    }
    self.scratch = scratch.map { NamedMatrices(layout: layout, storage: $0) }
    let otherNodes = hosts.ranks.indices.filter { $0 != host }.flatMap { hostNodes[$0] }
    self.otherNodes = otherNodes
    progress = layers.map { layer in
      let units = layer.units(rank: rank, rankCount: communicator.rankCount)
      return LayerProgress(
        received: layer.blocks.map { block in
          let shape = block.shape(layout, units: units)
          return Matrix(rows: otherNodes.count * shape.rowCount, columns: shape.columnCount)
        })
    }
  }

  /// Floats of other ranks' memory that this rank reads: this host's sums of its own units, and of those that it sends.
  var floatsReadElsewhere: Int {
    let (hosts, rank) = (communicator.hosts, communicator.rank)
    let host = hosts.host(of: rank)
    let nodes = hostRanks.reduce(0) { $0 + ($1 == rank ? 0 : rankNodes[$1].count) }
    guard nodes > 0 else { return 0 }
    let handled = (0..<communicator.rankCount).filter { other in
      other == rank || !hostRanks.contains(other) && hosts.partner(on: host, of: other) == rank
    }
    return nodes
      * layers.indices.reduce(0) { sum, layer in
        let unitCount = handled.reduce(0) { $0 + units(layer, rank: $1).count }
        return sum
          + layers[layer].blocks.reduce(0) {
            let shape = $1.shape(layout, units: 0..<unitCount)
            return $0 + shape.rowCount * shape.columnCount
          }
      }
  }

  private func units(_ layer: Int, rank: Int) -> Range<Int> {
    layers[layer].units(rank: rank, rankCount: communicator.rankCount)
  }

  private var own: [NamedMatrices] { shared[communicator.rank - hostRanks.lowerBound] }

  /// Where the sums of a node's rows go.
  func sums(_ node: NodeRows) -> NamedMatrices { node.slot == 0 ? own[node.ownNode] : scratch[node.slot - 1] }

  /// The sums over the batch, good for this rank's units of the layers that are finished; their gradients take their place.
  var gradients: NamedMatrices { own[0] }

  /// A group's sums of a layer are complete: they are added to those before, and behind the last group they leave. (A model without that
  /// layer has none.)
  ///
  /// - Throws: `CollectiveError`.
  func add(_ name: String, _ group: RowGroup) throws {
    guard let layer = layers.place(of: name) else { return }
    for node in group.nodes {
      for merge in 0..<node.merges {
        let slot = node.slot - merge
        let below = slot == 1 ? own[node.ownNode] : scratch[slot - 2]
        for block in layers[layer].blocks {
          let all = 0..<layers[layer].unitCount
          Kernels.add(block.matrix(below, units: all), block.matrix(scratch[slot - 1], units: all))
        }
      }
    }
    if group.isLast { try begin(layer) }
  }

  /// A rank without rows has nothing to add, and takes part in the rest.
  func addNothing() throws {
    for layer in layers.indices { try begin(layer) }
  }

  private func begin(_ layer: Int) throws {
    guard communicator.rankCount > 1 else { return }
    let hosts = communicator.hosts
    if hosts.count > 1 {
      var first = 0
      for (host, nodes) in hostNodes.enumerated() where !hosts.ranks[host].contains(communicator.rank) {
        let matrices = (first..<first + nodes.count).flatMap { node in
          layers[layer].blocks.indices.map { received(layer, block: $0, node: node) }
        }
        first += nodes.count
        // Ranks without units of the layer get nothing, and hosts without rows send nothing.
        guard matrices.contains(where: { $0.count > 0 }) else { continue }
        progress[layer].receives.append(
          try communicator.startReceive(
            matrices, from: hosts.partner(on: host, of: communicator.rank), exchange(layer)))
      }
    }
    progress[layer].hasSent = false
    progress[layer].barrier = try communicator.startHostBarrier(exchange(layer))
    // A layer leaves as soon as the host's other ranks have it as well: at the latest when the next one is complete.
    if hostRanks.count == 1 { try send(layer) } else if layer > 0 { try send(layer - 1) }
  }

  private func exchange(_ layer: Int) -> Exchange { .sums(layers[layer].name) }

  /// What other hosts send of a layer's block for one of `otherNodes`.
  private func received(_ layer: Int, block: Int, node: Int) -> Matrix {
    let all = progress[layer].received[block]
    let count = all.rowCount / otherNodes.count
    return all.rows(node * count..<(node + 1) * count)
  }

  /// This host's nodes of other hosts' units, as far as this rank is their partner.
  private func send(_ layer: Int) throws {
    guard communicator.spansHosts, !progress[layer].hasSent else { return }
    progress[layer].hasSent = true
    try progress[layer].barrier?.finish()
    let hosts = communicator.hosts
    let host = hosts.host(of: communicator.rank)
    let nodes = hostNodes[host]
    guard !nodes.isEmpty else { return }
    let sources = hostRanks.flatMap { rank in zip(rankNodes[rank], shared[rank - hostRanks.lowerBound]).map { $0 } }
    let additions = rows.tree.additions(sources.map(\.0))
    for rank in 0..<communicator.rankCount
    where !hostRanks.contains(rank) && hosts.partner(on: host, of: rank) == communicator.rank {
      let units = units(layer, rank: rank)
      guard !units.isEmpty else { continue }
      var message = nodes.map { _ in [Matrix]() }
      for block in layers[layer].blocks {
        let results = own.prefix(nodes.count).map { block.matrix($0, units: units) }
        Profile.growing(with: .units) {
          addNodes(sources.map { block.matrix($0.1, units: units) }, merges: additions.merges, into: Array(results))
        }
        for (number, result) in results.enumerated() { message[number].append(result) }
      }
      sends.append(try communicator.startSend(message.flatMap { $0 }, to: rank, exchange(layer)))
    }
  }

  /// The sums over the batch of a layer, for this rank's units, in `gradients`.
  ///
  /// - Returns: the units.
  /// - Throws: `CollectiveError`.
  func finish(_ layer: Int) throws -> Range<Int> {
    let units = units(layer, rank: communicator.rank)
    try progress[layer].barrier?.finish()
    try send(layer)
    progress[layer].barrier = nil
    for receive in progress[layer].receives { try receive.finish() }
    progress[layer].receives = []
    guard !units.isEmpty else { return units }
    for (number, block) in layers[layer].blocks.enumerated() {
      var sources = hostRanks.flatMap { rank in
        zip(rankNodes[rank], shared[rank - hostRanks.lowerBound]).map { ($0, block.matrix($1, units: units)) }
      }
      sources += otherNodes.enumerated().map { ($1, received(layer, block: number, node: $0)) }
      sources.sort { $0.0.lowerBound < $1.0.lowerBound }
      Profile.growing(with: .units) {
        addNodes(
          sources.map(\.1), merges: rows.tree.additions(sources.map(\.0)).merges,
          into: [block.matrix(gradients, units: units)])
      }
    }
    return units
  }

  /// Returns when everything that was sent has left.
  func settle() throws {
    for send in sends { try send.finish() }
    sends = []
  }
}
