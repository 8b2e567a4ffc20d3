import ArgumentParser
import Collectives
import Diagnosis
import Files
import Foundation
import Kernels
import Matrices
import Planning
import Training

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Predict memory, time per iteration and communication on any number of ranks, from rates measured here.",
    discussion: """
      mpirun -n 4 cegzsl plan --preset awa1 --ranks 256 --batch-size 4096 --node-memory 64

      Every rank it is started on measures iterations at once, so that a host is as busy as it will be; ranks on several
      hosts also measure the links. Started alone, the network is assumed (--bandwidth, --latency). A rank with N rows
      computes what an iteration of N rows on one rank takes, and contrasts its rows with the whole batch; the exchanges
      are followed one by one, those that other work hides and those that it does not. The preset (awa1, if none is
      given) is also that of the data's sizes.

      \(ConfigurationOptions.help)
      """)

  @Option(help: "Ranks to plan for; the table shows the powers of two below as well.")
  var ranks: Int
  @Option(help: "Rows of the data set, which every rank holds.")
  var rows: Int = 0
  @Option(help: "GiB of memory of a host, to see what fits.")
  var nodeMemory: Double?
  @Option(help: "Ranks of a host (default: as it was started, or as many as its processors have room for).")
  var ranksPerHost: Int?
  @Option(help: "Gbit/s between hosts (default: measured; 10 where there is one host).")
  var bandwidth: Double?
  @Option(help: "Microseconds one way between hosts (default: measured; 30 where there is one host).")
  var latency: Double?
  @Option(
    help:
      "GFLOP/s of products on a rank of the planned machine, if it is not this one: the other work, and the number of threads, are scaled along."
  )
  var productRate: Double?
  @Flag(help: "Print a JSON object a line instead of the table.")
  var json = false
  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var threadOptions: ThreadOptions

  func validate() throws {
    guard (1...1_000_000).contains(ranks) else { throw ValidationError("--ranks must be from 1 to 1000000.") }
    guard (0...1 << 40).contains(rows) else {
      throw ValidationError("--rows must be from 0 to \(1 << 40), not \(rows).")
    }
    for (name, value) in [
      ("node-memory", nodeMemory), ("bandwidth", bandwidth), ("latency", latency), ("product-rate", productRate),
    ] {
      guard (1e-9...1e12).contains(value ?? 1) else { throw ValidationError("--\(name) must be from 1e-9 to 1e12.") }
    }
    guard ranksPerHost ?? 1 >= 1 else { throw ValidationError("--ranks-per-host must be at least 1.") }
  }

  func run() throws {
    try withRanks(threads: threadOptions.threads) { communicator in
      let configuration = try options.resolve(of: Self.self, defaultPreset: "awa1")
      let (preset, precision) = (try Preset.named(configuration.preset), configuration.precision)
      try precision.requireSupport()
      var (network, source) = try network(communicator)
      var rates = MachineRates(precision: precision)
      rates.measure()
      let most = (configuration.batchSize + ranks - 1) / ranks
      let counts = Set([32, 128, 512].map { min($0, configuration.batchSize) } + [min(most, 1024)])
      // Measured whole.
      var uncut = configuration
      uncut.microBatchSize = 0
      var cost = try ComputeCost.measure(preset: preset, configuration: uncut, rows: Array(counts), communicator)
      if let productRate {
        let factor = productRate * 1e9 / rates.product
        cost = cost.scaled(by: 1 / factor)
        network = network.withCores(timesAsFast: factor)
      }
      let plan = Plan(
        configuration: configuration,
        sizes: configuration.modelSizes(feature: preset.featureSize, attribute: preset.attributeSize),
        classCount: preset.seenClassCount, dataRows: rows, cost: cost, network: network)
      guard communicator.isRoot else { return .done }
      let powers = (0..<20).map { 1 << $0 }.filter { $0 < ranks }
      let forecasts = try (powers + [ranks]).map(plan.forecast)
      if json {
        forecasts.forEach { print(line($0)) }
      } else {
        print(
          "\(preset.name), batch \(configuration.batchSize), \(precision.rawValue), \(ThreadPool.threadCount) thread(s) a rank, "
            + "\(network.ranksPerHost) rank(s) a host; \(source)")
        table(forecasts, ranksPerHost: network.ranksPerHost).forEach { print($0) }
        print(String(format: "rank 0 holds %.2f GiB more once it has saved", plan.checkpointMemory / 1_073_741_824))
      }
      return .done
    }
  }

  /// What the ranks measure, where options do not say it.
  private func network(_ communicator: any Communicator) throws -> (Network, String) {
    let threads = ThreadPool.threadCount
    var network = Network(
      linkBandwidth: 1.25e9, linkLatency: 30e-6,
      ranksPerHost: max(1, ProcessInfo.processInfo.activeProcessorCount / threads),
      messageSecondsPerByte: Network.assumedMessageSecondsPerByte(threads: threads))
    var source = "network assumed"
    if let mpi = communicator as? MPICommunicator, mpi.rankCount > 1 {
      let hosts = try communicator.gather(Array(mpi.host.utf8)).map { String(decoding: $0, as: UTF8.self) }
      let probe = LinkProbe(mpi, hosts: hosts)
      let links = try probe.links()
      network.ranksPerHost = (mpi.rankCount + Set(hosts).count - 1) / Set(hosts).count
      if let slowest = links.max(by: { $0.latency < $1.latency }) {
        // One rank of each host hears from another host, and the others wait for it.
        let gathering = try probe.collectives(mebibytes: 8).allGather
        network.linkBandwidth = gathering
        network.linkLatency = slowest.latency
        network.messageSecondsPerByte = try probe.messageCost(bandwidth: gathering)
        source = "links measured"
      }
    }
    if let bandwidth { network.linkBandwidth = bandwidth * 1e9 / 8 }
    if let latency { network.linkLatency = latency * 1e-6 }
    if let ranksPerHost { network.ranksPerHost = ranksPerHost }
    source += String(
      format: ": %.3f GB/s and %.0f µs between hosts, %.2f ns of a rank's own work a byte", network.linkBandwidth / 1e9,
      network.linkLatency * 1e6,
      network.messageSecondsPerByte * 1e9)
    return (network, source)
  }

  private func table(_ forecasts: [Forecast], ranksPerHost: Int) -> [String] {
    let first = forecasts[0]
    return ["  ranks  rows/rank  parts  GiB/rank  s/iteration  samples/s  communication  speed-up"]
      + forecasts.map { forecast in
        let gibibytes = forecast.memory / 1_073_741_824
        var line = String(
          format: "%7d  %9d  %5d  %8.2f  %11.3f  %9.0f  %11.1f %%  %8.2f", forecast.ranks, forecast.rowsPerRank,
          forecast.microBatches, gibibytes, forecast.seconds, forecast.samplesPerSecond,
          100 * forecast.communicationShare, first.seconds / forecast.seconds)
        let onHost = min(ranksPerHost, forecast.ranks)
        if let nodeMemory, gibibytes * Double(onHost) > nodeMemory {
          line += String(
            format: "   does not fit: %.1f GiB on a host; a smaller --micro-batch-size, or fewer ranks a host",
            gibibytes * Double(onHost))
        }
        return line
      }
  }

  private func line(_ forecast: Forecast) -> String {
    let json: JSONValue = [
      "ranks": .integer(forecast.ranks), "rows_per_rank": .integer(forecast.rowsPerRank),
      "micro_batches": .integer(forecast.microBatches), "memory_mib": .number(forecast.memory / 1_048_576),
      "seconds_per_iteration": .number(forecast.seconds), "samples_per_second": .number(forecast.samplesPerSecond),
      "communication_share": .number(forecast.communicationShare),
    ]
    return json.text(.line)
  }
}
