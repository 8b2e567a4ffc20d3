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
}

/// The published rows of a data set, checked against its labels.
struct Split {
  let task: GZSLTask
  let problems: [String]
  let notes: [String]

  init(locations: [String: [Int]], labels: [Int], classCount: Int) {
    var problems: [String] = []
    var notes: [String] = []
    var rows: [String: [Int]] = [:]
    for name in ["trainval", "test_seen", "test_unseen"] {
      guard let given = locations[name], !given.isEmpty else {
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
    for (a, b, names) in [
      (trainval, seen, "trainval_loc and test_seen_loc"), (trainval, unseen, "trainval_loc and test_unseen_loc"),
      (seen, unseen, "test_seen_loc and test_unseen_loc"),
    ] {
      let shared = Set(a).intersection(b)
      if let first = shared.min() { problems.append("\(names) share \(shared.count) rows, the first \(first + 1)") }
    }
    for (row, label) in labels.enumerated() where label >= classCount {
      problems.append("label \(label + 1) of row \(row + 1) exceeds the \(classCount) classes with a descriptor")
      break
    }
    let seenClasses = Set(trainval.map { labels[$0] })
    let unseenClasses = Set(unseen.map { labels[$0] })
    let both = seenClasses.intersection(unseenClasses).sorted()
    if !both.isEmpty {
      problems.append(
        "classes \(both.prefix(5).map { "\($0 + 1)" }.joined(separator: ", ")) are both trained on and unseen: "
          + "trainval_loc leaks test classes")
    }
    let strangers = Set(seen.map { labels[$0] }).subtracting(seenClasses).sorted()
    if !strangers.isEmpty {
      problems.append(
        "test_seen_loc has rows of classes \(strangers.prefix(5).map { "\($0 + 1)" }.joined(separator: ", ")), which "
          + "trainval_loc does not train")
    }
    if problems.isEmpty && seenClasses.count < 2 {
      problems.append("trainval_loc covers \(seenClasses.count) class; at least 2 are needed")
    }
    let untested = seenClasses.subtracting(seen.map { labels[$0] }).count
    if untested > 0 { notes.append("\(untested) seen classes have no test row; they are left out of the mean S") }
    let counts = Dictionary(trainval.map { (labels[$0], 1) }, uniquingKeysWith: +)
    let single = counts.filter { $0.value == 1 }.count
    if single > 0 { notes.append("\(single) seen classes have a single training row") }
    task = GZSLTask(
      seenClasses: seenClasses.sorted(), unseenClasses: unseenClasses.sorted(), classifierRows: trainval,
      seenRows: seen, unseenRows: unseen)
    self.problems = problems
    self.notes = notes
  }
}

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
