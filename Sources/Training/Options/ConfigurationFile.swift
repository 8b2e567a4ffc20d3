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
    guard let node = try YAMLFile.compose(text, path: path) else { return [] }
    guard let mapping = node.mapping else {
      throw bad(
        node.mark?.line,
        "\(YAMLFile.shown(node.mark?.line ?? 1, of: YAMLFile.lines(text))) is no option; options are 'name: value', one on a line"
      )
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
