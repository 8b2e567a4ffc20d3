import Matrices

/// Options that cannot be read. Not shared: a rank may have been started with others.
package enum ConfigurationError: ReportableError, Equatable {
  case unknownName(name: String, place: String, nearest: String?)
  case badValue(name: String, value: String, expected: String, place: String)
  case unknownPreset(name: String, known: [String])
  /// A configuration file that cannot be read as one; the line counts from 1.
  case badFile(path: String, line: Int?, problem: String)
  case strayWord(String)
  /// An option of a run that a command has no use for.
  case unusedName(name: String, command: String)
  case missingValue(name: String, expected: String)
  /// A head whose constants have to be chosen, and nothing that chooses them.
  case headNeedsSelection(String)

  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    switch self {
    case .unknownName(let name, let place, let nearest):
      "\(place): there is no option '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? ".")
    case .badValue(let name, let value, let expected, let place):
      "\(place): \(name) is '\(value)', but must be \(expected)."
    case .badFile(let path, let line, let problem):
      "\(path)\(line.map { ", line \($0)" } ?? ""): \(problem)."
    case .strayWord(let word):
      "command line: '\(word)' belongs to no option; options have two dashes and a value behind a blank or '='."
    case .unusedName(let name, let command):
      "command line: '\(command)' does not take \(name), which is an option of training; leave it out."
    case .missingValue(let name, let expected):
      "command line: \(name) needs a value: \(expected)."
    case .headNeedsSelection(let head):
      "--head \(head) is a weighted sum whose weights validation has to choose: train with --select validation as well, or take another head."
    case .unknownPreset(let name, let known):
      "There is no preset '\(name)'. Known: \(known.joined(separator: ", ")); see 'cegzsl presets'."
    }
  }
}

/// A batch that these data, or these ranks, cannot have: all ranks know it once they agree on both.
package enum BatchError: SharedFailure, Equatable {
  case batchLargerThanData(batchSize: Int, rows: Int)
  case moreRanksThanLeaves(ranks: Int, leaves: Int, leafRows: Int, batchSize: Int)

  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    switch self {
    case .batchLargerThanData(let batchSize, let rows):
      "--batch-size \(batchSize) is larger than the \(rows) training rows, and a batch draws without replacement. "
        + "Choose a batch size of at most \(rows)."
    case .moreRanksThanLeaves(let ranks, let leaves, let leafRows, let batchSize):
      "\(ranks) ranks cannot share a batch of \(batchSize) rows in \(leaves) leaves of \(leafRows) rows, as a rank computes whole "
        + "leaves. " + Self.cure(ranks: ranks, batchSize: batchSize)
    }
  }

  /// How so many ranks come by as many leaves.
  private static func cure(ranks: Int, batchSize: Int) -> String {
    var smallest = batchSize
    while BatchTree(rowCount: smallest).leafCount < ranks { smallest += 1 }
    let largerBatch = "--batch-size \(smallest) or more"
    guard ranks <= batchSize else { return "Use \(largerBatch), or at most \(batchSize) ranks." }
    let rows = (1...batchSize).last { (batchSize + $0 - 1) / $0 >= ranks } ?? 1
    return "Use --leaf-rows \(rows) or less (another order of sums: other last digits), \(largerBatch), or fewer ranks."
  }
}

/// The known name with the smallest edit distance, if that is small.
package func nearest(_ name: String, among known: [String]) -> String? {
  func distance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for i in a.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let change = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(change, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
  let ranked = known.map { ($0, distance(Array(name), Array($0))) }.min { $0.1 < $1.1 }
  return ranked.flatMap { $0.1 <= max(2, name.count / 3) ? $0.0 : nil }
}
