// N rows, X features, A descriptor size, C classes.
import Files
import Kernels
import Matrices

/// A data set ready for training: checked, scaled, joined by class name, with its test task and the validation task that can be made of
/// its training rows.
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
  /// Training rows and classes that can be kept aside to choose constants with.
  package let heldOut: HeldOut
  package let fingerprint: SplitFingerprint
  /// SHA-256 of features (by their own), labels, descriptors and training rows: equal on all ranks of a run, and over
  /// its resumes.
  package let contentDigest: String
  /// What a user should know of how the data was read.
  package let notes: [String]
  private let featureDigest: String

  /// A validation task, or why there is none.
  package enum HeldOut: Sendable {
    case task(GZSLTask, notes: [String])
    case impossible(String)

    package var task: GZSLTask? {
      guard case .task(let task, _) = self else { return nil }
      return task
    }
  }

  /// - Parameter folder: a folder in the xlsa17 layout, a prepared one, or a file that holds everything.
  /// - Throws: `DatasetError` with everything that is wrong.
  package static func load(folder: String, options: DataOptions) throws -> GZSLDataset {
    try GZSLDataset(DatasetCheck(DatasetFiles(folder: folder, options: options), options: options))
  }

  init(_ check: DatasetCheck) throws {
    let files = check.files
    guard check.problems.isEmpty, let features = files.features, let labels = files.labels, let join = check.join,
      let split = check.split
    else { throw DatasetError(folder: files.folder, problems: check.problems) }
    folder = files.folder
    classEmbeddingFile = files.descriptorFile
    self.labels = labels
    descriptors = join.descriptors
    classNames = join.names
    test = split.task
    trainingRows = split.task.classifierRows
    trainingClasses = split.task.seenClasses
    notes = check.notes
    let scaling = check.scaling ?? FeatureScaling(features: features, rows: split.task.classifierRows)
    self.features = FeatureTable(rows: features, scaling: scaling)
    heldOut =
      if let held = check.validation, check.validationProblem == nil {
        .task(held.task, notes: held.notes)
      } else {
        .impossible(check.validationProblem ?? "too few seen classes")
      }
    fingerprint = SplitFingerprint(
      trainval: split.task.classifierRows, testSeen: split.task.seenRows, testUnseen: split.task.unseenRows)
    featureDigest = files.featureDigest ?? DatasetFiles.digest(of: features)
    contentDigest = Self.digest(
      features: featureDigest, labels, join.descriptors, trainingRows: trainingRows, published: split.task,
      leftOut: split.task.leftOutClasses(of: classNames.count))
  }

  private static func digest(
    features: String, _ labels: [Int], _ descriptors: Matrix, trainingRows: [Int], published: GZSLTask, leftOut: [Int]
  ) -> String {
    var digest = Digest()
    digest.add(features)
    digest.add(labels)
    digest.add(descriptors)
    for rows in [trainingRows, published.classifierRows, published.seenRows, published.unseenRows] { digest.add(rows) }
    if !leftOut.isEmpty { digest.add(leftOut) }
    return digest.hexadecimal()
  }

  /// The data set of a run that chooses: it trains on what is not held out, and its test is the validation task. The rows of the published
  /// test, and those held out, have no part in its scaling.
  ///
  /// - Throws: `DatasetError` where nothing can be held out.
  package func selecting() throws -> GZSLDataset {
    switch heldOut {
    case .impossible(let reason):
      throw DatasetError(folder: folder, problems: ["--select validation: \(reason)"])
    case .task(let task, let notes): return GZSLDataset(self, testing: task, notes: notes)
    }
  }

  /// The training rows for another list of classes: a seen class of it keeps the rows of its name, and no row tests. Scaled as before.
  ///
  /// - Parameters:
  ///   - descriptors: C×A, of the classes.
  ///   - seen: numbers of those that have rows, ascending.
  package func withClasses(_ names: [String], descriptors: Matrix, seen: [Int], unseen: [Int]) -> GZSLDataset {
    precondition(names.count == descriptors.rowCount)
    return GZSLDataset(self, names: names, descriptors: descriptors, seen: seen, unseen: unseen)
  }

  private init(_ whole: GZSLDataset, names: [String], descriptors: Matrix, seen: [Int], unseen: [Int]) {
    (folder, classEmbeddingFile, features) = (whole.folder, whole.classEmbeddingFile, whole.features)
    (classNames, self.descriptors) = (names, descriptors)
    let numbers = Dictionary(uniqueKeysWithValues: seen.map { (names[$0], $0) })
    let found = whole.labels.map { numbers[whole.classNames[$0]] }
    // Rows of other classes are in no task.
    labels = found.map { $0 ?? 0 }
    test = GZSLTask(
      seenClasses: seen, unseenClasses: unseen, classifierRows: whole.test.classifierRows.filter { found[$0] != nil },
      seenRows: [], unseenRows: [])
    (trainingRows, trainingClasses) = (test.classifierRows, seen)
    heldOut = .impossible("its classes were changed")
    (fingerprint, featureDigest, notes) = (whole.fingerprint, whole.featureDigest, whole.notes)
    contentDigest = Self.digest(
      features: featureDigest, labels, descriptors, trainingRows: trainingRows, published: whole.test, leftOut: [])
  }

  private init(_ whole: GZSLDataset, testing task: GZSLTask, notes: [String]) {
    (folder, classEmbeddingFile) = (whole.folder, whole.classEmbeddingFile)
    (labels, descriptors, classNames) = (whole.labels, whole.descriptors, whole.classNames)
    features = FeatureTable(
      rows: whole.features.rows,
      scaling: FeatureScaling(features: whole.features.rows, rows: task.classifierRows))
    trainingRows = task.classifierRows
    trainingClasses = task.seenClasses
    test = task
    heldOut = .impossible("it is held out already")
    fingerprint = whole.fingerprint
    featureDigest = whole.featureDigest
    contentDigest = Self.digest(
      features: featureDigest, labels, descriptors, trainingRows: trainingRows, published: whole.test,
      leftOut: whole.test.leftOutClasses(of: classNames.count))
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
    heldOut = .impossible("random data")
    featureDigest = "random"
    fingerprint = SplitFingerprint(
      trainval: test.classifierRows, testSeen: test.seenRows, testUnseen: test.unseenRows)
    contentDigest = "random"
    notes = []
  }
}
