import ArgumentParser
import Datasets
import Files
import Foundation
import Matrices
import Models

struct Synthesize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw synthetic features of classes with the generator of a run.",
    discussion: """
      Of classes that the model knows, by name, or of any class, by its descriptor: a csv file with a line for each class, its
      name and its numbers, or an npz, HDF5, safetensors or .mat file with 'classes' and 'descriptors'.

      The output holds a row for each synthetic image, and its class: in an npz archive 'features' (or 'embeddings'), 'labels'
      and 'classes'; in a .mat file 'features' (a column for each), 'labels' from 1 and 'allclasses_names', as res101.mat and
      att_splits.mat have them.
      """)

  enum Space: String, ExpressibleByArgument, CaseIterable { case features, embedding }

  @OptionGroup var source: ModelOptions
  @Option(help: ArgumentHelp("Names of classes, with commas between them.", valueName: "name,…"))
  var classes: String?
  @Option(help: ArgumentHelp("Descriptors of classes, known or not.", valueName: "file[:name]"))
  var descriptors: String?
  @Option(help: "Rows for each class.")
  var perClass: Int
  @Option(help: "features: raw, as a data set has them; embedding: what the classifier sees of them.")
  var space: Space = .features
  @Option(help: "Another seed gives other rows.")
  var seed: UInt64 = 1
  @Option(help: ArgumentHelp("The file to write; one that is there is replaced.", valueName: "file.npz|file.mat"))
  var output: String
  @OptionGroup var threads: ThreadOptions

  /// Rows that are made at a time.
  private static let block = 2048

  func validate() throws {
    guard (classes == nil) != (descriptors == nil) else {
      throw ValidationError("Give --classes or --descriptors, one of them.")
    }
    guard (1...(1 << 24)).contains(perClass) else {
      throw ValidationError("--per-class must be from 1 to \(1 << 24), not \(perClass).")
    }
    guard output.hasSuffix(".npz") || output.hasSuffix(".mat") else {
      throw ValidationError("--output '\(output)' must end in .npz or .mat.")
    }
  }

  func run() throws {
    try withRootRank(threads: threads.threads) { try synthesize() }
  }

  private func synthesize() throws {
    let inputs = descriptors.map { [ArrayReference($0).path] } ?? []
    try OutputFile.requireApart(outputs: [output], inputs: inputs + [source.run])
    let model = try source.load()
    let (names, descriptors) = try chosenClasses(model)
    let labels = names.indices.flatMap { Array(repeating: $0, count: perClass) }
    let rows = rows(Synthesiser(model, descriptors: descriptors, seed: seed), labels: labels, model)
    let name = space == .features ? "features" : "embeddings"
    try NewPath.replacing(output) { aside in
      if output.hasSuffix(".npz") {
        try NumpyWriter.write(
          path: aside,
          archive: [
            NumpyArray(name, matrix: rows), NumpyArray("labels", texts: labels.map { names[$0] }),
            NumpyArray("classes", texts: names),
          ])
      } else {
        try MatlabWriter.write(
          path: aside,
          [
            MatlabVariable(name, .transposed(rows)), MatlabVariable("labels", rowsFromZero: labels),
            MatlabVariable("allclasses_names", .cells(names)),
          ])
      }
    }
  }

  private func rows(_ synthesiser: Synthesiser, labels: [Int], _ model: TrainedModel) -> Matrix {
    let rows = Matrix(rows: labels.count, columns: space == .features ? model.featureSize : model.embeddingSize)
    for first in stride(from: 0, to: labels.count, by: Self.block) {
      let part = first..<min(first + Self.block, labels.count)
      switch space {
      case .features: synthesiser.features(into: rows.rows(part), labels: Array(labels[part]), firstRow: first)
      case .embedding: synthesiser.embeddings(into: rows.rows(part), labels: Array(labels[part]), firstRow: first)
      }
    }
    return rows
  }

  private func chosenClasses(_ model: TrainedModel) throws -> (names: [String], descriptors: Matrix) {
    if let descriptors {
      let read = try ClassDescriptors(option: descriptors, of: model)
      return (read.names, read.descriptors)
    }
    let numbers = try ClassNameList.parse(classes ?? "", in: model.classes, path: source.run)
    let rows = Matrix(rows: numbers.count, columns: model.attributeSize)
    for (place, number) in numbers.enumerated() {
      rows.rows(place..<place + 1).copy(from: model.classes.descriptors.rows(number..<number + 1))
    }
    return (numbers.map { model.classes.names[$0] }, rows)
  }
}
