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
    let largest =
      configuration.microBatchSize > 0
      ? configuration.microBatchSize : MicroBatches.automaticSize(sizes, classCount: classCount)
    let micro = MicroBatches(batchSize: b, largest: largest, rankCount: ranks)
    let m = micro.rows[0].count
    let n = (m + ranks - 1) / ranks
    let schedule = Schedule(
      sizes: sizes, microBatch: m, parts: micro.count, isStreaming: isStreaming(micro), classCount: classCount,
      ranks: ranks)
    let critics = configuration.criticIterations
    // A micro-batch is an iteration's work of as many rows; only the contrast goes over the whole batch. That of several adds up
    // gradients where that of one runs Adam, which takes a little longer.
    let secondsPerWork =
      cost.seconds(rows: n, batch: b)
      / Schedule.work(sizes: sizes, classCount: classCount, criticIterations: critics)
    var simulation = Simulation(network: network, ranks: ranks)
    for _ in 0..<critics {
      simulation.run(schedule.critic, secondsPerWork: secondsPerWork)
      simulation.agree()
    }
    simulation.run(schedule.generator, secondsPerWork: secondsPerWork)
    simulation.agree()
    let seconds = simulation.now
    return Forecast(
      ranks: ranks, rowsPerRank: n, microBatches: micro.count, memory: memory(micro, n: n, ranks: ranks),
      seconds: seconds, communicationShare: 1 - simulation.computing / seconds,
      samplesPerSecond: Double(b * (critics + 1)) / seconds)
  }

  /// Whether the projections of all ranks do not fit.
  private func isStreaming(_ micro: MicroBatches) -> Bool {
    micro.count > 1 && 2 * micro.batchSize * sizes.projection > configuration.projectionMemory << 18
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

  private func memory(_ micro: MicroBatches, n: Int, ranks: Int) -> Double {
    let (x, e, s) = (sizes.feature, sizes.noise, classCount)
    let (g, d) = (sizes.generatorWidth, sizes.criticWidth)
    let h = sizes.kind == .none ? 0 : sizes.classifierInput
    let z = sizes.kind.hasProjection ? sizes.projection : 0
    let f = sizes.kind.hasComparator ? sizes.comparatorWidth : 0
    let (m, b) = (micro.rows[0].count, configuration.batchSize)
    // Values, gradients, two moments; sums over micro-batches.
    var floats = valueCount + parameterCount * (micro.count > 1 ? 4 : 3)
    let ahead = micro.count > 1 ? 1 : max(1, min(configuration.criticIterations + 1, FakesAhead.enoughRows / max(n, 1)))
    floats += n * (3 * x + 2 * d + d / 4 + ahead * (e + g) + (ahead > 1 ? ahead * x : 0) + g + 3 * h + f + s)
    floats += s * (2 * g + 2 * d + 3 * f)
    // Indices of the look-ups: a byte for a unit's six slopes in two rows.
    floats += (m * d / 8 + ranks - 1) / ranks
    // z and its gradient: of all own rows, and of all ranks where they are kept.
    floats += 3 * (b + ranks - 1) / ranks * z
    if ranks > 1 {
      floats += (isStreaming(micro) ? m : 2 * b) * z
      floats += m * (3 * x + h + s + g + e) + (m * (d / 4 + z + f + h + x + g) + ranks - 1) / ranks
      floats += n * (d / 4 + z + f + h + x + g)
    }
    floats += dataRows * x
    var bytes = 4 * Double(floats) + Self.processBytes
    if configuration.precision == .bfloat16 {
      // Rounded copies: of the parameters; of x, h and z, which are factors of several products; of the largest other factors.
      let kept = valueCount + n * (2 * x + 3 * h) + (isStreaming(micro) ? m + 2 * n : 2 * b) * z
      bytes += 2 * Double(kept + ahead * n * g + n * max(x, h, f, g)) + Self.primitiveBytes
    }
    return bytes
  }
}
