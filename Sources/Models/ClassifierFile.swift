// `classifier.safetensors`: the final softmaxes. H classifier input, C classes.
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
///
/// Rows are the classes of `classes.safetensors`, in its order; h is the embedding. A class that is no candidate has zero weights and the
/// bias −∞. Metadata: `program_version`, `iteration`, `epoch`, `classifier_epoch`, `dataset_digest`, `figures` (a JSON object of
/// fractions, where there were test rows) and `options` (a JSON object: those that shaped model and classifier).
package struct ClassifierFile: Sendable {
  package let classifiers: FinalClassifiers
  /// Of `classifiers`, on the data set's test rows; nil where there were none.
  package let figures: Figures?
  package let maker: Maker

  /// Fractions in 0...1; nil where there were no test rows of a kind.
  package struct Figures: Sendable, Codable, Equatable {
    @Fraction package var unseen: Double?
    @Fraction package var seen: Double?
    @Fraction package var harmonic: Double?
    @Fraction package var zsl: Double?

    package init(_ accuracy: GeneralizedAccuracy, zsl: Double?) {
      unseen = accuracy.unseen
      seen = accuracy.seen
      harmonic = accuracy.harmonic
      self.zsl = zsl
    }
  }

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

  package init(classifiers: FinalClassifiers, figures: Figures?, maker: Maker) {
    self.classifiers = classifiers
    self.figures = figures
    self.maker = maker
  }

  package init(_ evaluated: Evaluated, maker: Maker) {
    self.init(
      classifiers: evaluated.classifiers, figures: Figures(evaluated.accuracy, zsl: evaluated.test.zsl), maker: maker)
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
    var metadata = [
      "format": Self.format, "format_version": "1", "program_version": maker.programVersion,
      "iteration": "\(maker.iteration)", "epoch": "\(maker.epoch)", "classifier_epoch": "\(classifiers.epoch)",
      "dataset_digest": maker.datasetDigest, "options": try JSONValue(encoding: maker.options).sortedByKey.text(),
    ]
    metadata["figures"] = try figures.map { try JSONValue(encoding: $0).text() }
    return CheckpointPart(
      tensors("softmax", classifiers.generalized) + tensors("unseen_softmax", classifiers.unseenOnly),
      metadata: metadata)
  }

  /// - Throws: `SafetensorsError` where a tensor is missing or of another shape, `ModelError.damaged`, `.newerFormat`.
  package init(_ file: SafetensorsFile) throws {
    let facts = try FileFacts(file, format: Self.format)
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
    classifiers = FinalClassifiers(
      generalized: generalized, unseenOnly: unseenOnly, epoch: try facts.integer("classifier_epoch"))
    figures = file.metadata["figures"] == nil ? nil : try facts.value("figures")
    maker = Maker(
      programVersion: try facts.text("program_version"), iteration: try facts.integer("iteration"),
      epoch: try facts.integer("epoch"), datasetDigest: try facts.text("dataset_digest"),
      options: try facts.value("options"))
  }
}
