// N rows, X features, A descriptor size, C classes.
import Files
import Kernels
import Matrices

/// A data set ready for training: checked, scaled, joined by class name, with its test task and, on demand, a
/// validation task.
package struct GZSLDataset: Sendable {
  package let folder: String
  package let classEmbeddingFile: String
  package let features: FeatureTable
  /// N class numbers in 0..<C.
  package let labels: [Int]
  /// C×A, as the file has them.
  package let descriptors: Matrix
  package let classNames: [String]
  /// What the losses are trained on: rows, and their classes in ascending order.
  package let trainingRows: [Int]
  package let trainingClasses: [Int]
  package let test: GZSLTask
  /// Present when validation is held out.
  package let validation: GZSLTask?
  package let fingerprint: SplitFingerprint
  /// SHA-256 of features (by their own), labels, descriptors and training rows: equal on all ranks of a run, and over
  /// its resumes.
  package let contentDigest: String
  /// What a user should know of how the data was read.
  package let notes: [String]

  /// - Parameter folder: a folder in the xlsa17 layout, a prepared one, or a file that holds everything.
  /// - Throws: `DatasetError` with everything that is wrong.
  package static func load(folder: String, options: DataOptions) throws -> GZSLDataset {
    try GZSLDataset(DatasetCheck(DatasetFiles(folder: folder, options: options), options: options), options: options)
  }

  init(_ check: DatasetCheck, options: DataOptions) throws {
    let files = check.files
    guard check.problems.isEmpty, let features = files.features, let labels = files.labels, let join = check.join,
      let split = check.split
    else { throw DatasetError(folder: files.folder, problems: check.problems) }
    var notes = check.notes
    if options.holdsOutValidation {
      guard let held = check.validation, check.validationProblem == nil else {
        throw DatasetError(
          folder: files.folder, problems: ["--select validation: \(check.validationProblem ?? "too few seen classes")"])
      }
      notes += held.notes
      trainingRows = held.trainingRows
      trainingClasses = held.trainingClasses
      validation = held.task
    } else {
      trainingRows = split.task.classifierRows
      trainingClasses = split.task.seenClasses
      validation = nil
    }
    var digest = Digest()
    digest.add(files.featureDigest ?? DatasetFiles.digest(of: features))
    digest.add(labels)
    digest.add(join.descriptors)
    for rows in [trainingRows, split.task.classifierRows, split.task.seenRows, split.task.unseenRows] {
      digest.add(rows)
    }
    contentDigest = digest.hexadecimal()
    folder = files.folder
    classEmbeddingFile = files.descriptorFile
    // The range of the published training rows is known; any other set of rows is gone through here.
    let known = trainingRows == split.task.classifierRows ? check.scaling : nil
    self.features = FeatureTable(
      rows: features, scaling: known ?? FeatureScaling(features: features, rows: trainingRows))
    self.labels = labels
    descriptors = join.descriptors
    classNames = join.names
    test = split.task
    fingerprint = SplitFingerprint(
      trainval: split.task.classifierRows, testSeen: split.task.seenRows, testUnseen: split.task.unseenRows)
    self.notes = notes
  }
}

extension GZSLDataset {
  /// Random data for measurements, whose features are not scaled.
  ///
  /// - Parameter task: nil: all rows train, the last descriptor is the one unseen class.
  package init(random features: Matrix, labels: [Int], descriptors: Matrix, task: GZSLTask? = nil) {
    let seenClasses = Array(0..<descriptors.rowCount - 1)
    test =
      task
      ?? GZSLTask(
        seenClasses: seenClasses, unseenClasses: [seenClasses.count], classifierRows: Array(0..<features.rowCount),
        seenRows: [], unseenRows: [])
    folder = "random"
    classEmbeddingFile = "random"
    let (zero, one) = (Matrix(rows: 1, columns: features.columnCount), Matrix(rows: 1, columns: features.columnCount))
    one.fill(1)
    self.features = FeatureTable(rows: features, scaling: FeatureScaling(minimum: zero, maximum: one))
    self.labels = labels
    self.descriptors = descriptors
    classNames = (0..<descriptors.rowCount).map { "class \($0 + 1)" }
    trainingRows = test.classifierRows
    trainingClasses = test.seenClasses
    validation = nil
    fingerprint = SplitFingerprint(
      trainval: test.classifierRows, testSeen: test.seenRows, testUnseen: test.unseenRows)
    contentDigest = "random"
    notes = []
  }
}
