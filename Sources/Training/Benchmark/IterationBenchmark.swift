import Collectives
import Datasets
import Foundation
import Kernels
import Matrices
import Networks
import Profiling

/// Iterations on random data of a preset's sizes.
package final class IterationBenchmark {
  private let trainer: Trainer
  private let communicator: any Communicator
  package let flopsPerIteration: Double

  /// - Throws: `ConfigurationError`.
  package init(preset: Preset, configuration: Configuration, communicator: any Communicator) throws {
    let source = RandomSource(seed: UInt64(configuration.seed))
    let rows = max(configuration.batchSize, 4096)
    let features = Matrix(rows: rows, columns: preset.featureSize)
    fillNormal(features, source, .benchmarkData, step: 0, firstRow: 0, scale: 0.1)
    apply(.biasReLU(Matrix(rows: 1, columns: preset.featureSize)), to: features)
    let descriptors = Matrix(rows: preset.seenClassCount + 1, columns: preset.attributeSize)
    fillNormal(descriptors, source, .benchmarkData, step: 1, firstRow: 0, scale: 0.1)
    let dataset = GZSLDataset(
      random: features, labels: (0..<rows).map { $0 % preset.seenClassCount }, descriptors: descriptors)
    let model = try HybridModel(
      sizes: configuration.modelSizes(feature: preset.featureSize, attribute: preset.attributeSize),
      context: ProductContext(precision: configuration.precision), memory: communicator.hostStorage)
    // Ranks of a host share the parameters; all wait for each other before the first step.
    if communicator.isFirstOfHost { model.initialise(source) }
    trainer = try Trainer(configuration: configuration, dataset: dataset, model: model, communicator: communicator)
    self.communicator = communicator
    flopsPerIteration = model.sizes.flopsPerIteration(
      batchSize: configuration.batchSize, criticIterations: configuration.criticIterations)
  }

  /// Matrices that the timed iterations made anew: 0, as all buffers are made once.
  package private(set) var matricesMade = 0

  /// Seconds of each iteration, after one that is not counted.
  package func run(iterations: Int) throws -> [Double] {
    _ = try trainer.runIteration()
    return try StorageCount.during { count in
      defer { matricesMade = count.storages }
      return try (0..<iterations).map { _ in try trainer.runIteration().seconds }
    }
  }

  /// One iteration, and where its time went on this rank.
  package func profile() throws -> IterationProfile {
    try Profile.measure { profile in
      let seconds = try trainer.runIteration().seconds
      return IterationProfile(
        seconds: seconds, measurements: profile.take(), inFlightSeconds: profile.inFlightSeconds)
    }
  }

  /// Largest resident set of this process since `forgetPeakMemory`, or since its start, in KiB.
  package static func peakMemory() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
  }

  /// What was needed until now does not count. (Where the kernel refuses, it does.)
  package static func forgetPeakMemory() {
    try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
  }
}
