import Matrices

/// Training rows with validation rows and classes kept aside. In every published split `train_loc` and `val_loc` contain
/// test_seen images, so they are intersected with `trainval_loc`; where they are missing (proposed split version 2), or
/// do not separate the classes, classes are held out by seed.
struct ValidationSplit {
  let trainingRows: [Int]
  let trainingClasses: [Int]
  let task: GZSLTask
  let notes: [String]
  /// Why the model cannot be trained and chosen so; nil where it can.
  let problem: String?

  /// One row in this many of each training class is kept for the seen half of validation, and one class in this many is
  /// unseen when the files name none.
  private static let share = 5

  init(locations: [String: [Int]], test: GZSLTask, labels: [Int], source: RandomSource) {
    var notes: [String] = []
    let trainval = Set(test.classifierRows)
    var unseen: Set<Int> = []
    if let train = locations["train"], let val = locations["val"] {
      for (name, rows) in [("train_loc", train), ("val_loc", val)] {
        let outside = rows.count { !trainval.contains($0) }
        if outside > 0 {
          notes.append("\(name) contains \(outside) rows that are not in trainval_loc; they are left out of validation")
        }
      }
      let trainClasses = Set(train.filter(trainval.contains).map { labels[$0] })
      let valClasses = Set(val.filter(trainval.contains).map { labels[$0] })
      if trainClasses.isDisjoint(with: valClasses) && !valClasses.isEmpty && trainClasses.count >= 2 {
        unseen = valClasses
      } else {
        notes.append("train_loc and val_loc do not separate the seen classes")
      }
    } else {
      notes.append("train_loc and val_loc are missing")
    }
    if unseen.isEmpty {
      let count = max(1, (test.seenClasses.count + Self.share / 2) / Self.share)
      let chosen = source.sample(count, below: test.seenClasses.count, .split, step: 0)
      unseen = Set(chosen.map { test.seenClasses[$0] })
      notes.append("validation: \(count) of \(test.seenClasses.count) seen classes were held out by seed")
    }
    let trainingClasses = test.seenClasses.filter { !unseen.contains($0) }
    var held: Set<Int> = []
    for (position, label) in trainingClasses.enumerated() {
      let rows = test.classifierRows.filter { labels[$0] == label }
      guard rows.count >= 2 else { continue }
      let count = max(1, rows.count / Self.share)
      held.formUnion(source.sample(count, below: rows.count, .split, step: 1 + position).map { rows[$0] })
    }
    let kept = test.classifierRows.filter { !unseen.contains(labels[$0]) && !held.contains($0) }
    trainingRows = kept
    self.trainingClasses = trainingClasses
    task = GZSLTask(
      seenClasses: trainingClasses, unseenClasses: unseen.sorted(), classifierRows: kept,
      seenRows: test.classifierRows.filter(held.contains),
      unseenRows: test.classifierRows.filter { unseen.contains(labels[$0]) })
    self.notes = notes
    if trainingClasses.count < 2 {
      problem =
        "\(test.seenClasses.count) seen classes are too few to hold some out for validation; at least 3 are needed"
    } else if held.isEmpty {
      let all = Set(trainval.map { labels[$0] }).count == trainval.count
      problem =
        (all ? "no seen class has a second training row" : "no seen class but those held out has a second training row")
        + ", so no row can be kept for validation; train with --select last"
    } else {
      problem = nil
    }
  }
}
