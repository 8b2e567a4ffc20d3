import Files
import Foundation
import Training
import Yams

/// A YAML file of mappings, lists and single values, in its order. Single values are texts, as they stand there.
enum YAMLFile {
  /// - Throws: `ConfigurationError.badFile` with the line of what is no YAML, or is given twice.
  static func value(_ path: String) throws -> JSONValue {
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw ConfigurationError.badFile(path: path, line: nil, problem: "it cannot be read")
    }
    do {
      guard let node = try Yams.compose(yaml: String(decoding: bytes, as: UTF8.self)) else { return [:] }
      return try value(node, path: path)
    } catch let error as YamlError {
      switch error {
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        throw ConfigurationError.badFile(path: path, line: mark.line, problem: "it is no YAML there (\(problem))")
      case .duplicatedKeysInMapping(let keys, _):
        throw ConfigurationError.badFile(path: path, line: nil, problem: "'\(keys.first ?? "a name")' is given twice")
      default: throw ConfigurationError.badFile(path: path, line: nil, problem: "it is no YAML (\(error))")
      }
    }
  }

  private static func value(_ node: Node, path: String) throws -> JSONValue {
    switch node {
    case .scalar(let scalar): return .string(scalar.string)
    case .sequence(let sequence): return .array(try sequence.map { try value($0, path: path) })
    case .mapping(let mapping):
      return .object(
        try mapping.map { key, member in
          guard let name = key.scalar?.string else {
            throw ConfigurationError.badFile(path: path, line: key.mark?.line, problem: "a name must be a text")
          }
          return JSONMember(name, try value(member, path: path))
        })
    case .alias:
      throw ConfigurationError.badFile(path: path, line: node.mark?.line, problem: "a reference leads nowhere")
    }
  }
}
