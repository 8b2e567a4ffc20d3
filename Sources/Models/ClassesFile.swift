// `classes.safetensors`: what using a model needs of the data set. X feature, A descriptor size, C classes.
import Checkpoints
import Datasets
import Files
import Matrices

/// What `classes.safetensors` holds.
///
/// | tensor | shape | |
/// | --- | --- | --- |
/// | `scaler.minimum`, `scaler.range` | [X] | a feature is scaled by (x − minimum) / range / maximum |
/// | `scaler.maximum` | [1] | |
/// | `descriptors` | [C, A] | a row a class, in the data set's order, as the model takes them |
/// | `seen`, `unseen` | [C], U8 | 1 for classes with training rows; for those known by their descriptor alone |
///
/// Metadata: `class_names` (a JSON array of C texts), `class_embedding` (the descriptors' file), `dataset_digest`, `split` (a JSON object,
/// as in `results.json`), `training_rows`.
package struct ClassesFile: Sendable {
  package let classes: ClassTable
  package let scaling: FeatureScaling
  package let origin: DataOrigin

  package init(classes: ClassTable, scaling: FeatureScaling, origin: DataOrigin) {
    self.classes = classes
    self.scaling = scaling
    self.origin = origin
  }

  package init(_ dataset: GZSLDataset) {
    var roles = [ClassTable.Role](repeating: .unused, count: dataset.classNames.count)
    for number in dataset.test.seenClasses { roles[number] = .seen }
    for number in dataset.test.unseenClasses { roles[number] = .unseen }
    self.init(
      classes: ClassTable(names: dataset.classNames, descriptors: dataset.descriptors, roles: roles),
      scaling: dataset.features.scaling,
      origin: DataOrigin(
        datasetDigest: dataset.contentDigest, classEmbeddingFile: dataset.classEmbeddingFile,
        split: dataset.fingerprint, trainingRowCount: dataset.trainingRows.count))
  }
}

/// Which data a model was made from.
package struct DataOrigin: Sendable, Equatable {
  /// `GZSLDataset.contentDigest`.
  package let datasetDigest: String
  package let classEmbeddingFile: String
  package let split: SplitFingerprint
  /// Rows that the losses were trained on.
  package let trainingRowCount: Int

  package init(datasetDigest: String, classEmbeddingFile: String, split: SplitFingerprint, trainingRowCount: Int) {
    self.datasetDigest = datasetDigest
    self.classEmbeddingFile = classEmbeddingFile
    self.split = split
    self.trainingRowCount = trainingRowCount
  }
}

extension ClassesFile {
  private static let format = "cegzsl classes"

  /// For a checkpoint. The bytes depend on the contents alone.
  ///
  /// - Throws: nothing, as encoding a fingerprint does not fail.
  package func part() throws -> CheckpointPart {
    func mask(_ name: String, _ role: ClassTable.Role) -> Tensor {
      Tensor(name: name, shape: [classes.count], data: .uint8(classes.roles.map { $0 == role ? 1 : 0 }))
    }
    let width = scaling.featureSize
    return CheckpointPart(
      [
        Tensor(name: "scaler.minimum", matrix: scaling.minimum, shape: [width]),
        Tensor(name: "scaler.range", matrix: scaling.range, shape: [width]),
        Tensor(name: "scaler.maximum", shape: [1], floats: [scaling.maximum]),
        Tensor(name: "descriptors", matrix: classes.descriptors), mask("seen", .seen), mask("unseen", .unseen),
      ],
      metadata: [
        "format": Self.format, "format_version": "1",
        "class_names": JSONValue.array(classes.names.map(JSONValue.string)).text(),
        "class_embedding": origin.classEmbeddingFile, "dataset_digest": origin.datasetDigest,
        "split": try JSONValue(encoding: origin.split).text(), "training_rows": "\(origin.trainingRowCount)",
      ])
  }

  /// - Throws: `SafetensorsError` where a tensor is missing or of another shape, `ModelError.damaged`, `.newerFormat`.
  package init(_ file: SafetensorsFile) throws {
    let facts = try FileFacts(file, format: Self.format)
    let names = try facts.names("class_names")
    let minimum = try file.matrix("scaler.minimum")
    let range = try file.matrix("scaler.range", shape: [minimum.columnCount])
    let maximum = try file.matrix("scaler.maximum", shape: [1])[0, 0]
    let descriptors = try file.matrix("descriptors")
    let (seen, unseen) = (try file.integers("seen"), try file.integers("unseen"))
    guard descriptors.rowCount == names.count, seen.shape == [names.count], unseen.shape == [names.count],
      Set(names).count == names.count
    else { throw facts.damaged("names, descriptors and roles are of different classes") }
    guard range.elements.allSatisfy({ $0 > 0 }), maximum > 0 else { throw facts.damaged("the scaler divides by 0") }
    let roles: [ClassTable.Role] = zip(seen.values, unseen.values).map {
      $0 == 1 ? .seen : $1 == 1 ? .unseen : .unused
    }
    self.init(
      classes: ClassTable(names: names, descriptors: descriptors, roles: roles),
      scaling: FeatureScaling(minimum: minimum, range: range, maximum: maximum),
      origin: DataOrigin(
        datasetDigest: try facts.text("dataset_digest"), classEmbeddingFile: try facts.text("class_embedding"),
        split: try facts.value("split"), trainingRowCount: try facts.integer("training_rows")))
  }
}
