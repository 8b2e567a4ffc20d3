import ArgumentParser
import Collectives
import Training

struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print what a run directory holds: data, classes, options, figures, checkpoints, and what to do next.")

  @Argument(help: ArgumentHelp("Run directory of train.", valueName: "run"))
  var runDirectory: String
  @Flag(help: "Print it as JSON, for programs: also every class with its role.")
  var json = false

  func run() throws {
    try withRootRank {
      let summary = try RunSummary(run: runDirectory, options: RunFiles.options(runDirectory))
      print(json ? summary.json.text() : summary.lines.joined(separator: "\n"))
    }
  }
}
