import Collectives
import Datasets
import Kernels
import Matrices
import Networks
import Optimizers

/// Runs iterations: draws batches and noise for this rank's rows and takes the critic steps and the generator step.
/// Everything random is a function of (seed, iteration, global row), so a trainer that starts at iteration k continues
/// exactly where another one stopped.
package final class Trainer {
  package let configuration: Configuration
  package let step: HybridStep
  package let sampler: BatchSampler
  package let source: RandomSource
  package let schedule: LearningRateSchedule
  /// Iterations done.
  package private(set) var iteration: Int
  /// Of the ranks' arithmetic, done by this process.
  private var checks = 0

  private let features: FeatureTable
  /// Seen-class number 0..<S of each training row.
  private let seenLabels: [Int]
  private let trainingRows: [Int]

  /// - Parameters:
  ///   - iteration: iterations already done, whose state `model` and the step's optimizers hold after `restore`.
  /// - Throws: `BatchError`, `SharedMemoryError`, `CollectiveError`.
  package init(
    configuration: Configuration, dataset: GZSLDataset, model: HybridModel, communicator: any Communicator
  ) throws {
    guard configuration.batchSize <= dataset.trainingRows.count else {
      throw BatchError.batchLargerThanData(
        batchSize: configuration.batchSize, rows: dataset.trainingRows.count)
    }
    try configuration.requireEnoughLeaves(rankCount: communicator.rankCount)
    self.configuration = configuration
    source = RandomSource(seed: UInt64(configuration.seed))
    sampler = BatchSampler(
      rowCount: dataset.trainingRows.count, batchSize: configuration.batchSize, source: source)
    schedule = LearningRateSchedule(
      initial: configuration.learningRate, decayEpochs: configuration.learningRateDecayEpochs)
    iteration = 0
    features = dataset.features
    trainingRows = dataset.trainingRows
    let seenNumber = Dictionary(
      uniqueKeysWithValues: dataset.trainingClasses.enumerated().map { ($0.element, $0.offset) })
    seenLabels = dataset.trainingRows.map { row in
      guard let number = seenNumber[dataset.labels[row]] else {
        preconditionFailure("training row \(row) is of no training class")
      }
      return number
    }
    let descriptors = Matrix(rows: dataset.trainingClasses.count, columns: dataset.descriptors.columnCount)
    gatherRows(descriptors, from: dataset.descriptors, dataset.trainingClasses[...])
    step = try HybridStep(
      model: model, descriptors: descriptors, settings: configuration.lossSettings, tree: configuration.batchTree,
      options: configuration.stepOptions, communicator: communicator)
    AllocatorSettings.keepFreedMemory()
  }

  /// Continues after `iteration` iterations.
  package func restore(iteration: Int) { self.iteration = iteration }

  /// Before the first iteration of this process, and every `--verify-every` from then on.
  private var isCheckDue: Bool {
    configuration.verifyEvery > 0 && (checks == 0 || iteration % configuration.verifyEvery == 0)
  }

  package var iterationsPerEpoch: Int { sampler.iterationsPerEpoch }

  /// Of the last iteration that is done, from 1; 0 before the first.
  package var epoch: Int { (iteration + iterationsPerEpoch - 1) / iterationsPerEpoch }

  /// Iterations of the whole run.
  package var lastIteration: Int { configuration.lastIteration(iterationsPerEpoch: iterationsPerEpoch) }

  /// One iteration: `criticIterations` critic steps, then one generator step on the last batch.
  package func runIteration() throws -> IterationReport {
    let clock = ContinuousClock()
    let start = clock.now
    let epoch = iteration / iterationsPerEpoch
    if iteration % iterationsPerEpoch == 0 { step.beginEpoch() }
    let first = iteration * configuration.criticIterations
    let inputs = DrawnInputs(
      trainer: self, positions: (0..<configuration.criticIterations).map { sampler.batch(first + $0) })
    let isChecked = isCheckDue
    step.communicator.marksMessages = isChecked
    if isChecked {
      let batches = (0..<configuration.criticIterations).map(inputs.batch)
      try step.requireEqualArithmetic(IterationRows(inputs, batches: batches), leaf: checks, iteration: iteration)
      checks += 1
    }
    let (critic, generator) = try step.iteration(
      inputs, criticIterations: configuration.criticIterations, learningRate: schedule.rate(epoch: epoch),
      place: "iteration \(iteration + 1)")
    iteration += 1
    let seconds = (clock.now - start) / .seconds(1)
    return IterationReport(
      iteration: iteration, epoch: epoch + 1, critic: critic, generator: generator, seconds: seconds,
      samplesPerSecond: configuration.samplesPerSecond(seconds))
  }
}

extension Configuration {
  /// Iterations of the whole run.
  package func lastIteration(iterationsPerEpoch: Int) -> Int {
    let ofEpochs = self.epochs * iterationsPerEpoch
    return self.maxIterations > 0 ? min(ofEpochs, self.maxIterations) : ofEpochs
  }
}

extension Trainer {
  /// The inputs of the iteration under way: rows of the data set, draws of the counter-based generator.
  private struct DrawnInputs: IterationInputs {
    let trainer: Trainer
    /// The batches, as positions among the training rows.
    let positions: [[Int]]

    private func number(_ k: Int) -> Int { trainer.iteration * positions.count + k }

    func batch(_ k: Int) -> Batch {
      let labels = positions[k].map { trainer.seenLabels[$0] }
      guard trainer.configuration.embedding == .semantic else { return Batch(labels: labels) }
      let classCount = trainer.step.descriptors.rowCount
      let negatives = labels.enumerated().map { row, label in
        let other = trainer.source.integer(below: classCount - 1, .semanticNegative, step: number(k), row: row)
        return other < label ? other : other + 1
      }
      return Batch(labels: labels, negatives: negatives)
    }

    func fillFeatures(_ x: Matrix, _ k: Int, rows: Range<Int>) {
      trainer.features.gather(into: x, positions[k][rows].map { trainer.trainingRows[$0] }[...])
    }

    func fillNoise(_ noise: Matrix, _ k: Int, rows: Range<Int>) {
      fillNormal(noise, trainer.source, .criticNoise, step: number(k), firstRow: rows.lowerBound)
    }

    func fillInterpolation(_ alpha: Matrix, _ k: Int, rows: Range<Int>) {
      fillUniform(alpha, trainer.source, .interpolation, step: number(k), firstRow: rows.lowerBound)
    }

    func fillGeneratorNoise(_ noise: Matrix, rows: Range<Int>) {
      fillNormal(noise, trainer.source, .generatorNoise, step: trainer.iteration, firstRow: rows.lowerBound)
    }
  }
}
