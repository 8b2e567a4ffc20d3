/// What the JSON header of a safetensors file may hold: {"__metadata__": {text: text}, name: {"dtype", "shape",
/// "data_offsets"}}. A parser of its own, because a general one silently keeps one of two equal keys, accepts any nesting
/// and turns large integers into floating point.
struct SafetensorsHeader {
  struct Entry: Equatable {
    let name: String
    let dtype: String
    let shape: [Int]
    let first: Int
    let last: Int
  }

  private(set) var entries: [Entry] = []
  private(set) var metadata: [String: String] = [:]
  private var bytes: ArraySlice<UInt8>

  /// Text of what is wrong, for the caller to wrap with the file's name.
  struct Malformed: Error { let reason: String }

  init(_ header: [UInt8]) throws {
    guard String(validating: header, as: UTF8.self) != nil else { throw Malformed(reason: "the header is not UTF-8") }
    bytes = header[...]
    guard header.first == UInt8(ascii: "{") else { throw Malformed(reason: "the header does not start with '{'") }
    var names: Set<String> = []
    try object { parser, name in
      guard names.insert(name).inserted else { throw Malformed(reason: "two entries are named '\(name)'") }
      if name == "__metadata__" {
        try parser.readMetadata()
      } else {
        try parser.readEntry(name)
      }
    }
    while let byte = bytes.first {
      guard byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D else {
        throw Malformed(reason: "something follows the header's object")
      }
      bytes.removeFirst()
    }
  }

  private mutating func readMetadata() throws {
    var values: [String: String] = [:]
    try object { parser, key in
      guard values.updateValue(try parser.string(), forKey: key) == nil else {
        throw Malformed(reason: "two metadata entries are named '\(key)'")
      }
    }
    metadata = values
  }

  private mutating func readEntry(_ name: String) throws {
    var (dtype, shape, offsets): (String?, [Int]?, [Int]?)
    try object { parser, key in
      switch key {
      case "dtype" where dtype == nil: dtype = try parser.string()
      case "shape" where shape == nil: shape = try parser.integers()
      case "data_offsets" where offsets == nil: offsets = try parser.integers()
      default: throw Malformed(reason: "tensor '\(name)' has an unknown or repeated field '\(key)'")
      }
    }
    guard let dtype, let shape, let offsets, offsets.count == 2 else {
      throw Malformed(reason: "tensor '\(name)' lacks dtype, shape or two data_offsets")
    }
    entries.append(Entry(name: name, dtype: dtype, shape: shape, first: offsets[0], last: offsets[1]))
  }

  // MARK: Grammar

  private mutating func skipSpace() {
    while let byte = bytes.first, byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D { bytes.removeFirst() }
  }

  private mutating func take(_ expected: Character) throws {
    skipSpace()
    guard let byte = bytes.popFirst(), byte == expected.asciiValue else {
      throw Malformed(reason: "the header lacks a '\(expected)' \(bytes.startIndex) bytes in")
    }
  }

  private mutating func takes(_ candidate: Character) -> Bool {
    skipSpace()
    guard bytes.first == candidate.asciiValue else { return false }
    bytes.removeFirst()
    return true
  }

  private mutating func object(_ member: (inout SafetensorsHeader, String) throws -> Void) throws {
    try take("{")
    if takes("}") { return }
    repeat {
      let key = try string()
      try take(":")
      try member(&self, key)
    } while takes(",")
    try take("}")
  }

  private mutating func integers() throws -> [Int] {
    try take("[")
    var result: [Int] = []
    if takes("]") { return result }
    repeat {
      skipSpace()
      var digits = ""
      while let byte = bytes.first, (0x30...0x39).contains(byte) {
        digits.append(Character(UnicodeScalar(byte)))
        bytes.removeFirst()
      }
      guard let value = Int(digits) else { throw Malformed(reason: "'\(digits.prefix(30))' is not a size") }
      result.append(value)
      guard result.count <= 64 else { throw Malformed(reason: "a list of more than 64 numbers") }
    } while takes(",")
    try take("]")
    return result
  }

  private mutating func string() throws -> String {
    try take("\"")
    var result: [UInt8] = []
    while let byte = bytes.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: result, as: UTF8.self)
      case UInt8(ascii: "\\"): result += try escape()
      case 0..<0x20: throw Malformed(reason: "a control character inside a text")
      default: result.append(byte)
      }
    }
    throw Malformed(reason: "a text that does not end")
  }

  private mutating func escape() throws -> [UInt8] {
    guard let byte = bytes.popFirst() else { throw Malformed(reason: "a text that does not end") }
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "t"): return [9]
    case UInt8(ascii: "u"):
      var unit = try hexadecimal()
      if (0xD800..<0xDC00).contains(unit) {
        guard bytes.popFirst() == UInt8(ascii: "\\"), bytes.popFirst() == UInt8(ascii: "u") else {
          throw Malformed(reason: "half a surrogate pair")
        }
        unit = 0x10000 + (unit - 0xD800) << 10 + (try hexadecimal()) - 0xDC00
      }
      guard let scalar = UnicodeScalar(unit) else { throw Malformed(reason: "half a surrogate pair") }
      return Array(String(Character(scalar)).utf8)
    default: throw Malformed(reason: "an unknown escape in a text")
    }
  }

  private mutating func hexadecimal() throws -> UInt32 {
    let digits = bytes.prefix(4)
    bytes.removeFirst(digits.count)
    guard digits.count == 4, let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16) else {
      throw Malformed(reason: "a \\u escape without four digits")
    }
    return value
  }
}

extension String {
  /// The text as a JSON string, quotes included.
  package var asJSON: String {
    var result = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
