// B rows of the global batch, M of a micro-batch, N of one rank.
import Collectives
import Networks
import Training

/// What training would need on a number of ranks.
package struct Forecast: Sendable, Equatable {
  package let ranks: Int
  /// Of a micro-batch, on the rank with most.
  package let rowsPerRank: Int
  package let microBatches: Int
  /// Bytes of a rank while it trains, data included.
  package let memory: Double
  package let seconds: Double
  /// Part of the iteration in which a rank does not compute.
  package let communicationShare: Double
  package let samplesPerSecond: Double
}

/// What is planned: a model, a batch, and where they run.
package final class Plan {
  package let configuration: Configuration
  package let sizes: ModelSizes
  package let classCount: Int
  /// Rows of the data set, which every rank holds (those of a host share one copy where it was prepared).
  package let dataRows: Int
  package let cost: ComputeCost
  package let network: Network
  private let rehearsal: Rehearsal

  package init(
    configuration: Configuration, sizes: ModelSizes, classCount: Int, dataRows: Int, cost: ComputeCost, network: Network
  ) {
    self.configuration = configuration
    self.sizes = sizes
    self.classCount = classCount
    self.dataRows = dataRows
    self.cost = cost
    self.network = network
    rehearsal = Rehearsal(configuration, sizes: sizes, classCount: classCount)
  }

  /// - Throws: what a step throws.
  package func forecast(ranks: Int) throws -> Forecast {
    // Rank 0 has as many rows as any.
    let layout = layout(ranks: ranks)
    let rows = layout.rankRows
    let (seconds, computing) = try iteration(layout)
    return Forecast(
      ranks: ranks, rowsPerRank: max(rows.rows.count, 1), microBatches: rows.groupCount,
      memory: try memory(ranks: ranks),
      seconds: seconds, communicationShare: 1 - computing / seconds,
      samplesPerSecond: configuration.samplesPerSecond(seconds))
  }

  package func layout(ranks: Int) -> Layout {
    Layout(configuration, sizes: sizes, classCount: classCount, hosts: network.hosts(ranks: ranks))
  }

  // MARK: Time

  /// Seconds of an iteration behind another one, and those in which the rank computes.
  private func iteration(_ layout: Layout) throws -> (seconds: Double, computing: Double) {
    let shrunk = layout.shrunk
    let trace = try rehearsal.trace(shrunk)
    let rows = max(layout.rankRows.rows.count, 1)
    var simulation = Simulation(network: network, hosts: layout.hosts)
    simulation.rowScale = Double(rows) / Double(max(trace.rowCount, 1))
    if shrunk.hosts.count > 1 {
      simulation.messageScale = Double(layout.hosts.count - 1) / Double(shrunk.hosts.count - 1)
    }
    let rates = try rates(trace, rows: rows)
    simulation.run(trace, rates)
    let (first, computing) = (simulation.now, simulation.computing)
    simulation.run(trace, rates)
    return (simulation.now - first, simulation.computing - computing)
  }

  /// What was measured on one process, all rows at once, spread over the work of such an iteration.
  private func rates(_ trace: Trace, rows: Int) throws -> Simulation.Rates {
    var alone = layout(ranks: 1)
    alone.groupRows = alone.batchSize
    let measured = try rehearsal.trace(alone.shrunk)
    let workPerRow = measured.work.rows / Double(measured.rowCount)
    let contrast = cost.contrastSeconds(rows: rows, batch: configuration.batchSize)
    return Simulation.Rates(
      rows: cost.seconds(rows: rows) / (workPerRow * Double(max(trace.rowCount, 1))),
      pairs: trace.work.pairs > 0 ? contrast / trace.work.pairs : 0,
      units: cost.updateSeconds / measured.work.units)
  }

  // MARK: Memory

  /// What a process has before it trains: program, libraries, kernels made at run time, messages' segments.
  private static let processBytes = 56.0 * 1_048_576
  /// The scratch memory of oneDNN's primitives.
  private static let primitiveBytes = 16.0 * 1_048_576

  /// Bytes that rank 0 holds besides, from its first checkpoint on: the state that is being saved while training goes on.
  package var checkpointMemory: Double {
    4 * 3 * Double((sizes.generatorShapes + sizes.criticGroupShapes).reduce(0) { $0 + $1.count })
  }

  /// Bytes of a rank while it trains, data included.
  ///
  /// - Throws: what a step throws.
  package func memory(ranks: Int) throws -> Double {
    let step = try rehearsal.memory(layout(ranks: ranks))
    let libraries = Self.processBytes + (step.rounded > 0 ? Self.primitiveBytes : 0)
    return step.bytes + 4 * Double(dataRows * sizes.feature) + libraries
  }
}
