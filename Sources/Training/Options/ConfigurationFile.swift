import Foundation
import Yams

/// A configuration as a flat YAML mapping, 'name: value' per line.
package enum ConfigurationFile {
  /// Names and values in their order.
  ///
  /// - Throws: `ConfigurationError.badFile` with the line of what is no YAML, is given twice, or has more than one value.
  package static func parse(_ text: String, path: String) throws -> [(name: String, value: String)] {
    func bad(_ line: Int?, _ problem: String) -> ConfigurationError {
      .badFile(path: path, line: line, problem: problem)
    }
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    func shown(_ line: Int) -> String {
      lines.indices.contains(line - 1)
        ? "'\(lines[line - 1].trimmingCharacters(in: .whitespaces).prefix(60))'" : "its end"
    }
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch let error as YamlError {
      switch error {
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        // What is missing at the end of the text is missed on its last line.
        var line = min(mark.line, lines.count)
        while line > 1 && lines[line - 1].allSatisfy(\.isWhitespace) { line -= 1 }
        throw bad(line, "\(shown(line)) is no YAML (\(problem)); options are 'name: value', one on a line")
      case .duplicatedKeysInMapping(let keys, _):
        let name = keys.first ?? "a name"
        let places = lines.indices.filter { lines[$0].prefix { $0 != ":" } == name }.map { $0 + 1 }
        throw bad(
          places.last, "'\(name)' is given twice" + (places.first.map { ", first on line \($0)" } ?? "") + "; keep one")
      default: throw bad(nil, "it is no YAML (\(error))")
      }
    }
    guard let node else { return [] }
    guard let mapping = node.mapping else {
      throw bad(
        node.mark?.line, "\(shown(node.mark?.line ?? 1)) is no option; options are 'name: value', one on a line")
    }
    return try mapping.map { key, value in
      guard let name = key.string else { throw bad(key.mark?.line, "a name must be a text") }
      guard let scalar = value.scalar else {
        throw bad(value.mark?.line, "'\(name)' is a list or mapping, but must be one value")
      }
      return (name, scalar.string)
    }
  }

  /// The resolved configuration as `config.yaml` holds it; reading it back gives the same configuration.
  package static func text(_ configuration: Configuration) throws -> String {
    try text(configuration.resolved)
  }

  package static func text(_ values: [(name: String, value: String)]) throws -> String {
    let pairs = values.map { (Node($0.name), Node($0.value)) }
    return try Yams.serialize(node: Node.mapping(Node.Mapping(pairs)))
  }
}
