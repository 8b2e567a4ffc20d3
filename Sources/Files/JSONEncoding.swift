// Encodable types as JSON values: their coding keys are named once, for writing and for Foundation's decoder.

extension JSONValue {
  /// What `value` encodes, its members in the order in which they are encoded; absent ones are left out. A Double that is whole becomes
  /// an integer ("1", as Foundation writes it), and one that is not finite `null`.
  ///
  /// - Throws: what the type's own `encode(to:)` throws; types whose coding is synthesised throw nothing.
  package init(encoding value: some Encodable) throws {
    let place = Place()
    try place.put(value)
    self = place.json
  }
}

/// Where one value comes to stand: containers of an encoder are filled after they were handed out.
private final class Place {
  private enum Content {
    case value(JSONValue)
    case members([(key: String, place: Place)])
    case elements([Place])
  }
  private var content = Content.members([])

  var json: JSONValue {
    switch content {
    case .value(let value): value
    case .members(let members): .object(members.map { JSONMember($0.key, $0.place.json) })
    case .elements(let elements): .array(elements.map(\.json))
    }
  }

  func put(_ value: some Encodable) throws {
    switch value {
    case let text as String: content = .value(.string(text))
    case let flag as Bool: content = .value(.boolean(flag))
    case let number as any BinaryInteger:
      // An integer beyond 64 bits is none of ours.
      content = .value(.integer(Int(number)))
    case let number as Double: put(number)
    case let number as Float: put(Double(number))
    default: try value.encode(to: PlaceEncoder(place: self))
    }
  }

  private func put(_ number: Double) {
    // Doubles from 2^53 on have an exponent in their text, so that none is too large for an integer.
    let isWhole = abs(number) < 9_007_199_254_740_992 && number.rounded() == number
    content = .value(isWhole ? .integer(Int(number)) : .number(number))
  }

  func putNull() { content = .value(.null) }

  /// A value may ask for its members more than once, to write those of a part among its own.
  func beginMembers() { if case .members = content {} else { content = .members([]) } }
  func beginElements() { content = .elements([]) }

  func member(_ key: String) -> Place {
    guard case .members(var members) = content else { preconditionFailure("two containers for one value") }
    let place = Place()
    members.append((key, place))
    content = .members(members)
    return place
  }

  func element() -> Place {
    guard case .elements(var elements) = content else { preconditionFailure("two containers for one value") }
    let place = Place()
    elements.append(place)
    content = .elements(elements)
    return place
  }

  var elementCount: Int {
    if case .elements(let elements) = content { elements.count } else { 0 }
  }
}

private struct PlaceEncoder: Encoder {
  let place: Place
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    place.beginMembers()
    return KeyedEncodingContainer(Members<Key>(place: place))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    place.beginElements()
    return Elements(place: place)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { Single(place: place) }
}

private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let place: Place
  var codingPath: [any CodingKey] { [] }

  func encodeNil(forKey key: Key) { place.member(key.stringValue).putNull() }
  func encode(_ value: some Encodable, forKey key: Key) throws { try place.member(key.stringValue).put(value) }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    PlaceEncoder(place: place.member(key.stringValue)).container(keyedBy: type)
  }
  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    PlaceEncoder(place: place.member(key.stringValue)).unkeyedContainer()
  }
  func superEncoder() -> any Encoder { PlaceEncoder(place: place.member("super")) }
  func superEncoder(forKey key: Key) -> any Encoder { PlaceEncoder(place: place.member(key.stringValue)) }
}

private struct Elements: UnkeyedEncodingContainer {
  let place: Place
  var codingPath: [any CodingKey] { [] }
  var count: Int { place.elementCount }

  func encodeNil() { place.element().putNull() }
  func encode(_ value: some Encodable) throws { try place.element().put(value) }

  func nestedContainer<NestedKey: CodingKey>(keyedBy type: NestedKey.Type) -> KeyedEncodingContainer<NestedKey> {
    PlaceEncoder(place: place.element()).container(keyedBy: type)
  }
  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    PlaceEncoder(place: place.element()).unkeyedContainer()
  }
  func superEncoder() -> any Encoder { PlaceEncoder(place: place.element()) }
}

private struct Single: SingleValueEncodingContainer {
  let place: Place
  var codingPath: [any CodingKey] { [] }

  func encodeNil() { place.putNull() }
  func encode(_ value: some Encodable) throws { try place.put(value) }
}
