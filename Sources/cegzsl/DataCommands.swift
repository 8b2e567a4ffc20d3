import ArgumentParser
import Collectives
import Datasets
import Matrices

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a data folder's counts, overlaps and split fingerprint, and everything that is wrong with it.",
    discussion: "Exit status 65 when something is wrong.")

  @Option(help: "Folder with the feature file and the descriptor file, or an .npz file with everything.")
  var data: String
  @OptionGroup var files: DataFileOptions

  func run() throws {
    try withRanks(threads: nil) { communicator in
      var status: UInt8 = 0
      try communicator.onRoot {
        let report = DatasetReport(folder: data, options: files.options)
        print(printable(report.lines.joined(separator: "\n")))
        status = report.problems.isEmpty ? 0 : 1
      }
      return try communicator.broadcast([status]) == [0] ? .done : .badData
    }
  }
}

struct Prepare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Convert a data folder once into files that are mapped: the ranks of a node then share one copy in memory.",
    discussion: "The new folder takes the place of the old one in every --data, with the same results.")

  @Option(help: "Folder with the feature file and the descriptor file, or an .npz file with everything.")
  var data: String
  @Option(help: "New folder for features.safetensors and dataset.safetensors.")
  var out: String
  @OptionGroup var files: DataFileOptions

  func run() throws {
    try withRootRank {
      try GZSLDataset.prepare(folder: data, options: files.options, to: out)
      print("prepared \(data) in \(out)")
    }
  }
}

struct DemoDataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo-data",
    abstract: "Write a small data set in the xlsa17 layout, made from a seed: 30 seen and 8 unseen classes.")

  @Option(help: "Folder to write res101.mat and att_splits.mat into.")
  var out: String
  @Option(help: "Seed; the same seed gives the same files.")
  var seed: UInt64 = 1

  func run() throws {
    try withRootRank {
      try DemoData.write(to: out, seed: seed)
      print("wrote \(out)/res101.mat and \(out)/att_splits.mat")
    }
  }
}
