// What `cegzsl inspect` prints. N rows, X features, A descriptor size, C classes.
import Files
import Foundation
import Kernels
import Matrices

/// Counts, overlaps, fingerprint, and everything that is wrong with a data folder.
package struct DatasetReport: Sendable {
  package let lines: [String]
  package let problems: [String]

  package init(folder: String, options: DataOptions) {
    let check = DatasetCheck(DatasetFiles(folder: folder, options: options), options: options)
    let files = check.files
    var problems = check.problems
    // Every command but this one trusts what was written with the features.
    if let digest = files.featureDigest, let features = files.features, digest != DatasetFiles.digest(of: features) {
      problems.append(
        "\(PreparedFolder.featureFile) is not what was prepared: its digest is another one; run cegzsl prepare again")
    }
    var (lines, notes) = (["data set \(folder)"], check.notes)
    if let features = files.features { lines += Self.describe(features) }
    if let descriptors = files.descriptors {
      lines.append(
        "descriptors: \(descriptors.rowCount) classes × \(descriptors.columnCount) from \(files.descriptorFile), "
          + (Self.isNormalised(descriptors) ? "unit length" : "not of unit length") + ", "
          + (files.descriptorNames == nil ? "without class names" : "with class names"))
    }
    for name in DatasetFiles.locationNames {
      lines.append("\(name)_loc: \(files.locations[name].map { "\($0.count) rows" } ?? "absent")")
    }
    lines += Self.overlaps(files.locations)
    if let trainval = files.locations["trainval"], let seen = files.locations["test_seen"],
      let unseen = files.locations["test_unseen"]
    {
      let fingerprint = SplitFingerprint(trainval: trainval, testSeen: seen, testUnseen: unseen)
      lines.append("split: \(fingerprint.name), SHA-256 \(fingerprint.sha256)")
    }
    if let task = check.split?.task {
      lines.append("classes: \(task.seenClasses.count) seen, \(task.unseenClasses.count) unseen")
    }
    if let problem = check.validationProblem {
      lines.append("with --select validation: not possible: \(problem)")
    } else if let validation = check.validation {
      notes += validation.notes
      lines.append(
        "with --select validation: \(validation.trainingRows.count) training rows of "
          + "\(validation.trainingClasses.count) classes; validation \(validation.task.seenRows.count) seen rows, "
          + "\(validation.task.unseenRows.count) rows of \(validation.task.unseenClasses.count) held-out classes")
    }
    if problems.isEmpty, let dataset = try? GZSLDataset(check) {
      lines.append("content: SHA-256 \(dataset.contentDigest)")
    }
    lines += notes.map { "note: \($0)" }
    lines += problems.map { "PROBLEM: \($0)" }
    lines.append(problems.isEmpty ? "nothing is wrong" : "\(problems.count) problem(s)")
    self.lines = lines
    self.problems = problems
  }

  private static func describe(_ features: Matrix) -> [String] {
    guard features.rowCount > 0, features.columnCount > 0 else { return ["features: none"] }
    let (low, high) = columnRange(of: features, rows: Array(0..<features.rowCount))
    let (least, most) = (low.elements.min() ?? 0, high.elements.max() ?? 0)
    let constant = zip(low.elements, high.elements).count { $0 == $1 }
    return [
      "features: \(features.rowCount) images × \(features.columnCount), from \(least) to \(most)"
        + (least < 0 ? " (signed)" : "") + (constant > 0 ? ", \(constant) constant dimensions" : "")
    ]
  }

  private static func isNormalised(_ descriptors: Matrix) -> Bool {
    (0..<descriptors.rowCount).allSatisfy { c in
      let norm = descriptors.rows(c..<c + 1).elements.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      return abs(norm - 1) < 1e-3
    }
  }

  /// Rows that two lists share, for every pair that shares any. Only train and val inside trainval are as they should be.
  private static func overlaps(_ locations: [String: [Int]]) -> [String] {
    var result: [String] = []
    let names = DatasetFiles.locationNames.filter { locations[$0] != nil }
    for (i, a) in names.enumerated() {
      for b in names[(i + 1)...] {
        let shared = Set(locations[a] ?? []).intersection(locations[b] ?? []).count
        guard shared > 0 else { continue }
        let isLeak = b.hasPrefix("test")
        result.append("overlap \(a)_loc ∩ \(b)_loc: \(shared) rows\(isLeak ? "  (test images)" : "")")
      }
    }
    return result
  }
}
