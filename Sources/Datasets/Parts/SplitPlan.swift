import Matrices

/// Which classes and rows are drawn where nobody names them.
package struct SplitDraws: Sendable, Equatable {
  /// Share of the classes that become unseen; nil: they must be named.
  package var unseenFraction: Double?
  /// Share of each seen class's rows that is kept for testing; nil: the rows are named, or there are none.
  package var testFraction: Double?
  /// The same where nobody names any.
  package var testFractionWithoutRows: Double?
  package var seed: UInt64 = 1

  package init() {}
}

/// From what people say of a split to the lists of the xlsa17 layout. Rows and classes are numbers from 0.
struct SplitPlan {
  /// By the names of the layout without `_loc`.
  private(set) var locations: [String: [Int]] = [:]
  /// Classes that were named; nil where all are unseen that no row trains.
  let unseen: [Int]?
  private(set) var notes: [String] = []

  private let labels: [Int]
  private let classCount: Int
  private let draws: SplitDraws

  /// - Parameters:
  ///   - given: rows by `ArrayRole.rowNames`.
  ///   - named: unseen classes.
  ///   - name: of a class, for notes.
  /// - Throws: `DataProblem` where too little is said, or something twice.
  init(
    labels: [Int], classCount: Int, given: [String: [Int]], named: [Int]?, draws: SplitDraws, name: (Int) -> String
  ) throws {
    (self.labels, self.classCount, self.draws) = (labels, classCount, draws)
    for (list, rows) in given {
      guard let outside = rows.first(where: { !labels.indices.contains($0) }) else { continue }
      throw DataProblem("row \(outside + 1) of '\(list)' does not exist: there are \(labels.count) rows")
    }
    var training = given["trainval"]
    if training != nil {
      for list in ["train", "val"] { locations[list] = given[list] }
    } else if let train = given["train"] {
      training = (train + (given["val"] ?? [])).sorted()
      if let val = given["val"] { (locations["train"], locations["val"]) = (train, val) }
    }
    unseen = named.map { Set($0).sorted() }
    let unseen = try unseenClasses(given, training: training, name: name)
    let test = given["test"] ?? []
    locations["test_unseen"] = given["test_unseen"] ?? unseenRows(unseen, test: test, training: training)
    var seenTest = given["test_seen"] ?? test.filter { !unseen.contains(labels[$0]) }
    if let fraction = draws.testFraction ?? (seenTest.isEmpty ? draws.testFractionWithoutRows : nil), fraction > 0 {
      guard seenTest.isEmpty else {
        throw DataProblem(
          "--test-fraction: \(seenTest.count) test rows of seen classes are given already; leave one of both out")
      }
      seenTest = drawTest(fraction, among: training ?? rest([], unseen))
      training = training.map { rows in rows.filter { !Set(seenTest).contains($0) } }
      notes.append("\(seenTest.count) rows of seen classes were drawn for testing, seed \(draws.seed)")
      for list in ["train", "val"] { locations[list] = locations[list]?.filter { !Set(seenTest).contains($0) } }
    }
    locations["test_seen"] = seenTest
    locations["trainval"] = training ?? rest(seenTest + (locations["test_unseen"] ?? []), unseen)
  }

  /// All rows but these and those of unseen classes.
  private func rest(_ others: [Int], _ unseen: Set<Int>) -> [Int] {
    let others = Set(others)
    return labels.indices.filter { !others.contains($0) && !unseen.contains(labels[$0]) }
  }

  /// Classes whose rows do not train.
  private mutating func unseenClasses(
    _ given: [String: [Int]], training: [Int]?, name: (Int) -> String
  ) throws -> Set<Int> {
    if draws.unseenFraction != nil,
      unseen != nil || given["test_unseen"] != nil || training != nil || given["test"] != nil
    {
      throw DataProblem("--unseen-fraction: the split says already which classes are unseen; leave one of both out")
    }
    if let unseen { return Set(unseen) }
    if let rows = given["test_unseen"] { return Set(rows.map { labels[$0] }) }
    if let fraction = draws.unseenFraction { return try drawUnseen(fraction, name: name) }
    let training = training ?? given["test"].map { rest($0, []) }
    guard let training else {
      throw DataProblem(
        "nothing says which classes are unseen: name them (an array 'unseen', --unseen NAME,…), or have them drawn "
          + "with cegzsl assemble --unseen-fraction 0.2 --test-fraction 0.2")
    }
    return Set(0..<classCount).subtracting(training.map { labels[$0] })
  }

  /// Test rows of unseen classes: those among `test`, or else all that do not train.
  private func unseenRows(_ unseen: Set<Int>, test: [Int], training: [Int]?) -> [Int] {
    let listed = test.filter { unseen.contains(labels[$0]) }
    let training = Set(training ?? [])
    return listed.isEmpty ? labels.indices.filter { unseen.contains(labels[$0]) && !training.contains($0) } : listed
  }

  private mutating func drawUnseen(_ fraction: Double, name: (Int) -> String) throws -> Set<Int> {
    let present = Set(labels).sorted()
    guard present.count >= 3 else {
      throw DataProblem("\(present.count) classes have rows; at least 3 are needed to make some of them unseen")
    }
    let count = min(present.count - 2, max(1, Int((fraction * Double(present.count)).rounded())))
    let drawn = RandomSource(seed: draws.seed).sample(count, below: present.count, .assembledSplit, step: 0)
    let classes = drawn.map { present[$0] }.sorted()
    notes.append("unseen classes were drawn, seed \(draws.seed): \(classes.map(name).joined(separator: ", "))")
    return Set(classes)
  }

  /// The share of every class's rows; none of a class with a single row, and never all.
  private func drawTest(_ fraction: Double, among rows: [Int]) -> [Int] {
    let source = RandomSource(seed: draws.seed)
    return Dictionary(grouping: rows) { labels[$0] }.flatMap { label, rows in
      let count = min(rows.count - 1, max(1, Int((fraction * Double(rows.count)).rounded())))
      return source.sample(count, below: rows.count, .assembledSplit, step: 1 + label).map { rows[$0] }
    }.sorted()
  }

  /// Rows by the words of a column: train, val, trainval, test, test_seen, test_unseen; an empty cell is a row of no
  /// list.
  ///
  /// - Throws: `DataProblem` for other words.
  static func lists(ofColumn words: [String], place: String) throws -> [String: [Int]] {
    var lists: [String: [Int]] = [:]
    for (row, word) in words.enumerated() where !word.isEmpty {
      let key = word.lowercased().replacingOccurrences(of: "-", with: "_").replacingOccurrences(of: " ", with: "_")
      guard let list = meanings[key] else {
        throw DataProblem(
          "\(place): row \(row + 1) is \"\(word.prefix(40))\"; words of a split are train, val, trainval, test, "
            + "test_seen, test_unseen"
        )
      }
      lists[list, default: []].append(row)
    }
    return lists
  }

  private static let meanings: [String: String] = [
    "train": "train", "training": "train", "tr": "train", "val": "val", "valid": "val", "validation": "val",
    "dev": "val",
    "trainval": "trainval", "train_val": "trainval", "test": "test", "testing": "test", "te": "test",
    "test_seen": "test_seen",
    "seen_test": "test_seen", "test_unseen": "test_unseen", "unseen_test": "test_unseen", "unseen": "test_unseen",
  ]
}
