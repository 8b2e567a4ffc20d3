import ArgumentParser
import Datasets
import Files
import Foundation
import Matrices

struct Assemble: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Make a data folder in the xlsa17 layout from arrays and tables: .npy, .npz, .csv, .safetensors, .pt, HDF5, .mat.",
    discussion: """
      cegzsl assemble --features x.npy --labels y.npy --descriptors classes.csv --unseen cat,dog --out DIR
      cegzsl assemble --features rows.csv --descriptors classes.csv --split rows.csv:split --out DIR
      cegzsl assemble --features all.npz --unseen-fraction 0.2 --test-fraction 0.2 --seed 1 --out DIR

      FILE:NAME is an array of a file that has several (a column, a dataset, a variable). What is not given is
      looked for in the file of the features by its name: labels, descriptors, classes, split, unseen, trainval,
      train, val, test, test_seen, test_unseen.
      """)

  @Option(
    help: ArgumentHelp(
      "Features: a row for each image; of a csv file, its columns of numbers.", valueName: "file[:name]"))
  var features: String
  @Option(help: ArgumentHelp("Class of each row, by name or number.", valueName: "file[:name]"))
  var labels: String?
  @Option(
    help: ArgumentHelp(
      "Descriptors: a row for each class; of a csv file, its columns of numbers, beside a column of class names.",
      valueName: "file[:name]"))
  var descriptors: String?
  @Option(
    help: ArgumentHelp(
      "Class names in the order of the descriptors, where the descriptors have none.", valueName: "file[:name]"))
  var classes: String?
  @Option(
    help: ArgumentHelp(
      "A word for each row (train, val, test, …), lists or masks of rows, or a list of unseen classes.",
      valueName: "file[:name]"))
  var split: String?
  @Option(help: ArgumentHelp("Unseen classes.", valueName: "name,name,…"))
  var unseen: String?
  @Option(help: "Share of the classes that become unseen, drawn with --seed.")
  var unseenFraction: Double?
  @Option(
    help: ArgumentHelp(
      "Share of each seen class's rows that is kept for testing, drawn with --seed; 0: none. Default: 0.2 where no rows "
        + "are named."))
  var testFraction: Double?
  @Option(help: "Seed of what is drawn.")
  var seed: UInt64 = 1
  @OptionGroup var counting: CountingOptions
  @Option(help: "New folder for res101.mat and att_splits.mat.")
  var out: String

  func validate() throws {
    if let unseenFraction, !(unseenFraction > 0 && unseenFraction < 1) {
      throw ValidationError("--unseen-fraction must be between 0 and 1, not \(unseenFraction).")
    }
    if let testFraction, !(testFraction >= 0 && testFraction < 1) {
      throw ValidationError("--test-fraction must be at least 0 and below 1, not \(testFraction).")
    }
  }

  private var parts: DataParts {
    var parts = DataParts(features: ArrayReference(features))
    parts.labels = labels.map(ArrayReference.init)
    parts.descriptors = descriptors.map(ArrayReference.init)
    parts.classNames = classes.map(ArrayReference.init)
    parts.split = split.map(ArrayReference.init)
    parts.unseen = unseen.map { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }
    parts.draws.unseenFraction = unseenFraction
    parts.draws.testFraction = testFraction
    parts.draws.testFractionWithoutRows = 0.2
    parts.draws.seed = seed
    (parts.firstLabel, parts.firstRow) = (counting.firstLabel, counting.firstRow)
    return parts
  }

  func run() throws {
    try withRootRank {
      let dataset = try GZSLDataset.assemble(parts, to: out)
      printNotes(dataset.notes)
      print(printable(dataset.summary))
      print("wrote \(out)/res101.mat and \(out)/att_splits.mat. Next:")
      print("  cegzsl train --data \(out.forShell) --run RUN --batch-size \(dataset.handyBatchSize)")
    }
  }
}

/// How the files of a data folder are called and counted.
struct DataFileOptions: ParsableArguments {
  @Option(help: "Feature file in the folder.")
  var features: String = "res101.mat"
  @Option(help: "Descriptor file in the folder, e.g. sent_splits.mat.")
  var classEmbedding: String = "att_splits.mat"
  @OptionGroup var counting: CountingOptions

  var options: DataOptions {
    var options = DataOptions()
    (options.featureFile, options.classEmbeddingFile) = (features, classEmbedding)
    (options.firstLabel, options.firstRow) = (counting.firstLabel, counting.firstRow)
    return options
  }
}

/// Where numbers of classes and rows begin in files.
struct CountingOptions: ParsableArguments {
  @Option(help: "Number of the first class in labels: 0, 1, or auto where the data show it.")
  var firstLabel = FirstNumber.auto
  @Option(help: "Number of the first row in lists of rows: 0, 1, or auto where the data show it.")
  var firstRow = FirstNumber.auto
}

extension FirstNumber: ExpressibleByArgument {}
