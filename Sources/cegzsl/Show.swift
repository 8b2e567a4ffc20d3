import ArgumentParser
import Collectives
import Foundation
import Training

struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print what a run directory holds: data, classes, options, figures, checkpoints, and what to do next.")

  @Argument(help: ArgumentHelp("Run directory of train.", valueName: "run"))
  var runDirectory: String
  @Flag(help: "Print it as JSON, for programs: also every class with its role.")
  var json = false

  func run() throws {
    try withRanks(threads: nil) { communicator in
      try communicator.onRoot {
        let path = runDirectory + "/config.yaml"
        let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let options = (try? ConfigurationFile.parse(text, path: path)) ?? []
        let summary = try RunSummary(run: runDirectory, options: options)
        print(json ? summary.json.text() : summary.lines.joined(separator: "\n"))
      }
      return .done
    }
  }
}
