// The parts of a data set held against one another. N rows, X features, A descriptor size, C classes.
import Kernels
import Matrices

/// What training, `inspect` and conversions need of a data set's files: tasks, or everything that is wrong.
struct DatasetCheck {
  let files: DatasetFiles
  private(set) var problems: [String]
  private(set) var notes: [String]
  /// nil where labels or descriptors could not be read.
  private(set) var join: ClassJoin?
  private(set) var split: Split?
  private(set) var validation: ValidationSplit?
  /// Why rows and classes cannot be held out for `--select validation`.
  private(set) var validationProblem: String?
  /// Of the published training rows.
  private(set) var scaling: FeatureScaling?

  init(_ files: DatasetFiles, options: DataOptions) {
    self.files = files
    (problems, notes) = (files.problems, files.notes)
    guard let labels = files.labels, let descriptors = files.descriptors else { return }
    let join = ClassJoin(
      descriptors: descriptors, descriptorNames: files.descriptorNames, labelNames: files.labelNames,
      file: files.descriptorFile)
    self.join = join
    problems += join.problems
    notes += join.notes
    // Without lists, for a reason that is told already, nothing more can be said.
    guard !files.locations.isEmpty || files.problems.isEmpty else { return }
    let split = Split(files: files, labels: labels, names: join.names)
    self.split = split
    problems += split.problems
    notes += split.notes
    guard split.problems.isEmpty else { return }
    checkDescriptors(join, split.task)
    checkFeatures(split.task)
    guard split.task.seenClasses.count >= 2 else { return }
    let held = ValidationSplit(
      locations: files.locations, test: split.task, labels: labels, source: RandomSource(seed: options.splitSeed))
    validation = held
    validationProblem = held.problem
  }

  /// Features that say nothing of a row: every training row the same.
  private mutating func checkFeatures(_ task: GZSLTask) {
    guard let features = files.features, features.columnCount > 0, files.problems.isEmpty else { return }
    let scaling = files.trainvalScaling ?? FeatureScaling(features: features, rows: task.classifierRows)
    self.scaling = scaling
    if let column = scaling.range.elements.firstIndex(where: { !$0.isFinite }) {
      problems.append(
        "the features of dimension \(column + 1) run from \(scaling.minimum[0, column]) over a range that float32 cannot hold; repair or "
          + "remove it")
      return
    }
    guard scaling.isFlat else { return }
    let value = scaling.minimum.elements.allSatisfy { $0 == 0 } ? "all zero" : "the same in every training row"
    problems.append(
      "the features are \(value): nothing can be learned from them. Were they stored before they were computed?")
  }

  /// Classes that no method can tell apart, because their descriptors are equal.
  private mutating func checkDescriptors(_ join: ClassJoin, _ task: GZSLTask) {
    let descriptors = join.descriptors
    let groups = Dictionary(grouping: 0..<descriptors.rowCount) { descriptors.rows($0..<$0 + 1).elements }.values
      .filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    if let first = groups.first, first.count == descriptors.rowCount {
      problems.append("all \(first.count) descriptors are equal: nothing tells the classes apart")
      return
    }
    let unseen = Set(task.unseenClasses)
    for group in groups.prefix(5) {
      let named = group.prefix(5).map { "\(join.names[$0]) (\(unseen.contains($0) ? "unseen" : "seen"))" }
      notes.append("the same descriptor: \(listText(named)); no method can tell these classes apart")
    }
    if groups.count > 5 { notes.append("… and \(groups.count - 5) more groups of classes with the same descriptor") }
  }
}
