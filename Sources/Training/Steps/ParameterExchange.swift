// The other half of the all-reduce: each rank has updated its own units, and every rank needs all of them. Parameters lie once per host,
// so that ranks of one host only wait for each other, and a host gets another one's units once.
import Collectives
import Matrices
import Networks

/// The parameters of one group of layers on their way.
final class ParameterExchange {
  private let arena: ParameterArena
  let layers: [SummedLayer]
  /// Matrices with a column for each unit of a layer, by the layer's name: they go with its parameters.
  private let classTerms: [String: Matrix]
  private let communicator: any Communicator
  private var arrivals: [[any Transfer]]
  private var barriers: [(any Transfer)?]
  private var isUnderWay: [Bool]
  private var sends: [any Transfer] = []

  init(
    _ arena: ParameterArena, layers: [SummedLayer], classTerms: [String: Matrix], communicator: any Communicator
  ) {
    self.classTerms = classTerms
    self.arena = arena
    self.layers = layers
    self.communicator = communicator
    arrivals = layers.map { _ in [] }
    barriers = layers.map { _ in nil }
    isUnderWay = layers.map { _ in false }
  }

  /// The rank's units of a layer are new.
  ///
  /// - Throws: `CollectiveError`.
  func begin(_ layer: Int) throws {
    guard communicator.rankCount > 1 else { return }
    let (hosts, rank, exchange) = (communicator.hosts, communicator.rank, exchange(layer))
    isUnderWay[layer] = true
    guard hosts.count > 1 else {
      barriers[layer] = try communicator.startHostBarrier(exchange)
      return
    }
    let host = hosts.host(of: rank)
    for other in 0..<communicator.rankCount
    where !hosts.ranks[host].contains(other) && hosts.partner(on: host, of: other) == rank {
      let parts = parts(layer, rank: other)
      if !parts.isEmpty { arrivals[layer].append(try communicator.startReceive(parts, from: other, exchange)) }
    }
    let own = parts(layer, rank: rank)
    guard !own.isEmpty else { return }
    for other in hosts.ranks.indices where other != host {
      sends.append(try communicator.startSend(own, to: hosts.partner(on: other, of: rank), exchange))
    }
  }

  private func exchange(_ layer: Int) -> Exchange { .parameters(layers[layer].name) }

  private func parts(_ layer: Int, rank: Int) -> [Matrix] {
    let units = layers[layer].units(rank: rank, rankCount: communicator.rankCount)
    guard !units.isEmpty else { return [] }
    let parameters = arena.shapes.filter { layers[layer].parameters.contains($0.name) }.map {
      $0.part(arena.value($0.name), units: units)
    }
    return parameters + (classTerms[layers[layer].name].map { [$0.columns(units)] } ?? [])
  }

  /// A layer's parameters.
  func matrices(_ layer: Int) -> [Matrix] { layers[layer].parameters.map { arena.value($0) } }

  /// Returns when a layer's parameters are all there; at once where nothing is under way.
  ///
  /// - Returns: whether they are new.
  /// - Throws: `CollectiveError`.
  func wait(_ layer: Int) throws -> Bool {
    guard isUnderWay[layer] else { return false }
    isUnderWay[layer] = false
    for arrival in arrivals[layer] { try arrival.finish() }
    arrivals[layer] = []
    let barrier = try barriers[layer] ?? communicator.startHostBarrier(exchange(layer))
    barriers[layer] = nil
    try barrier.finish()
    return true
  }

  /// Returns when everything that was sent has left: before parameters change again.
  func settle() throws {
    for send in sends { try send.finish() }
    sends = []
  }
}
