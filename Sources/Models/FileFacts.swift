import Files
import Foundation

/// The metadata of a file of a checkpoint.
struct FileFacts {
  private let path: String
  private let metadata: [String: String]

  /// - Parameter newest: version of the format that is read.
  /// - Throws: `ModelError.damaged` for a file of another kind, `.newerFormat`.
  init(_ file: SafetensorsFile, format: String, newest: Int = 1) throws {
    path = file.path
    metadata = file.metadata
    guard try text("format") == format else { throw damaged("it is no file of the format '\(format)'") }
    let version = try integer("format_version")
    guard version <= newest else { throw ModelError.newerFormat(path: path, version: version) }
  }

  func contains(_ key: String) -> Bool { metadata[key] != nil }

  func damaged(_ reason: String) -> ModelError { .damaged(path: path, reason: reason) }

  func text(_ key: String) throws -> String {
    guard let text = metadata[key] else { throw damaged("its metadata lacks '\(key)'") }
    return text
  }

  func integer(_ key: String) throws -> Int {
    let text = try text(key)
    guard let value = Int(text), value >= 0 else { throw damaged("'\(key)' in its metadata is \(text), no number") }
    return value
  }

  /// Of JSON text.
  func json(_ key: String) throws -> JSONValue {
    let text = try text(key)
    do { return try JSONValue(parsing: Array(text.utf8)) } catch {
      throw damaged("'\(key)' in its metadata is no JSON: \(error)")
    }
  }

  /// A JSON array of texts.
  func names(_ key: String) throws -> [String] {
    guard case .array(let values) = try json(key) else { throw damaged("'\(key)' in its metadata is no JSON array") }
    return try values.map {
      guard let name = $0.string else { throw damaged("'\(key)' in its metadata holds what is no text") }
      return name
    }
  }

  /// A JSON object that stands for a value.
  func value<Value: Decodable>(_ key: String) throws -> Value {
    do { return try JSONDecoder().decode(Value.self, from: Data(try text(key).utf8)) } catch let error as ModelError {
      throw error
    } catch {
      throw damaged("'\(key)' in its metadata is not what it should be")
    }
  }
}
