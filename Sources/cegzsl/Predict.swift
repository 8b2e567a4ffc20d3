import ArgumentParser
import Datasets
import Evaluation
import Files
import Foundation
import Matrices
import Models

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Classify rows of raw features with the model of a run.",
    discussion: """
      Features are those that the model was trained on, unscaled: a csv file's columns of numbers, an npy file, or
      'features' of an npz, HDF5 or safetensors file (a row for each image) or of a .mat file (a column for each). They are
      read in blocks, so that memory does not grow with the rows.

      A line of the answer has the row (from 1), its class and the probability; with --top K the next K − 1 classes too. A
      class name that a spreadsheet would take for a formula gets an apostrophe in front.
      """)

  @OptionGroup var source: ModelOptions
  @Option(help: ArgumentHelp("Rows of raw features; FILE:NAME for another array than 'features'.", valueName: "file"))
  var features: String
  @Option(help: "Classes for each row, the most probable first.")
  var top: Int = 1
  @Option(help: "all: seen and unseen classes; unseen: those alone, by the softmax trained for them.")
  var classes: Answering = .all
  @Option(help: ArgumentHelp("Write the answer here instead of to standard output.", valueName: "file.csv"))
  var output: String?
  @Option(
    help: ArgumentHelp(
      "Write the scores before the softmax here: float32, a row for each row, a column for each class in the data set's "
        + "order, -inf for those that may not be answered.", valueName: "file.npy"))
  var logits: String?
  @Option(help: ArgumentHelp("Write the embeddings here: float32, a row for each row.", valueName: "file.npy"))
  var embedding: String?
  @OptionGroup var threads: ThreadOptions

  func run() throws {
    try withRootRank(threads: threads.threads) { try predict() }
  }

  private func predict() throws {
    let reference = ArrayReference(features)
    try OutputFile.requireApart(outputs: [output, logits, embedding], inputs: [reference.path, source.run])
    let model = try source.load()
    let candidates = try model.candidates(classes)
    guard (1...candidates.count).contains(top) else {
      throw UseError.badCount(option: "--top", value: top, most: candidates.count, of: "classes that may be answered")
    }
    let rows = try FeatureSource(reference, featureSize: model.featureSize)
    rows.notes.forEach { writeError("note: \($0)") }
    let names = model.classes.names.map(CsvWriter.field)
    try OutputFile.rows(logits, count: rows.rowCount, columns: model.classes.count) { addLogits in
      try OutputFile.rows(embedding, count: rows.rowCount, columns: model.embeddingSize) { addEmbeddings in
        try OutputFile.text(output) { write in
          try write(header)
          try model.predict(rows, answering: classes, top: top) { block in
            try write(lines(block, names: names))
            try addLogits(block.logits)
            try addEmbeddings(block.embeddings)
          }
        }
      }
    }
  }

  private var header: String {
    let more = (2...).prefix(top - 1).flatMap { ["class_\($0)", "probability_\($0)"] }
    return CsvWriter.line(["row", "class", "probability"] + more)
  }

  private func lines(_ block: PredictedBlock, names: [String]) -> String {
    var text = ""
    for (row, best) in block.best.enumerated() {
      text += "\(block.firstRow + row + 1)"
      for number in best { text += ",\(names[number]),\(block.probabilities[row, number])" }
      text += "\n"
    }
    return text
  }
}
