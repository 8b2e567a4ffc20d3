// N rows, X features, A descriptor size, C classes.
import Files
import Kernels
import Matrices

/// Min-max scaling fitted on the training rows: (x − minimum) / range / maximum.
package struct FeatureScaling: Sendable {
  /// 1×X; a range of 0 counts as 1.
  package let minimum: Matrix
  package let range: Matrix
  /// The largest value of the training rows after the division by `range`.
  package let maximum: Float

  package init(features: Matrix, rows: [Int]) {
    let (low, high) = columnRange(of: features, rows: rows)
    let range = Matrix(rows: 1, columns: features.columnCount)
    var top: Float = 0
    for c in 0..<features.columnCount {
      let width = high[0, c] - low[0, c]
      range[0, c] = width > 0 ? width : 1
      top = max(top, width / range[0, c])
    }
    minimum = low
    self.range = range
    maximum = top > 0 ? top : 1
  }
}

/// A data set ready for training: checked, scaled, joined by class name, with its test task and, on demand, a validation
/// task.
package struct GZSLDataset: Sendable {
  package let folder: String
  package let classEmbeddingFile: String
  /// N×X, scaled.
  package let features: Matrix
  /// N class numbers in 0..<C.
  package let labels: [Int]
  /// C×A, as the file has them.
  package let descriptors: Matrix
  package let classNames: [String]
  package let scaling: FeatureScaling
  /// What the losses are trained on: rows, and their classes in ascending order.
  package let trainingRows: [Int]
  package let trainingClasses: [Int]
  package let test: GZSLTask
  /// Present when validation is held out.
  package let validation: GZSLTask?
  package let fingerprint: SplitFingerprint
  /// SHA-256 of features, labels, descriptors and training rows: equal on all ranks of a run, and over its resumes.
  package let contentDigest: String
  /// What a user should know of how the data was read.
  package let notes: [String]

  /// - Throws: `DatasetError` with everything that is wrong.
  package static func load(folder: String, options: DataOptions) throws -> GZSLDataset {
    try GZSLDataset(DatasetFiles(folder: folder, options: options), options: options)
  }

  private init(_ files: DatasetFiles, options: DataOptions) throws {
    guard let features = files.features, let labels = files.labels, let given = files.descriptors,
      files.problems.isEmpty
    else { throw DatasetError(folder: files.folder, problems: files.problems) }
    let join = ClassJoin(
      descriptors: given, descriptorNames: files.descriptorNames, labelNames: files.labelNames,
      file: options.classEmbeddingFile)
    let split = Split(locations: files.locations, labels: labels, classCount: given.rowCount)
    guard join.problems.isEmpty, split.problems.isEmpty else {
      throw DatasetError(folder: files.folder, problems: join.problems + split.problems)
    }
    var notes = files.notes + join.notes + split.notes
    if options.holdsOutValidation {
      let held = ValidationSplit(
        locations: files.locations, test: split.task, labels: labels, source: RandomSource(seed: options.splitSeed))
      guard held.trainingClasses.count >= 2, !held.task.seenRows.isEmpty else {
        throw DatasetError(
          folder: files.folder, problems: ["\(split.task.seenClasses.count) seen classes are too few to hold some out"])
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
    digest.add(features)
    digest.add(labels)
    digest.add(join.descriptors)
    for rows in [trainingRows, split.task.classifierRows, split.task.seenRows, split.task.unseenRows] {
      digest.add(rows)
    }
    contentDigest = digest.hexadecimal()
    scaling = FeatureScaling(features: features, rows: trainingRows)
    scaleFeatures(features, minimum: scaling.minimum, range: scaling.range, maximum: scaling.maximum)
    folder = files.folder
    classEmbeddingFile = options.classEmbeddingFile
    self.features = features
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
  /// Random data for measurements: all rows train, the last descriptor is the one unseen class.
  package init(random features: Matrix, labels: [Int], descriptors: Matrix) {
    let rows = Array(0..<features.rowCount)
    let classes = Array(0..<descriptors.rowCount - 1)
    folder = "random"
    classEmbeddingFile = "random"
    self.features = features
    self.labels = labels
    self.descriptors = descriptors
    classNames = (0..<descriptors.rowCount).map { "class \($0 + 1)" }
    scaling = FeatureScaling(features: features, rows: [])
    trainingRows = rows
    trainingClasses = classes
    test = GZSLTask(
      seenClasses: classes, unseenClasses: [classes.count], classifierRows: rows, seenRows: [], unseenRows: [])
    validation = nil
    fingerprint = SplitFingerprint(trainval: rows, testSeen: [], testUnseen: [])
    contentDigest = "random"
    notes = []
  }
}
