import Files
import Foundation
import Matrices

/// An array of a file, as a user names it: `FILE`, or `FILE:NAME` where the file has several.
package struct ArrayReference: Sendable, Equatable, CustomStringConvertible {
  package let path: String
  package let name: String?

  package init(path: String, name: String? = nil) {
    self.path = path
    self.name = name
  }

  /// What stands behind the last colon is a name, unless a file is called so.
  package init(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), !FileManager.default.fileExists(atPath: text) else {
      self.init(path: text)
      return
    }
    self.init(path: String(text[..<colon]), name: String(text[text.index(after: colon)...]))
  }

  package var description: String { name.map { "\(path):\($0)" } ?? path }
}

/// A part of a data set that cannot be used.
struct DataProblem: ReportableError, Equatable {
  let description: String
  var exitStatus: ExitStatus { .badData }
  init(_ description: String) { self.description = description }
}

/// What an array can be for a data set, and the names under which people keep it.
enum ArrayRole: Equatable {
  case features
  case labels
  case descriptors
  case classNames
  /// Classes without training rows.
  case unseen
  /// A text for each row: train, test, …
  case split
  /// Rows by what they are for: `trainval`, `train`, `val`, `test_seen`, `test_unseen`, `test`.
  case rows(String)

  var names: [String] {
    switch self {
    case .features: ["features", "x", "feature", "feats", "embeddings"]
    case .labels: ["labels", "label", "y", "targets", "target", "class", "category"]
    case .descriptors:
      [
        "descriptors", "att", "attributes", "attribute", "descriptor", "class_embeddings", "class_attributes",
        "semantics",
      ]
    case .classNames: ["classes", "class_names", "classnames", "allclasses_names", "names", "class", "name"]
    case .unseen: ["unseen", "unseen_classes", "unseenclasses", "testclasses", "test_classes"]
    case .split: ["split", "set", "subset"]
    case .rows(let name): [name]
    }
  }

  /// Whether an array of this name plays the role. Row lists may say what they are made of: `test_loc`, `test_idx`,
  /// `test_mask`.
  func fits(_ name: String) -> Int? {
    var key = name.split(whereSeparator: { $0 == "/" || $0 == "." }).last.map { $0.lowercased() } ?? ""
    if case .rows = self {
      for ending in ["_loc", "_idx", "_index", "_indices", "_rows", "_mask"] where key.hasSuffix(ending) {
        key.removeLast(ending.count)
        break
      }
    }
    return names.firstIndex(of: key)
  }

  static let rowNames = ["trainval", "train", "val", "test_seen", "test_unseen", "test"]
}

extension ArrayFile {
  /// - Throws: as `init(path:)`.
  convenience init(_ reference: ArrayReference) throws {
    try self.init(path: reference.path, headings: Set([reference.name].compactMap { $0 }))
  }

  /// An array by its exact name: at the top, or in the one structure (group) that has it.
  ///
  /// - Returns: its path in the file, and the structure that it was found in.
  /// - Throws: `DataProblem` where several structures have it.
  func locate(_ name: String) throws -> (path: String, structure: String?)? {
    if contains(name) { return (name, nil) }
    let found = arrays.map(\.name).filter { $0.hasSuffix(".\(name)") || $0.hasSuffix("/\(name)") }
    guard found.count <= 1 else {
      throw DataProblem(
        "\(path): '\(name)' stands in several structures: \(found.prefix(5).joined(separator: ", ")); keep one of them")
    }
    return found.first.map { ($0, String($0.dropLast(name.count + 1))) }
  }

  /// The array that plays a role by its name; the first name of the role's list wins, then the least deep.
  func locate(_ role: ArrayRole) -> Description? {
    let candidates = arrays.compactMap { array in role.fits(array.name).map { (rank: $0, array: array) } }
    func depth(_ name: String) -> Int { name.count { $0 == "/" || $0 == "." } }
    return candidates.min { ($0.rank, depth($0.array.name)) < ($1.rank, depth($1.array.name)) }?.array
  }
}

/// "8×12".
func sizesText(_ sizes: [Int]) -> String {
  sizes.isEmpty ? "a single value" : sizes.map(String.init).joined(separator: "×")
}

/// At most five of them.
func listText<Item>(_ items: some Collection<Item>) -> String {
  items.prefix(5).map { "\($0)" }.joined(separator: ", ") + (items.count > 5 ? ", …" : "")
}
