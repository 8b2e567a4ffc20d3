import Files
import Matrices

/// Who is trained on and who is tested: one generalized zero-shot task. Rows and classes are numbers from 0.
package struct GZSLTask: Sendable, Equatable {
  package let seenClasses: [Int]
  package let unseenClasses: [Int]
  /// Real rows of the final softmax.
  package let classifierRows: [Int]
  /// Test rows of seen and of unseen classes.
  package let seenRows: [Int]
  package let unseenRows: [Int]

  /// Classes with a descriptor that are neither seen nor unseen, ascending.
  ///
  /// - Parameter classCount: C.
  func leftOutClasses(of classCount: Int) -> [Int] {
    Set(0..<classCount).subtracting(seenClasses).subtracting(unseenClasses).sorted()
  }
}

/// The rows of a data set, checked against its labels.
struct Split {
  let task: GZSLTask
  private(set) var problems: [String] = []
  private(set) var notes: [String] = []

  /// - Parameters:
  ///   - labels: N class numbers from 0.
  ///   - names: of the C classes.
  init(files: DatasetFiles, labels: [Int], names: [String]) {
    var rows: [String: [Int]] = [:]
    for name in ["trainval", "test_seen", "test_unseen"] {
      // Without test rows a model is trained all the same, as long as someone says so.
      guard let given = files.locations[name], !given.isEmpty || name != "trainval" else {
        problems.append("\(name)_loc is missing or empty; it must list rows from 1")
        continue
      }
      let outside = given.filter { $0 >= labels.count }
      if let first = outside.first {
        problems.append(
          "\(name)_loc: \(outside.count) entries, the first \(first + 1), exceed the \(labels.count) rows")
      }
      if Set(given).count != given.count {
        problems.append("\(name)_loc repeats \(given.count - Set(given).count) rows")
      }
      rows[name] = given.filter { $0 < labels.count }
    }
    let (trainval, seen, unseen) = (rows["trainval"] ?? [], rows["test_seen"] ?? [], rows["test_unseen"] ?? [])
    problems += Self.overlaps(trainval: trainval, seen: seen, unseen: unseen)
    if let row = labels.firstIndex(where: { $0 >= names.count }) {
      problems.append("label \(labels[row] + 1) of row \(row + 1) exceeds the \(names.count) classes with a descriptor")
    }
    let seenClasses = Set(trainval.map { labels[$0] })
    let tested = Set(unseen.map { labels[$0] })
    // A class that nobody trains is a candidate in prediction, with or without rows to test it.
    let unseenClasses =
      files.unseenClasses.map { tested.union($0) } ?? Set(names.indices).subtracting(seenClasses).union(tested)
    task = GZSLTask(
      seenClasses: seenClasses.sorted(), unseenClasses: unseenClasses.sorted(), classifierRows: trainval,
      seenRows: seen,
      unseenRows: unseen)
    checkClasses(labels, names)
    if problems.isEmpty { describe(labels, names) }
  }

  private static func overlaps(trainval: [Int], seen: [Int], unseen: [Int]) -> [String] {
    [
      (trainval, seen, "trainval_loc and test_seen_loc"), (trainval, unseen, "trainval_loc and test_unseen_loc"),
      (seen, unseen, "test_seen_loc and test_unseen_loc"),
    ].compactMap { a, b, names in
      let shared = Set(a).intersection(b)
      return shared.min().map { "\(names) share \(shared.count) rows, the first \($0 + 1)" }
    }
  }

  private mutating func checkClasses(_ labels: [Int], _ names: [String]) {
    func list(_ classes: Set<Int>) -> String {
      listText(classes.sorted().map { names.indices.contains($0) ? names[$0] : "\($0 + 1)" })
    }
    let seenClasses = Set(task.seenClasses)
    let both = seenClasses.intersection(task.unseenClasses)
    if !both.isEmpty {
      problems.append("classes \(list(both)) are both trained on and unseen: trainval_loc leaks test classes")
    }
    let strangers = Set(task.seenRows.map { labels[$0] }).subtracting(seenClasses)
    if !strangers.isEmpty {
      problems.append("test_seen_loc has rows of classes \(list(strangers)), which trainval_loc does not train")
    }
    if problems.isEmpty && seenClasses.count < 2 {
      problems.append("trainval_loc covers \(seenClasses.count) class; at least 2 are needed")
    }
    if problems.isEmpty && task.unseenClasses.isEmpty {
      problems.append("every class with a descriptor is trained on; at least one must be unseen")
    }
  }

  /// What a user should know, though nothing is wrong.
  private mutating func describe(_ labels: [Int], _ names: [String]) {
    func list(_ classes: some Collection<Int>) -> String { listText(classes.map { names[$0] }) }
    let untested = Set(task.seenClasses).subtracting(task.seenRows.map { labels[$0] }).sorted()
    if task.seenRows.isEmpty {
      notes.append("no row of a seen class is there for testing: S and H are not measured")
    } else if !untested.isEmpty {
      notes.append("no test row in \(counted(untested.count, "seen class")), left out of the mean S: \(list(untested))")
    }
    let withoutRows = Set(task.unseenClasses).subtracting(task.unseenRows.map { labels[$0] }).sorted()
    if task.unseenRows.isEmpty {
      notes.append("no row of an unseen class is there for testing: U, H and T1 are not measured")
    } else if !withoutRows.isEmpty {
      notes.append(
        "no test row in \(counted(withoutRows.count, "unseen class")), still candidates in prediction, without an "
          + "accuracy: \(list(withoutRows))"
      )
    }
    let idle = task.leftOutClasses(of: names.count)
    if !idle.isEmpty {
      notes.append(
        "neither seen nor unseen, so left out: \(counted(idle.count, "class")) with a descriptor: \(list(idle))")
    }
    let single = Dictionary(task.classifierRows.map { (labels[$0], 1) }, uniquingKeysWith: +).count { $0.value == 1 }
    if single > 0 { notes.append("a single training row in \(counted(single, "seen class"))") }
  }
}

/// "1 class", "3 classes".
private func counted(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "es")" }

/// Counts and a hash of the test protocol: results of different splits are not comparable (versions 1 and 2 of the
/// proposed split differ by about two points of H), so every result names its split.
package struct SplitFingerprint: Sendable, Codable, Equatable {
  package let trainval: Int
  package let testSeen: Int
  package let testUnseen: Int
  /// SHA-256 over the sorted rows of the three lists.
  package let sha256: String
  /// Which published split it is, or "unknown".
  package let name: String

  package init(trainval: [Int], testSeen: [Int], testUnseen: [Int]) {
    var digest = Digest()
    for rows in [trainval, testSeen, testUnseen] { digest.add([rows.count] + rows.sorted()) }
    self.trainval = trainval.count
    self.testSeen = testSeen.count
    self.testUnseen = testUnseen.count
    let hash = digest.hexadecimal()
    sha256 = hash
    name = Self.published[String(hash.prefix(16))] ?? "unknown"
  }

  /// First half of the hash of the five published splits, version 1 (Xian et al., TPAMI 2019).
  private static let published: [String: String] = [
    "2d5ff8c80a2d01c1": "AWA1, proposed split version 1",
    "d66ad480ab1ef2d0": "AWA2, proposed split version 1",
    "0d64586fe1d0fac8": "CUB, proposed split version 1",
    "0aad40faed5144b2": "FLO, proposed split version 1",
    "68b2b32819ff7d61": "SUN, proposed split version 1",
  ]
}
