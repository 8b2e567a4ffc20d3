// B rows of the global batch, M of a micro-batch, N = M/P of one rank.
import Matrices
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
package struct Plan: Sendable {
  package let configuration: Configuration
  package let sizes: ModelSizes
  package let classCount: Int
  /// Rows of the data set, which every rank holds (those of a host share one copy where it was prepared).
  package let dataRows: Int
  package let cost: ComputeCost
  package let network: Network

  package init(
    configuration: Configuration, sizes: ModelSizes, classCount: Int, dataRows: Int, cost: ComputeCost, network: Network
  ) {
    self.configuration = configuration
    self.sizes = sizes
    self.classCount = classCount
    self.dataRows = dataRows
    self.cost = cost
    self.network = network
  }

  package func forecast(ranks: Int) -> Forecast {
    let b = configuration.batchSize
    let critics = configuration.criticIterations
    // Rank 0 has as many rows as any.
    let rows = rankRows(0, ranks: ranks)
    let n = max(rows.rows.count, 1)
    let schedule = Schedule(
      sizes: sizes, classCount: classCount, rows: b, isCut: rows.groupCount > 1,
      blockRows: blockRows(ranks: ranks))
    let contrast = Double(n) * Double(b) * cost.secondsPerPair
    let work = Schedule.work(sizes: sizes, criticIterations: critics)
    let secondsPerWork = (cost.seconds(rows: n, batch: b, ranks: ranks) - contrast) / work
    var simulation = Simulation(network: network, ranks: ranks, nodes: hostNodeCount(ranks: ranks))
    let secondsPerContrast = contrast / Schedule.contrastProducts(criticIterations: critics)
    for _ in 0..<critics {
      simulation.run(schedule.critic, secondsPerWork: secondsPerWork, secondsPerContrast: secondsPerContrast)
    }
    simulation.run(schedule.generator, secondsPerWork: secondsPerWork, secondsPerContrast: secondsPerContrast)
    let seconds = simulation.now
    return Forecast(
      ranks: ranks, rowsPerRank: n, microBatches: rows.groupCount, memory: memory(rows, ranks: ranks),
      seconds: seconds, communicationShare: 1 - simulation.computing / seconds,
      samplesPerSecond: configuration.samplesPerSecond(seconds))
  }

  private func rankRows(_ rank: Int, ranks: Int) -> RankRows {
    RankRows(
      tree: configuration.batchTree, rank: rank, rankCount: ranks,
      groupRows: configuration.stepOptions.groupRows
        ?? RankRows.automaticGroupRows(sizes, classCount: classCount),
      ranksOfHost: min(network.ranksPerHost, ranks))
  }

  /// Most nodes of the batch's tree that the rows of a host are.
  private func hostNodeCount(ranks: Int) -> Int {
    let tree = configuration.batchTree
    let here = min(network.ranksPerHost, ranks)
    return stride(from: 0, to: ranks, by: here).map { first in
      let last = tree.leaves(rank: min(first + here, ranks) - 1, rankCount: ranks)
      return tree.nodes(covering: tree.leaves(rank: first, rankCount: ranks).lowerBound..<last.upperBound).count
    }.max() ?? 1
  }

  /// Projections that are gathered at once.
  private func blockRows(ranks: Int) -> Int {
    ranks == 1
      ? 2 * configuration.batchSize
      : InstanceContrast.blockRows(
        batchSize: configuration.batchSize, projection: sizes.projection,
        mostGathered: configuration.stepOptions.mostGathered)
  }

  /// What a process has before it trains: program, libraries, kernels made at run time, messages' segments.
  private static let processBytes = 56.0 * 1048576

  /// The scratch memory of oneDNN's primitives.
  private static let primitiveBytes = 16.0 * 1048576

  private var shapes: [ParameterShape] { sizes.generatorShapes + sizes.criticGroupShapes }
  private var parameterCount: Int { shapes.reduce(0) { $0 + $1.count } }
  /// With the gaps between rows.
  private var valueCount: Int { shapes.reduce(0) { $0 + $1.rowCount * $1.valueStride } }

  /// Bytes that rank 0 holds besides, from its first checkpoint on: the state that is being saved while training goes on.
  package var checkpointMemory: Double { 4 * 3 * Double(parameterCount) }

  private func memory(_ rows: RankRows, ranks: Int) -> Double {
    let (x, e, s) = (sizes.feature, sizes.noise, classCount)
    let (g, d) = (sizes.generatorWidth, sizes.criticWidth)
    let h = sizes.kind == .none ? 0 : sizes.classifierInput
    let z = sizes.kind.hasProjection ? sizes.projection : 0
    let k = sizes.kind.hasComparator ? sizes.comparatorWidth : 0
    let (b, own, n) = (configuration.batchSize, rows.rows.count, rows.largestGroup)
    let here = min(network.ranksPerHost, ranks)
    let hosts = (ranks + here - 1) / here
    // Values; sums, of each node of the tree that the rank's rows are; the other ranks' sums of its own units; two moments.
    let sums = parameterCount + s * (d + k + g)
    let nodes = max(1, rows.tree.nodes(covering: rows.leaves).count, hosts > 1 ? hostNodeCount(ranks: ranks) : 1)
    let ofCritic = sizes.criticGroupShapes.reduce(0) { $0 + $1.count } + s * (d + k)
    var floats = valueCount + sums * nodes + ofCritic * (rows.stackDepth - 1) + 2 * parameterCount / ranks
    floats += sums * nodes * (here - 1) / ranks + sums * hostNodeCount(ranks: ranks) * (hosts - 1) / ranks
    let ahead =
      rows.groupCount > 1 ? 1 : max(1, min(configuration.criticIterations + 1, FakesAhead.enoughRows / max(n, 1)))
    floats += n * (3 * x + 2 * d + d / 4 + ahead * (e + g) + (ahead > 1 ? ahead * x : 0) + g + 3 * h + k + s)
    floats += s * (g + d + 3 * k)
    // Indices of the look-ups: a byte for a unit's six slopes in two rows.
    floats += n * d / 8
    // z and its gradient: of all own rows, and of all ranks where they are kept.
    floats += 3 * own * z
    if ranks > 1 {
      floats += min(2 * b, 2 * blockRows(ranks: ranks)) * z
    }
    floats += dataRows * x
    var bytes = 4 * Double(floats) + Self.processBytes
    if configuration.precision == .bfloat16 {
      // Rounded copies: of the parameters; of x, h and z, which are factors of several products; of the largest other factors.
      let kept = valueCount + n * (2 * x + 3 * h) + (ranks > 1 ? 2 * b : 2 * own) * z
      bytes += 2 * Double(kept + ahead * n * g + n * max(x, h, k, g)) + Self.primitiveBytes
    }
    return bytes
  }
}
