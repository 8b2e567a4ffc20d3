// A data set converted once for training: features in a file that is mapped, everything else beside it.
// N rows, X features, A descriptor size, C classes.
import Files
import Foundation
import Kernels
import Matrices

/// A prepared folder cannot be used, or not be made.
package struct PreparedFolderError: ReportableError {
  package let folder: String
  package let reason: String
  package var exitStatus: ExitStatus { .badData }
  package var description: String { "\(folder): \(reason)" }
}

/// `features.safetensors` (one float32 tensor N×X, as the .mat file has it, unscaled) and `dataset.safetensors` (labels,
/// descriptors, names, split, digests), written last. The ranks of a node map the features and so share one copy
/// in the page cache; a file larger than memory is read as it is needed.
struct PreparedFolder {
  let features: Matrix
  let labels: [Int]
  let descriptors: Matrix
  let descriptorNames: [String]?
  let labelNames: [String]?
  let locations: [String: [Int]]
  let unseenClasses: [Int]?
  let notes: [String]
  let featureDigest: String
  let trainvalScaling: FeatureScaling?

  static let featureFile = "features.safetensors"
  static let otherFile = "dataset.safetensors"
  private static let version = "1"

  /// Whether `folder` is one.
  static func exists(_ folder: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(otherFile)") }

  /// - Throws: `PreparedFolderError` where the folder was prepared otherwise than `options` ask; `SafetensorsError`;
  ///   `StorageError`.
  init(folder: String, options: DataOptions) throws {
    let file = try SafetensorsFile(path: "\(folder)/\(Self.otherFile)")
    func metadata(_ name: String) throws -> String {
      guard let value = file.metadata[name] else {
        throw PreparedFolderError(
          folder: folder, reason: "\(Self.otherFile) lacks '\(name)' in its metadata; run cegzsl prepare again")
      }
      return value
    }
    guard try metadata("prepared_version") == Self.version else {
      throw PreparedFolderError(
        folder: folder,
        reason: "it was prepared in version \(try metadata("prepared_version")), this program reads version "
          + "\(Self.version); run cegzsl prepare again")
    }
    for (option, name, asked) in [
      ("--class-embedding", "class_embedding_file", options.classEmbeddingFile),
      ("--features", "feature_file", options.featureFile),
    ] {
      let made = try metadata(name)
      guard made == asked else {
        throw PreparedFolderError(
          folder: folder,
          reason: "it was prepared from \(made), but \(option) is \(asked); run cegzsl prepare with it, or give "
            + "\(option) \(made)")
      }
    }
    features = try MappedTensor.matrix("features", path: "\(folder)/\(Self.featureFile)")
    labels = try file.integers("labels").values
    descriptors = try file.matrix("descriptors")
    func names(_ tensor: String) throws -> [String]? {
      guard file.contains(tensor), case .uint8(let bytes) = try file.tensor(tensor).data else { return nil }
      return bytes.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }
    descriptorNames = try names("descriptor_names")
    labelNames = try names("label_names")
    var locations: [String: [Int]] = [:]
    for name in DatasetFiles.locationNames where file.contains(name) {
      locations[name] = try file.integers(name).values
    }
    self.locations = locations
    unseenClasses = file.contains("unseen_classes") ? try file.integers("unseen_classes").values : nil
    notes = try names("notes")?.filter { !$0.isEmpty } ?? []
    featureDigest = try metadata("features_sha256")
    if file.contains("trainval_minimum") {
      let size = [features.columnCount]
      trainvalScaling = FeatureScaling(
        minimum: try file.matrix("trainval_minimum", shape: size),
        maximum: try file.matrix("trainval_maximum", shape: size))
    } else {
      trainvalScaling = nil
    }
    let shape = "\(features.rowCount)×\(features.columnCount)"
    guard try metadata("features_shape") == shape, labels.count == features.rowCount else {
      throw PreparedFolderError(
        folder: folder,
        reason: "\(Self.featureFile) holds \(shape) features, \(Self.otherFile) was made for "
          + "\(try metadata("features_shape")); the files are of two data sets, run cegzsl prepare again")
    }
    if let problem = contradiction() {
      throw PreparedFolderError(folder: folder, reason: "\(Self.otherFile) \(problem); run cegzsl prepare again")
    }
  }

  /// What `write` would not have written.
  private func contradiction() -> String? {
    let classes = 0..<descriptors.rowCount
    if let row = labels.firstIndex(where: { !classes.contains($0) }) {
      return "has label \(labels[row]) in row \(row + 1), but descriptors of \(classes.count) classes"
    }
    for (name, rows) in locations.sorted(by: { $0.key < $1.key }) {
      if let row = rows.first(where: { !labels.indices.contains($0) }) {
        return "lists row \(row) in '\(name)', but there are \(labels.count) rows"
      }
    }
    if let unseen = unseenClasses?.first(where: { !classes.contains($0) }) {
      return "has class \(unseen) among the unseen ones, but descriptors of \(classes.count) classes"
    }
    for (what, names) in [("class names", descriptorNames), ("names of labels", labelNames)] {
      guard let names, names.count != classes.count else { continue }
      return "has \(names.count) \(what), but descriptors of \(classes.count) classes"
    }
    guard let bad = firstNonFinite(descriptors) else { return nil }
    return "has a descriptor of class \(bad.row + 1) that is not finite"
  }

  /// Writes `output`, which must not exist; it appears complete or not at all.
  static func write(_ files: DatasetFiles, options: DataOptions, to output: String) throws {
    guard let features = files.features, let labels = files.labels, let descriptors = files.descriptors,
      files.problems.isEmpty
    else { throw DatasetError(folder: files.folder, problems: files.problems) }
    var tensors = [
      Tensor(name: "labels", shape: [labels.count], data: .int64(labels.map(Int64.init))),
      Tensor(name: "descriptors", matrix: descriptors),
    ]
    let names = (files.descriptorNames ?? []) + (files.labelNames ?? [])
    if let name = names.first(where: { $0.utf8.contains(0) }) {
      throw PreparedFolderError(
        folder: output, reason: "a class name has a zero byte inside: \(name.forTerminal); give it another one")
    }
    func add(_ name: String, _ texts: [String]?) {
      guard let texts else { return }
      let bytes = Array(texts.joined(separator: "\0").utf8)
      tensors.append(Tensor(name: name, shape: [bytes.count], data: .uint8(bytes)))
    }
    add("descriptor_names", files.descriptorNames)
    add("label_names", files.labelNames)
    add("notes", files.notes)
    for (name, rows) in files.locations {
      tensors.append(Tensor(name: name, shape: [rows.count], data: .int64(rows.map(Int64.init))))
    }
    if let unseen = files.unseenClasses {
      tensors.append(Tensor(name: "unseen_classes", shape: [unseen.count], data: .int64(unseen.map(Int64.init))))
    }
    if let trainval = files.locations["trainval"], trainval.allSatisfy({ features.rowCount > $0 }) {
      let (low, high) = FeatureScaling.range(features: features, rows: trainval)
      tensors.append(Tensor(name: "trainval_minimum", matrix: low, shape: [low.columnCount]))
      tensors.append(Tensor(name: "trainval_maximum", matrix: high, shape: [high.columnCount]))
    }
    let metadata = [
      "prepared_version": version, "features_sha256": files.featureDigest ?? DatasetFiles.digest(of: features),
      "features_shape": "\(features.rowCount)×\(features.columnCount)",
      "class_embedding_file": options.classEmbeddingFile,
      "feature_file": options.featureFile,
    ]
    try NewPath.folder(output) { folder in
      try SafetensorsFile.write(
        path: "\(folder)/\(featureFile)", tensors: [Tensor(name: "features", matrix: features)])
      try SafetensorsFile.write(path: "\(folder)/\(otherFile)", tensors: tensors, metadata: metadata)
    }
  }
}

extension GZSLDataset {
  /// Converts the folder of `options` into a prepared one, which every command takes in its place.
  ///
  /// - Throws: `DatasetError` where something is wrong with the data, `PreparedFolderError` where `output` exists,
  ///   `StorageError`.
  package static func prepare(folder: String, options: DataOptions, to output: String) throws {
    guard !PreparedFolder.exists(folder) else {
      throw PreparedFolderError(folder: folder, reason: "it is prepared already")
    }
    let files = DatasetFiles(folder: folder, options: options)
    // Everything that training would refuse is refused here.
    _ = try GZSLDataset(DatasetCheck(files, options: options))
    try PreparedFolder.write(files, options: options, to: output)
  }
}
