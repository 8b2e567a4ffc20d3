import ArgumentParser
import Collectives
import Files
import Foundation
import Matrices
import Sweeps
import Training

struct Sweep: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Try options on validation rows, each with several seeds, and train the best anew; goes on where it was.",
    discussion: """
      cegzsl sweep noise.yaml --data DIR --output sweeps/noise
      cegzsl sweep noise.yaml --data DIR --output sweeps/noise --launcher 'launch/mpirun 2'
      cegzsl sweep noise.yaml --data DIR --output sweeps/noise --task $SLURM_ARRAY_TASK_ID --tasks 8

      The file:
        options: {preset: tiny, epochs: 5}          of every run
        grid: {noise-size: [8, 16]}                 every combination
        random:                                     with each of them, so many different draws
          points: 10
          options: {learning-rate: {from: 1e-4, to: 1e-2, scale: log}, class-weight: [0.001, 0.01]}
        seeds: 3                                    a number, or a list
        winner-seeds: 5                             others, for the winner
        choose-by: ausuc                            ausuc, calibrated (H with γ) or harmonic

      Every run has --select validation. A run is a directory, point-001/seed-1, with its output in point-001/seed-1.log;
      failed ones are named in the table, and begun again with --retry-failed. SIGTERM, SIGINT, SIGHUP or SIGUSR1 save the run
      that is under way and end the sweep with status 75. The table is in table.txt and table.json.
      """)

  @Argument(help: ArgumentHelp("What to try.", valueName: "file.yaml"))
  var file: String
  @Option(help: "The sweep's folder; an unfinished sweep in it goes on.")
  var output: String
  @Option(help: "Data of every run; wins over the file's data.")
  var data: String?
  @Option(help: "What starts a run on several ranks, e.g. 'launch/mpirun 2'; words are parted by blanks.")
  var launcher = ""
  @Option(
    help: ArgumentHelp("Number of this task of a job array, from 0: it does its share of the runs.", valueName: "i"))
  var task: Int?
  @Option(help: ArgumentHelp("Tasks of the job array.", valueName: "n"))
  var tasks: Int?
  @Flag(help: "Begin failed runs again.")
  var retryFailed = false
  @Flag(help: "Only print the points.")
  var dryRun = false

  func run() throws {
    StopSignal.install()
    try withRanks(threads: nil) { communicator in
      guard communicator.rankCount == 1 else { throw SweepError.severalRanks(communicator.rankCount) }
      let share = try SweepShare(task: task, count: tasks)
      let plan = try SweepFile(YAMLFile.value(path: file), path: file).plan(data: data)
      let runs = plan.trials.count
      print(
        "\(plan.points.count) point(s) with \(plan.seeds.count) seed(s): \(runs) runs; then the best with "
          + "\(plan.winnerSeeds.count) other(s)")
      if dryRun {
        for point in plan.points {
          let options = point.options.map { "--\($0.name) \($0.value)".forTerminal }.joined(separator: " ")
          print("point \(point.number): \(options)")
        }
        return .done
      }
      guard FileManager.default.fileExists(atPath: plan.data) else {
        throw SweepError.badFile(path: file, problem: "data: there is no \(plan.data)")
      }
      let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let words = launcher.split(separator: " ").map(String.init)
      if let word = words.first, !isProgram(word) { throw SweepError.noLauncher(word) }
      let command = words + [program]
      let sweep = SweepRun(plan, folder: output, share: share, command: command) {
        print($0)
        fflush(nil)
      }
      return try sweep.run(retriesFailed: retryFailed)
    }
  }
}

/// Whether a shell would find it: a path, or a name on the PATH.
private func isProgram(_ word: String) -> Bool {
  let folders =
    word.contains("/")
    ? [""] : (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { $0 + "/" }
  return folders.contains { folder in
    var isFolder: ObjCBool = false
    let path = folder + word
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
      && FileManager.default.isExecutableFile(atPath: path)
  }
}
