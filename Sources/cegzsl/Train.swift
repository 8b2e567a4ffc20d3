import ArgumentParser
import Collectives
import Datasets
import Files
import Foundation
import Kernels
import Matrices
import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train the hybrid model on an xlsa17-style folder, evaluate it, and save everything in a run directory.",
    discussion: """
      mpirun -n 4 cegzsl train --data AWA1 --run runs/awa1 --preset awa1
      mpirun -n 4 cegzsl train --data AWA1 --run runs/awa1 --resume latest

      Precedence: command line, then --config, then --preset, then defaults; a resumed run starts from its own
      config.yaml. SIGUSR1 to mpirun saves and stops with status 75.

      \(ConfigurationOptions.help)
      """)

  @Option(help: "Folder with the feature file and the descriptor file, or an .npz file with everything.")
  var data: String
  @Option(
    name: .customLong("run"), help: "Run directory: configuration, metrics, checkpoints, results. Never overwritten.")
  var runDirectory: String
  @Option(help: "latest (start afresh if there is no checkpoint), or a checkpoint's path.")
  var resume: String?
  @Flag(
    help:
      "Refuse what does not give the same bits on every processor: bfloat16. In float32 the promise is always on and costs nothing extra."
  )
  var reproducible = false
  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var threadOptions: ThreadOptions

  func run() throws {
    StopSignal.install()
    watchTheStart(seconds: options.given("watchdog", to: Self.self).flatMap { Int($0) } ?? Configuration().watchdog)
    try withRanks(threads: threadOptions.threads) { communicator in
      try OutputFile.requireApart(folder: runDirectory, input: data)
      let (configuration, earlier) = try resolve(communicator)
      watchTheStart(seconds: configuration.watchdog)
      if reproducible && configuration.precision == .bfloat16 {
        throw IrreproduciblePrecision()
      }
      let program = try Build.identity()
      try requireAgreement(
        [("version", program.version), ("binary", program.digest)]
          + configuration.resolved.map { ("--" + $0.name, $0.value) },
        subject: "binary or configuration",
        cure: "Start the same program with the same options on every host.", communicator)
      let dataset = try GZSLDataset.load(folder: data, options: configuration.dataOptions)
      try requireAgreement(
        [("data", dataset.contentDigest)], subject: "data",
        cure: "Give every host the same files; 'cegzsl inspect' prints their digest.", communicator)
      let screen = Screen.standardOutput(isLaunched: MPICommunicator.wasLaunched)
      defer { screen.clear() }
      let phases = TrainingPhases(
        configuration: configuration, dataset: dataset, communicator: communicator, program: program,
        screen: screen)
      return try phases.run(
        runDirectory, resume: request,
        config: RunConfigText(try ConfigurationFile.text(configuration), earlier: earlier))
    }
  }

  private var request: ResumeRequest {
    switch resume {
    case nil: .none
    case "latest": .latest
    case .some(let path): .path(path)
    }
  }

  /// Rank 0 reads a resumed run's own configuration for all.
  private func resolve(
    _ communicator: any Communicator
  ) throws -> (configuration: Configuration, earlier: Configuration?) {
    let path = runDirectory + "/config.yaml"
    var own: [UInt8] = []
    if resume != nil && communicator.isRoot { own = FileManager.default.contents(atPath: path).map(Array.init) ?? [] }
    let text = String(decoding: try communicator.broadcast(own), as: UTF8.self)
    let configuration = try options.resolve(of: Self.self, base: text.isEmpty ? nil : (text, path))
    try configuration.precision.requireSupport()
    try configuration.requireConstants()
    guard !text.isEmpty else { return (configuration, nil) }
    var earlier = Configuration()
    try earlier.apply(ConfigurationFile.parse(text, path: path), place: path)
    return (configuration, earlier)
  }
}

/// `--reproducible` with bfloat16.
private struct IrreproduciblePrecision: ReportableError {
  var exitStatus: ExitStatus { .usage }
  var description: String {
    "--reproducible and --precision bfloat16 exclude each other: bfloat16's products are oneDNN's, whose bits depend on the processor. "
      + "Leave out one of them."
  }
}

extension Train {
  /// Ranks may be stuck before training: while MPI starts, or in front of a file. Ten times as long as later, since nobody knows how long that
  /// takes.
  ///
  /// - Parameter seconds: what `--watchdog` says, as far as it is known.
  private func watchTheStart(seconds: Int) {
    guard MPICommunicator.wasLaunched, let announced = MPICommunicator.announcedRanks, announced.count > 1 else {
      return
    }
    Watchdog.watch(
      seconds: 10 * max(0, min(seconds, 1_000_000)), name: "rank \(MPICommunicator.launchedRank) of \(announced.count)")
  }
}
