// The real step with nobody to exchange with: what it does in which order, and what it keeps. B rows of the batch, S seen classes.
import Collectives
import Kernels
import Matrices
import Networks
import Profiling
import Training

/// Takes steps of one rank of a run that need not exist.
package final class Rehearsal {
  private let configuration: Configuration
  private let sizes: ModelSizes
  private let classCount: Int
  /// All zeros: they are never read from memory, and stay zeros.
  private lazy var model = HybridModel(sizes: sizes, context: ProductContext())
  private var traces: [Layout: Trace] = [:]

  package init(_ configuration: Configuration, sizes: ModelSizes, classCount: Int) {
    self.configuration = configuration
    self.sizes = sizes
    self.classCount = classCount
  }

  /// An iteration of the layout's rank behind another one, whose last parameters are under way when it begins. In float32: what is
  /// exchanged and multiplied does not depend on the precision.
  ///
  /// - Throws: what the step throws.
  package func trace(_ layout: Layout) throws -> Trace {
    if let trace = traces[layout] { return trace }
    let trace = try Profile.measure { profile in
      let communicator = RecordingCommunicator(rank: layout.rank, hosts: layout.hosts, profile: profile)
      let step = try step(layout, model, communicator)
      let inputs = NoInputs(rowCount: layout.batchSize, classCount: classCount)
      for criticIterations in [1, layout.criticIterations] {
        communicator.startAnew()
        _ = try step.iteration(inputs, criticIterations: criticIterations, learningRate: 0, place: "rehearsal")
      }
      communicator.bookWork()
      return Trace(events: communicator.events, rowCount: step.rankRows.rows.count)
    }
    traces[layout] = trace
    return trace
  }

  /// What the layout's rank takes, from the real step, made without memory.
  ///
  /// - Throws: what the step throws.
  package func memory(_ layout: Layout) throws -> StepMemory {
    try StorageCount.during(areReal: false) { count in
      let model = HybridModel(sizes: sizes, context: ProductContext(precision: configuration.precision))
      let step = try step(layout, model, RecordingCommunicator(rank: layout.rank, hosts: layout.hosts))
      return StepMemory(
        made: count.floats, readElsewhere: step.floatsReadElsewhere, scratch: step.scratchFloats,
        rounded: step.roundedCount)
    }
  }

  private func step(
    _ layout: Layout, _ model: HybridModel, _ communicator: RecordingCommunicator
  ) throws -> HybridStep {
    try HybridStep(
      model: model, descriptors: Matrix(rows: classCount, columns: sizes.attribute),
      settings: configuration.lossSettings, tree: layout.tree, options: layout.options, communicator: communicator)
  }
}

/// What a rank's step takes.
package struct StepMemory: Sendable, Equatable {
  /// Floats of parameters and buffers.
  package let made: Int
  /// Floats of its host's other ranks' memory.
  package let readElsewhere: Int
  /// Floats of the kernels' scratch that grow with the rows.
  package let scratch: Int
  /// Elements of rounded copies.
  package let rounded: Int

  package var bytes: Double { 4 * Double(made + readElsewhere + scratch) + 2 * Double(rounded) }
}

/// Rows and noise of zeros, two rows of each class.
private struct NoInputs: IterationInputs {
  let rowCount: Int
  let classCount: Int

  func batch(_ k: Int) -> Batch {
    let labels = (0..<rowCount).map { $0 / 2 % classCount }
    return Batch(labels: labels, negatives: labels.map { ($0 + 1) % classCount })
  }
  func fillFeatures(_ x: Matrix, _ k: Int, rows: Range<Int>) {}
  func fillNoise(_ noise: Matrix, _ k: Int, rows: Range<Int>) {}
  func fillInterpolation(_ alpha: Matrix, _ k: Int, rows: Range<Int>) {}
  func fillGeneratorNoise(_ noise: Matrix, rows: Range<Int>) {}
}
