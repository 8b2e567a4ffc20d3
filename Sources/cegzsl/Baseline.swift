import ArgumentParser
import Collectives
import Datasets
import Evaluation
import Files
import Kernels
import Matrices
import Training

struct Baseline: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Print what is reached on a data set without any network: ridge regression, Gaussian classes, ESZSL, nearest class mean.",
    discussion: """
      Exact solutions, within seconds. Their constants and γ are chosen on classes and rows that are held out of the training rows, never on test
      rows. A trained model that does not exceed them has learnt nothing that a linear map does not know.
      """)

  @Option(help: "Folder with the feature file and the descriptor file, or an .npz file with everything.")
  var data: String
  @Option(help: "Seed of the classes and rows that are held out, as for train.")
  var seed: UInt64 = 1
  @Option(help: "Write the figures here as JSON.")
  var output: String?
  @OptionGroup var files: DataFileOptions
  @OptionGroup var threadOptions: ThreadOptions

  func run() throws {
    try withRootRank(threads: threadOptions.threads) {
      try OutputFile.requireApart(outputs: [output], inputs: [data])
      var options = files.options
      options.splitSeed = seed
      let dataset = try GZSLDataset.load(folder: data, options: options)
      printNotes(dataset.notes)
      let baselines = Baselines(dataset, withESZSL: true, context: ProductContext())
      print(baselines.lines.joined(separator: "\n"))
      if case .impossible(let reason) = dataset.heldOut {
        print("note: constants are the usual ones, and nothing is calibrated: \(reason)")
      }
      if let output {
        let text = try JSONValue(encoding: baselines).sortedByKey.text(.page) + "\n"
        try OutputFile.text(output) { try $0(text) }
      }
    }
  }
}
