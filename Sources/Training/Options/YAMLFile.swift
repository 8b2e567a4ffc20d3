import Files
import Foundation
import Yams

/// A YAML file of mappings, lists and single values, in its order. Single values are texts, as they stand there.
package enum YAMLFile {
  /// References (`*name`) of a file: few lines of references to references stand for more values than any memory holds.
  static let mostReferences = 16
  /// Values of a file, those that references stand for too.
  static let mostValues = 100_000
  /// Mappings and lists inside each other.
  static let mostLevels = 32

  /// - Throws: `ConfigurationError.badFile` with the line of what is no YAML, is given twice, or refers to too much.
  package static func value(path: String) throws -> JSONValue {
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw ConfigurationError.badFile(path: path, line: nil, problem: "it cannot be read")
    }
    return try value(String(decoding: bytes, as: UTF8.self), path: path)
  }

  /// - Parameter path: for messages.
  /// - Throws: as `value(path:)`.
  package static func value(_ text: String, path: String) throws -> JSONValue {
    guard let node = try compose(text, path: path) else { return [:] }
    var left = mostValues
    return try value(node, path: path, level: 0, left: &left)
  }

  private static func value(_ node: Node, path: String, level: Int, left: inout Int) throws -> JSONValue {
    func bad(_ node: Node, _ problem: String) -> ConfigurationError {
      .badFile(path: path, line: node.mark?.line, problem: problem)
    }
    left -= 1
    guard left >= 0 else { throw bad(node, "it has more than \(mostValues) values") }
    guard level < mostLevels else { throw bad(node, "lists and mappings are more than \(mostLevels) deep") }
    switch node {
    case .scalar(let scalar): return .string(scalar.string)
    case .sequence(let sequence):
      return .array(try sequence.map { try value($0, path: path, level: level + 1, left: &left) })
    case .mapping(let mapping):
      return .object(
        try mapping.map { key, member in
          guard let name = key.scalar?.string else { throw bad(key, "a name must be a text") }
          return JSONMember(name, try value(member, path: path, level: level + 1, left: &left))
        })
    case .alias: throw bad(node, "a reference leads nowhere")
    }
  }

  /// The text's tree; nil for none.
  ///
  /// - Throws: `ConfigurationError.badFile`.
  static func compose(_ text: String, path: String) throws -> Node? {
    // Notepad puts a byte order mark in front.
    let scalars = text.unicodeScalars
    let text = scalars.first == "\u{FEFF}" ? String(scalars.dropFirst()) : text
    func bad(_ line: Int?, _ problem: String) -> ConfigurationError {
      .badFile(path: path, line: line, problem: problem)
    }
    guard references(text) <= mostReferences else {
      throw bad(nil, "it has more than \(mostReferences) references (*name): write out what they stand for")
    }
    do { return try Yams.compose(yaml: text) } catch let error as YamlError {
      switch error {
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        // What is missing at the end of the text is missed on its last line.
        let lines = lines(text)
        var line = min(mark.line, lines.count)
        while line > 1 && lines[line - 1].allSatisfy(\.isWhitespace) { line -= 1 }
        throw bad(line, "\(shown(line, of: lines)) is no YAML (\(problem)); values are 'name: value', one on a line")
      case .duplicatedKeysInMapping(let keys, _):
        let name = keys.first ?? "a name"
        let lines = lines(text)
        let places = lines.indices.filter { lines[$0].prefix { $0 != ":" } == name }.map { $0 + 1 }
        throw bad(
          places.last, "'\(name)' is given twice" + (places.first.map { ", first on line \($0)" } ?? "") + "; keep one")
      default: throw bad(nil, "it is no YAML (\(error))")
      }
    }
  }

  static func lines(_ text: String) -> [Substring] {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
  }

  /// - Parameter line: from 1.
  static func shown(_ line: Int, of lines: [Substring]) -> String {
    lines.indices.contains(line - 1)
      ? "'\(lines[line - 1].trimmingCharacters(in: .whitespaces).prefix(60))'" : "its end"
  }

  /// At least as many as there are: a text may hold what looks like one. None without an anchor (`&name`) for them, and none in lines of comment.
  private static func references(_ text: String) -> Int {
    var counts = [UInt8(ascii: "*"): 0, UInt8(ascii: "&"): 0]
    for line in lines(text) where line.first(where: { $0 != " " && $0 != "\t" }) != "#" {
      let bytes = Array(line.utf8)
      for (place, byte) in bytes.enumerated() where counts[byte] != nil {
        let isStart = place == 0 || " \t[]{},:?-\"'".utf8.contains(bytes[place - 1])
        let hasName = place + 1 < bytes.count && !" \t,[]{}".utf8.contains(bytes[place + 1])
        if isStart && hasName { counts[byte, default: 0] += 1 }
      }
    }
    return counts[UInt8(ascii: "&")] == 0 ? 0 : counts[UInt8(ascii: "*")] ?? 0
  }
}
