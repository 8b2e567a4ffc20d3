import ArgumentParser
import Files
import Foundation
import Matrices
import Models

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a part of a trained model for other programs: ONNX, safetensors or npz.",
    discussion: """
      classifier: raw features to logits and probabilities (scaler, embedding, head); embedding: raw features to
      embeddings; generator: noise (standard normal) and descriptors to raw features. Class names are in the metadata, as
      JSON; in an npz archive they are an array.

      An ONNX graph takes any number of rows and runs in onnxruntime (1.15 and 1.32 were tried). It computes in float32, also for a run
      that was trained with --precision bfloat16.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case onnx, safetensors, npz }

  @OptionGroup var source: ModelOptions
  @Option(help: "onnx, safetensors or npz.")
  var format: Format
  @Option(help: "classifier, embedding or generator.")
  var part: ModelPart = .classifier
  @Option(help: "The classifier's classes: all, or unseen alone.")
  var classes: Answering = .all
  @Option(help: "The file to write; one that is there is replaced.")
  var output: String

  func validate() throws {
    guard part == .classifier || classes == .all else {
      throw ValidationError(
        "--classes \(classes.rawValue) is for --part classifier; the \(part.rawValue) has no classes.")
    }
  }

  func run() throws {
    try withRootRank { try write() }
  }

  private func write() throws {
    try OutputFile.requireApart(outputs: [output], inputs: [source.run])
    let export = try ModelExport(try source.load(), part, answering: classes, programVersion: Build.version)
    try NewPath.replacing(output) { aside in
      switch format {
      case .onnx:
        let bytes = try export.onnx.encoded()
        _ = try DurableFile.create(aside) { try $0.write(bytes) }
      case .safetensors:
        try SafetensorsFile.write(
          path: aside, tensors: export.tensors,
          metadata: Dictionary(uniqueKeysWithValues: export.metadata.map { ($0.key, $0.value) }))
      case .npz: try NumpyWriter.write(path: aside, archive: export.numpyArrays)
      }
    }
  }
}

extension ModelPart: ExpressibleByArgument {}
