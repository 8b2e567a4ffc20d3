/// A JSON value whose objects keep their order and never hold a key twice.
package enum JSONValue: Sendable, Equatable {
  case object([JSONMember])
  case array([JSONValue])
  case string(String)
  /// A number without fraction and exponent.
  case integer(Int)
  case number(Double)
  case boolean(Bool)
  case null

  package subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }
  /// Of an object, in the file's order.
  package var members: [JSONMember]? {
    if case .object(let members) = self { members } else { nil }
  }
  /// Of an array.
  package var elements: [JSONValue]? {
    if case .array(let values) = self { values } else { nil }
  }
  package var string: String? {
    if case .string(let text) = self { text } else { nil }
  }
  package var integer: Int? {
    if case .integer(let value) = self { value } else { nil }
  }
  package var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}

package struct JSONMember: Sendable, Equatable {
  package let key: String
  package let value: JSONValue

  package init(_ key: String, _ value: JSONValue) {
    self.key = key
    self.value = value
  }
}

/// An object whose members keep their order: `["unseen": .number(0.4), "classes": 50]`.
extension JSONValue: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    precondition(Set(elements.map(\.0)).count == elements.count, "a key twice among \(elements.map(\.0))")
    self = .object(elements.map { JSONMember($0.0, $0.1) })
  }
}

extension JSONValue {
  /// The members of two objects, which have no name in common.
  package func merging(_ other: JSONValue) -> JSONValue {
    guard case .object(let own) = self, case .object(let more) = other else { preconditionFailure("no objects") }
    return .object(own + more)
  }

  /// The same with the members of every object in the order of their keys.
  package var sortedByKey: JSONValue {
    switch self {
    case .object(let members):
      .object(
        members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
          .map { JSONMember($0.key, $0.value.sortedByKey) })
    case .array(let values): .array(values.map(\.sortedByKey))
    default: self
    }
  }
}
