// `classifier.safetensors`: the head. H classifier input, C classes; I input of a part, A descriptor.
import Checkpoints
import Evaluation
import Files
import Matrices

/// What `classifier.safetensors` holds.
///
/// | tensor | shape | |
/// | --- | --- | --- |
/// | `softmax.weight`, `softmax.bias` | [C, H], [C] | over seen and unseen classes: scores W·h + b |
/// | `unseen_softmax.weight`, `unseen_softmax.bias` | [C, H], [C] | over unseen classes alone (T1) |
/// | `PART.mean`, `PART.deviation` | [I], [I] | z = (input − mean) / deviation; of heads other than softmax |
/// | `PART.map` | [I, A] | only where z is mapped |
/// | `PART.targets` | [C, I] or, with a map, [C, A] | rows of unit length; scores += weight · cos(z·map, target) |
/// | `PART.targets`, `PART.bias` | [C, I], [C] | of a Gaussian part: scores += weight · (z · target + bias) |
///
/// Rows are the classes of `classes.safetensors`, in its order; h is the embedding. A class that is no candidate has zero weights and the
/// bias −∞. Metadata: `program_version`, `iteration`, `epoch`, `classifier_epoch`, `dataset_digest`, `figures` (a JSON object of
/// fractions, where there were test rows), `options` (a JSON object: those that shaped model and classifier), and `head` (a JSON object: its
/// name, its parts in order with weight and constants, γ), which a softmax without γ lacks. A head without softmax has one without weights. A file
/// with parts has format version 2, since the softmax alone is not what classifies; with Gaussian parts 3.
package struct ClassifierFile: Sendable {
  package let classifiers: FinalClassifiers
  /// Of `classifiers`, on the data set's test rows; nil where there were none.
  package let figures: EvaluationFigures?
  package let maker: Maker

  /// What made the model and the classifiers.
  package struct Maker: Sendable, Equatable {
    package let programVersion: String
    /// Iterations that the model was trained for.
    package let iteration: Int
    package let epoch: Int
    package let datasetDigest: String
    /// Names, without dashes, and values of the options that shaped model and classifiers.
    package let options: [String: String]

    package init(
      programVersion: String, iteration: Int, epoch: Int, datasetDigest: String, options: [String: String]
    ) {
      self.programVersion = programVersion
      self.iteration = iteration
      self.epoch = epoch
      self.datasetDigest = datasetDigest
      self.options = options
    }
  }

  package init(classifiers: FinalClassifiers, figures: EvaluationFigures?, maker: Maker) {
    self.classifiers = classifiers
    self.figures = figures
    self.maker = maker
  }

  package init(_ evaluated: Evaluated, maker: Maker) {
    self.init(classifiers: evaluated.classifiers, figures: EvaluationFigures(evaluated.test), maker: maker)
  }
}

extension ClassifierFile {
  private static let format = "cegzsl classifier"

  /// For a checkpoint. The bytes depend on the contents alone.
  ///
  /// - Throws: nothing, as encoding figures does not fail.
  package func part() throws -> CheckpointPart {
    func tensors(_ name: String, _ layer: FinalLayer) -> [Tensor] {
      [
        Tensor(name: name + ".weight", matrix: layer.weight),
        Tensor(name: name + ".bias", matrix: layer.bias, shape: [layer.classCount]),
      ]
    }
    let terms = classifiers.terms.flatMap(\.tensors)
    let formatVersion = terms.isEmpty ? "1" : classifiers.terms.allSatisfy { $0.bias == nil } ? "2" : "3"
    var metadata = [
      "format": Self.format, "format_version": formatVersion, "program_version": maker.programVersion,
      "iteration": "\(maker.iteration)", "epoch": "\(maker.epoch)", "classifier_epoch": "\(classifiers.epoch)",
      "dataset_digest": maker.datasetDigest, "options": try JSONValue(encoding: maker.options).sortedByKey.text(),
    ]
    metadata["figures"] = try figures.map { try JSONValue(encoding: $0).text() }
    if classifiers.constants != HeadConstants(usual: .softmax) {
      metadata["head"] = try JSONValue(encoding: classifiers.constants).text()
    }
    return CheckpointPart(
      tensors("softmax", classifiers.generalized) + tensors("unseen_softmax", classifiers.unseenOnly) + terms,
      metadata: metadata)
  }

  /// - Throws: `SafetensorsError` where a tensor is missing or of another shape, `ModelError.damaged`, `.newerFormat`.
  package init(_ file: SafetensorsFile) throws {
    let facts = try FileFacts(file, format: Self.format, newest: 3)
    func layer(_ name: String) throws -> FinalLayer {
      let weight = try file.matrix(name + ".weight")
      let bias = try file.matrix(name + ".bias", shape: [weight.rowCount])
      let layer = FinalLayer(weight: weight, bias: bias)
      guard !layer.candidates.isEmpty else { throw facts.damaged("\(name) has no class to choose from") }
      return layer
    }
    let (generalized, unseenOnly) = (try layer("softmax"), try layer("unseen_softmax"))
    guard
      generalized.weight.rowCount == unseenOnly.weight.rowCount
        && generalized.weight.columnCount == unseenOnly.weight.columnCount
    else { throw facts.damaged("its two softmaxes have different shapes") }
    let constants: HeadConstants =
      facts.contains("head") ? try facts.value("head") : HeadConstants(usual: .softmax)
    guard Set(constants.parts.map(\.part)).count == constants.parts.count else {
      throw facts.damaged("its head has a part twice")
    }
    classifiers = FinalClassifiers(
      generalized: generalized, unseenOnly: unseenOnly, epoch: try facts.integer("classifier_epoch"),
      terms: try constants.parts.filter { $0.part != .softmax }.map {
        try Self.term($0, file, facts, classCount: generalized.classCount)
      }, constants: constants)
    figures = facts.contains("figures") ? try facts.value("figures") : nil
    maker = Maker(
      programVersion: try facts.text("program_version"), iteration: try facts.integer("iteration"),
      epoch: try facts.integer("epoch"), datasetDigest: try facts.text("dataset_digest"),
      options: try facts.value("options"))
  }

  private static func term(
    _ part: HeadConstants.Part, _ file: SafetensorsFile, _ facts: FileFacts, classCount: Int
  ) throws -> HeadTerm {
    let name = part.part.rawValue
    let mean = try file.matrix(name + ".mean")
    let deviation = try file.matrix(name + ".deviation", shape: [mean.columnCount])
    let map = file.contains(name + ".map") ? try file.matrix(name + ".map") : nil
    let width = map?.columnCount ?? mean.columnCount
    let targets = try file.matrix(name + ".targets", shape: [classCount, width])
    guard map == nil || map?.rowCount == mean.columnCount else {
      throw facts.damaged("\(name).map does not fit \(name).mean")
    }
    guard deviation.elements.allSatisfy({ $0 > 0 }), part.weight > 0 else {
      throw facts.damaged("\(name) divides by 0, or has no weight")
    }
    let comparison: HeadTerm.Comparison =
      part.part.isGaussian
      ? .linear(bias: try file.matrix(name + ".bias", shape: [classCount])) : .cosine
    return HeadTerm(
      part.part, standardisation: (mean, deviation), map: map, targets: targets, comparison: comparison,
      weight: Float(part.weight))
  }
}
