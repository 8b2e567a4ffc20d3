import ArgumentParser
import Files
import Reports

struct Runs: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the runs under a folder, one a line: state, figures, data, and the options in which they differ.",
    discussion: """
      cegzsl runs runs --sort harmonic

      States: running, finished, extended (made by extend), saved (train --resume latest
      goes on), selecting (so does its first phase), damaged (no checkpoint can be used),
      empty (nothing is saved yet). Figures are percent, with --json fractions.
      """)

  @Argument(help: ArgumentHelp("A folder; run directories in it are found at any depth up to six.", valueName: "dir"))
  var folder: String
  @Option(
    help: ArgumentHelp(
      "\(RunTable.columns.joined(separator: ", ")); names upwards, figures from the highest down.", valueName: "column")
  )
  var sort = "name"
  @Flag(help: "The other way round.")
  var reverse = false
  @Flag(help: "One JSON object a run, one a line.")
  var json = false

  func run() throws {
    try withRootRank {
      let root = folder.hasSuffix("/") ? folder : folder + "/"
      let runs = try RunSearch.runs(under: folder).map { path in
        let name = path.hasPrefix(root) ? String(path.dropFirst(root.count)) : path
        return (name: name, record: try RunRecord(run: path, options: RunFiles.options(path)))
      }
      let table = try RunTable(runs, sort: sort, isReversed: reverse)
      if json {
        table.jsonLines.forEach { print($0) }
      } else if runs.isEmpty {
        print("no run under \(folder.forTerminal)")
      } else {
        print(table.lines.joined(separator: "\n"))
      }
    }
  }
}
