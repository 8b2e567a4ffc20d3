import ArgumentParser
import Collectives
import Files
import Foundation
import Kernels
import Matrices
import Training

struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure training speed and memory on random data of a preset's sizes; rank 0 prints one JSON line.",
    discussion: """
      mpirun -n 4 cegzsl benchmark --preset cub --batch-size 2048

      The preset (awa1, if none is given) is also that of the data's sizes.

      \(ConfigurationOptions.help)
      """)

  @Option(help: "Iterations to time, after one that is not counted.")
  var iterations: Int = 5
  @Flag(help: "Print on standard error where an iteration's time goes on rank 0, each phase beside its floor.")
  var profile: Bool = false
  @Flag(
    help:
      "Instead print a line for every product shape of an iteration: its speed on all threads and on one, beside that of numpy if PEER_PYTHON names a Python that has it."
  )
  var products: Bool = false
  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var threadOptions: ThreadOptions

  func validate() throws {
    guard iterations >= 1 else { throw ValidationError("--iterations must be at least 1.") }
  }

  func run() throws {
    try withRanks(threads: threadOptions.threads) { communicator in
      let configuration = try options.resolve(of: Self.self, defaultPreset: "awa1")
      let (preset, precision) = (try Preset.named(configuration.preset), configuration.precision)
      try precision.requireSupport()
      if products { return try measureProducts(preset, configuration, communicator) }
      var rates = MachineRates(precision: precision)
      rates.measure()
      IterationBenchmark.forgetPeakMemory()
      let benchmark = try IterationBenchmark(preset: preset, configuration: configuration, communicator: communicator)
      let seconds = try benchmark.run(iterations: iterations)
      let median = seconds.sorted()[seconds.count / 2]
      let matricesMade = try communicator.maximum(benchmark.matricesMade)
      let peak = try communicator.maximum(IterationBenchmark.peakMemory()) / 1024
      let profiled = profile ? try benchmark.profile() : nil
      rates.measure()
      let gflops = try communicator.sum(rates.product) / 1e9
      guard communicator.isRoot else { return .done }
      let flops = benchmark.flopsPerIteration
      let samples = configuration.samplesPerSecond(median)
      let json: JSONValue = [
        "preset": .string(preset.name), "batch": .integer(configuration.batchSize),
        "precision": .string(precision.rawValue), "ranks": .integer(communicator.rankCount),
        "threads": .integer(ThreadPool.threadCount), "seconds_per_iteration": .number(median),
        "samples_per_second": .number(samples), "peak_rss_mib": .integer(peak), "flops_per_iteration": .number(flops),
        "matmul_gflops": .number(gflops), "utilization": .number(flops / median / gflops / 1e9),
        "matrices_made": .integer(matricesMade),
      ]
      print(json.text(.line))
      if let profiled { StandardStreams.error(profiled.table(rates: rates) + "\n") }
      return .done
    }
  }

  /// One JSON line for each product shape, and the time-weighted ratio to the peer on standard error. On one rank alone: several
  /// would measure each other.
  private func measureProducts(
    _ preset: Preset, _ configuration: Configuration, _ communicator: any Communicator
  ) throws -> ExitStatus {
    guard communicator.rankCount == 1 else { throw ProductsOnOneRank() }
    let benchmark = try IterationBenchmark(preset: preset, configuration: configuration, communicator: communicator)
    _ = try benchmark.run(iterations: 1)
    let peer = try ProductBenchmark(python: ProcessInfo.processInfo.environment["PEER_PYTHON"])
    let rates = try peer.rates(try benchmark.profile().measurements)
    for rate in rates { print(try JSONValue(encoding: rate).sortedByKey.text()) }
    let all = ProductBenchmark.weightedRatio(rates, ours: \.gflops, peer: \.peerGflops)
    let one = ProductBenchmark.weightedRatio(rates, ours: \.gflopsOneThread, peer: \.peerGflopsOneThread)
    if let all, let one {
      writeError(
        String(
          format: "time-weighted ratio to numpy: %.3f on %d threads, %.3f on one", all, ThreadPool.threadCount, one))
    }
    return .done
  }
}

private struct ProductsOnOneRank: ReportableError {
  var exitStatus: ExitStatus { .usage }
  var description: String { "benchmark --products runs on one rank: start it without mpirun." }
}
