// What files say of a data set, before its parts are held against one another. N rows, X features, A descriptor size, C
// classes.
import Files
import Kernels
import Matrices

/// Where a data set is and how to read it.
package struct DataOptions: Sendable, Equatable {
  package var featureFile = "res101.mat"
  package var classEmbeddingFile = "att_splits.mat"
  /// Where labels and row numbers begin.
  package var firstLabel = FirstNumber.auto
  package var firstRow = FirstNumber.auto
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
  /// The folder, or the file that holds everything.
  package let folder: String
  /// The name of the file that has the descriptors.
  package internal(set) var descriptorFile = ""
  package internal(set) var problems: [String] = []
  package internal(set) var notes: [String] = []
  /// N×X, unscaled.
  package internal(set) var features: Matrix?
  /// N class numbers from 0.
  package internal(set) var labels: [Int]?
  /// C×A.
  package internal(set) var descriptors: Matrix?
  package internal(set) var descriptorNames: [String]?
  /// Class name of each label, from the files that say so.
  package internal(set) var labelNames: [String]?
  /// Rows from 0 by the variable's name without `_loc`.
  package internal(set) var locations: [String: [Int]] = [:]
  /// Classes that are unseen because someone said so; nil: all that no row trains.
  package internal(set) var unseenClasses: [Int]?

  /// Of a prepared folder: digest of the features, and the scaling of the published training rows.
  private(set) var featureDigest: String?
  private(set) var trainvalScaling: FeatureScaling?

  package static let locationNames = ["trainval", "train", "val", "test_seen", "test_unseen"]
  /// Of a prepared folder.
  package static let preparedNames = [PreparedFolder.featureFile, PreparedFolder.otherFile]
  /// Our own variable of the layout: names of the unseen classes, where they are not all that no row trains.
  static let unseenNames = "unseenclasses_names"

  /// Nothing yet.
  init(folder: String) {
    var folder = folder
    while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
    self.folder = folder
  }

  /// - Parameter folder: a folder in the xlsa17 layout or a prepared one, or a file that holds everything.
  package init(folder: String, options: DataOptions) {
    self.init(folder: folder)
    descriptorFile = options.classEmbeddingFile
    if PreparedFolder.exists(folder) {
      problems += failures { use(try PreparedFolder(folder: folder, options: options)) }
    } else if isPlainFile(folder) {
      self = DatasetFiles(file: folder, options: options)
    } else {
      readLayout(options)
    }
  }

  /// A file with arrays `features`, `labels`, `descriptors`, `classes`, and `unseen` or another form of a split.
  private init(file: String, options: DataOptions) {
    // Names of files, as a preset has them, mean nothing inside one.
    func array(_ name: String) -> ArrayReference? {
      name.hasSuffix(".mat") ? nil : ArrayReference(path: file, name: name)
    }
    var parts = DataParts(features: array(options.featureFile) ?? ArrayReference(path: file))
    parts.descriptors = array(options.classEmbeddingFile)
    (parts.firstLabel, parts.firstRow) = (options.firstLabel, options.firstRow)
    self = DataPartsReader(parts).files
  }

  private mutating func use(_ prepared: PreparedFolder) {
    (features, labels, descriptors) = (prepared.features, prepared.labels, prepared.descriptors)
    (descriptorNames, labelNames) = (prepared.descriptorNames, prepared.labelNames)
    (locations, notes) = (prepared.locations, prepared.notes)
    unseenClasses = prepared.unseenClasses
    (featureDigest, trainvalScaling) = (prepared.featureDigest, prepared.trainvalScaling)
  }

  /// Of all elements of a feature matrix and its shape.
  static func digest(of features: Matrix) -> String {
    var digest = Digest()
    digest.add(features)
    return digest.hexadecimal()
  }

  // MARK: what is checked of each part

  /// - Parameters:
  ///   - place: of the features, for messages.
  ///   - labelCount: entries of the labels, where they could be read.
  mutating func checkFeatures(place: String, labelCount: Int?) {
    guard let features else { return }
    if let bad = firstNonFinite(features) {
      problems.append(
        "\(place): image \(bad.row + 1), dimension \(bad.column + 1) is \(Self.text(features[bad.row, bad.column])); remove "
          + "the image or repair the feature")
    }
    if let labelCount, features.rowCount != labelCount {
      let (rows, columns) = (features.rowCount, features.columnCount)
      let hint =
        columns == labelCount
        ? "; 'features' seems transposed: it must be X×N, so \(rows)×\(columns) instead of \(columns)×\(rows). Store "
          + "features' (MATLAB) or features.T (Python)" : ""
      problems.append(
        "\(place): 'features' has \(rows) images of \(columns) dimensions, but 'labels' has \(labelCount) "
          + "entries\(hint)"
      )
    }
  }

  /// Of what is not finite.
  private static func text(_ value: Float) -> String { value.isNaN ? "nan" : "\(value), or too large for float32" }

  mutating func checkDescriptors(place: String) {
    if let descriptors {
      if let bad = firstNonFinite(descriptors) {
        problems.append(
          "\(place): the descriptor of class \(bad.row + 1), dimension \(bad.column + 1) is "
            + Self.text(descriptors[bad.row, bad.column])
        )
      }
      for c in 0..<descriptors.rowCount where descriptors.rows(c..<c + 1).elements.allSatisfy({ $0 == 0 }) {
        notes.append(
          "the descriptor of class \(descriptorNames.flatMap { $0.indices.contains(c) ? $0[c] : nil } ?? "\(c + 1)") "
            + "is all zero"
        )
      }
    }
    if let names = descriptorNames, Set(names).count != names.count {
      let twice = Dictionary(grouping: names) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
      problems.append("\(place): classes named twice: \(listText(twice))")
    }
  }
}

/// What `body` throws, as a problem among others.
func failures(in body: () throws -> Void) -> [String] {
  do {
    try body()
    return []
  } catch { return ["\(error)"] }
}
