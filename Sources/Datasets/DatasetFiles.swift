// The xlsa17 layout as it stands in a folder. N rows, X features, A descriptor size, C classes.
import Files
import Kernels
import Matrices

/// Where a data set is and how to read it.
package struct DataOptions: Sendable, Equatable {
  package var featureFile = "res101.mat"
  package var classEmbeddingFile = "att_splits.mat"
  /// Train on a part and keep validation rows and classes aside, for `--select validation`.
  package var holdsOutValidation = false
  /// Seed of what is derived: held-out rows, and held-out classes where the files name none.
  package var splitSeed: UInt64 = 1

  package init() {}
}

/// Everything wrong with a data set, one line each.
package struct DatasetError: ReportableError, Equatable {
  package let folder: String
  package let problems: [String]
  package var exitStatus: ExitStatus { .badData }
  package var description: String {
    let shown = problems.prefix(20).map { "\n  - " + $0 }.joined()
    let rest = problems.count > 20 ? "\n  … and \(problems.count - 20) more; see 'cegzsl inspect'" : ""
    return "\(folder) cannot be used:\(shown)\(rest)"
  }
}

/// The files' contents, each checked by itself. Reading goes on after a problem, so that all are seen at once.
package struct DatasetFiles: Sendable {
  package let folder: String
  package private(set) var problems: [String] = []
  package private(set) var notes: [String] = []
  /// N×X, unscaled.
  package private(set) var features: Matrix?
  /// N class numbers from 0.
  package private(set) var labels: [Int]?
  /// C×A.
  package private(set) var descriptors: Matrix?
  package private(set) var descriptorNames: [String]?
  /// Class name of each label, from the files that say so.
  package private(set) var labelNames: [String]?
  /// Rows from 0 by the variable's name without `_loc`.
  package private(set) var locations: [String: [Int]] = [:]

  /// Of a prepared folder: digest of the features, and the scaling of the published training rows.
  private(set) var featureDigest: String?
  private(set) var trainvalScaling: FeatureScaling?

  package static let locationNames = ["trainval", "train", "val", "test_seen", "test_unseen"]

  package init(folder: String, options: DataOptions) {
    self.folder = folder
    if PreparedFolder.exists(folder) {
      attempt { try $0.use(PreparedFolder(folder: folder, options: options)) }
      return
    }
    let descriptorPath = "\(folder)/\(options.classEmbeddingFile)"
    attempt {
      let file = try MatFile(path: descriptorPath)
      $0.readDescriptors(file)
      $0.readLocations(file)
    }
    var imageFolders: [String]?
    attempt {
      let file = try MatFile(path: "\(folder)/\(options.featureFile)")
      $0.readFeatures(file)
      if file.variable("image_files")?.kind == .cells {
        imageFolders = try file.texts("image_files").map(Self.folderName)
      }
    }
    // The labels of res101.mat follow att_splits.mat, whatever descriptor file is chosen.
    if options.classEmbeddingFile != "att_splits.mat", let file = try? MatFile(path: "\(folder)/att_splits.mat") {
      labelNames = file.variable("allclasses_names").flatMap { _ in try? file.texts("allclasses_names") }
      if locations["trainval"] == nil { readLocations(file) }
    }
    if let imageFolders { useImageFolders(imageFolders) }
  }

  private mutating func use(_ prepared: PreparedFolder) {
    (features, labels, descriptors) = (prepared.features, prepared.labels, prepared.descriptors)
    (descriptorNames, labelNames) = (prepared.descriptorNames, prepared.labelNames)
    (locations, notes) = (prepared.locations, prepared.notes)
    (featureDigest, trainvalScaling) = (prepared.featureDigest, prepared.trainvalScaling)
  }

  /// Of all elements of a feature matrix and its shape.
  static func digest(of features: Matrix) -> String {
    var digest = Digest()
    digest.add(features)
    return digest.hexadecimal()
  }

  private mutating func attempt(_ body: (inout DatasetFiles) throws -> Void) {
    do { try body(&self) } catch { problems.append("\(error)") }
  }

  private mutating func readFeatures(_ file: MatFile) {
    attempt {
      let features = try file.matrix("features")
      if let bad = firstNonFinite(features) {
        $0.problems.append(
          "\(file.path), variable 'features': image \(bad.row + 1), dimension \(bad.column + 1) is "
            + "\(features[bad.row, bad.column]); remove the image or repair the feature")
      }
      $0.features = features
    }
    attempt {
      let values = try file.numbers("labels")
      var labels: [Int] = []
      for (row, value) in values.enumerated() {
        guard let label = Int(exactly: value), label >= 1 else {
          throw MatFileError(
            path: file.path, variable: "labels", reason: "row \(row + 1) is \(value); labels are whole numbers from 1")
        }
        labels.append(label - 1)
      }
      $0.labels = labels
    }
    if let features, let labels, features.rowCount != labels.count {
      let hint = features.columnCount == labels.count ? "; 'features' seems transposed: it must be X×N" : ""
      problems.append(
        "\(file.path): 'features' has \(features.rowCount) images of \(features.columnCount) dimensions, but 'labels' has "
          + "\(labels.count) entries\(hint)")
    }
  }

  private mutating func readDescriptors(_ file: MatFile) {
    attempt {
      let descriptors = try file.matrix("att")
      if let bad = firstNonFinite(descriptors) {
        $0.problems.append(
          "\(file.path), variable 'att': class \(bad.row + 1), dimension \(bad.column + 1) is "
            + "\(descriptors[bad.row, bad.column])")
      }
      for c in 0..<descriptors.rowCount where descriptors.rows(c..<c + 1).elements.allSatisfy({ $0 == 0 }) {
        $0.notes.append("the descriptor of class \(c + 1) is all zero")
      }
      $0.descriptors = descriptors
    }
    if file.variable("allclasses_names") != nil {
      attempt { $0.descriptorNames = try file.texts("allclasses_names") }
    }
    if let descriptors, let names = descriptorNames, names.count != descriptors.rowCount {
      problems.append(
        "\(file.path): 'att' has \(descriptors.rowCount) classes (columns), but 'allclasses_names' has \(names.count)")
    }
    if let names = descriptorNames, Set(names).count != names.count {
      let twice = Dictionary(grouping: names) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
      problems.append("\(file.path): classes named twice: \(twice.prefix(5).joined(separator: ", "))")
    }
  }

  private mutating func readLocations(_ file: MatFile) {
    for name in Self.locationNames where file.variable(name + "_loc") != nil {
      attempt {
        var rows: [Int] = []
        for (place, value) in try file.numbers(name + "_loc").enumerated() {
          guard let row = Int(exactly: value), row >= 1 else {
            throw MatFileError(
              path: file.path, variable: name + "_loc",
              reason: "entry \(place + 1) is \(value); rows are whole numbers from 1")
          }
          rows.append(row - 1)
        }
        $0.locations[name] = rows
      }
    }
  }

  /// The folder that holds an image is its class in AWA, CUB and FLO; SUN nests folders, so this is used only where it is
  /// one name per label.
  private static func folderName(_ path: String) -> String {
    let parts = path.split(whereSeparator: { $0 == "/" || $0 == "\\" })
    return parts.count >= 2 ? String(parts[parts.count - 2]) : ""
  }

  private mutating func useImageFolders(_ folders: [String]) {
    guard let labels, folders.count == labels.count, let names = descriptorNames else { return }
    var nameOf: [Int: String] = [:]
    for (label, folder) in zip(labels, folders) {
      guard nameOf[label] == nil || nameOf[label] == folder else { return }
      nameOf[label] = folder
    }
    guard Set(nameOf.values).count == nameOf.count, Set(nameOf.values).isSubset(of: names) else { return }
    var result = (0..<names.count).map { nameOf[$0] ?? "" }
    // Labels without an image take the names that are left, in order.
    var left = names.filter { !nameOf.values.contains($0) }[...]
    for i in result.indices where result[i].isEmpty { result[i] = left.popFirst() ?? "class \(i + 1)" }
    labelNames = result
  }
}
