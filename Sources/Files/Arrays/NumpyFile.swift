// numpy's npy format, versions 1 to 3, and npz archives of such files.

enum NumpyFile {
  static let signature: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// numpy itself refuses longer headers unless it is told to trust the file.
  private static let longestHeader = 1 << 20

  /// The one array of an npy file.
  ///
  /// - Throws: `FormatError` for what is no npy file. An array that cannot be used is described, not refused.
  static func array(_ source: any ByteSource, name: String) throws -> StoredArray {
    var start = ByteCursor(try source.bytes(at: 0, count: min(source.size, 12)))
    guard try start.raw(6) == signature else { throw FormatError("is no npy file") }
    let version = try start.byte()
    try start.skip(1)
    guard (1...3).contains(version) else { throw FormatError("is an npy file of version \(version); known are 1 to 3") }
    let length = try start.number(version == 1 ? 2 : 4)
    guard length <= longestHeader else { throw FormatError("has a header of \(length) bytes, too many") }
    let text = String(decoding: try source.bytes(at: start.position, count: length), as: UTF8.self)
    let dataOffset = start.position + length
    var parser = NumpyHeader(text)
    let header = try parser.parse()
    guard case .type(let code) = header.description else {
      return StoredArray(
        name, sizes: header.shape, kind: .other("a structured array; save each of its fields as an array of its own"))
    }
    let type = ElementCode(code)
    let count = try elementCount(header.shape)
    // Complete or not at all, also where nobody will read it.
    if let byteCount = type.byteCount {
      guard count == 0 || byteCount <= (source.size - dataOffset) / count else {
        throw FormatError(
          "claims \(sizesText(header.shape)) elements of \(byteCount) bytes, but \(max(0, source.size - dataOffset)) "
            + "bytes are there; copy or make it again")
      }
    }
    return StoredArray(name, sizes: header.shape, isColumnMajor: header.isColumnMajor, kind: type.kind) {
      switch type.content {
      case .number(let stored):
        .numbers(try StoredElements(stored, isBigEndian: type.isBigEndian, count: count, in: source, at: dataOffset))
      case .text(let units, let isWide):
        .texts {
          try texts(
            source, at: dataOffset, count: count, units: units, isWide: isWide, isBigEndian: type.isBigEndian)
        }
      case .unusable: .none
      }
    }
  }

  /// The arrays of an npz archive, without `.npy` in their names.
  static func archive(_ zip: ZipArchive) throws -> [StoredArray] {
    let members = zip.members.filter { $0.name.hasSuffix(".npy") }
    guard !members.isEmpty else {
      throw FormatError("is a zip archive without npy files in it; numpy.savez makes the right ones")
    }
    return try members.map { member in
      let name = String(member.name.dropLast(4))
      do { return try array(try zip.content(of: member), name: name) } catch let error as FormatError {
        throw FormatError("its array '\(name)' \(error.reason)")
      }
    }
  }

  private static func texts(
    _ source: any ByteSource, at offset: Int, count: Int, units: Int, isWide: Bool, isBigEndian: Bool
  ) throws -> [String] {
    let size = units * (isWide ? 4 : 1)
    guard size > 0 else {
      guard count <= 1 << 20 else { throw FormatError("claims \(count) texts without a letter") }
      return Array(repeating: "", count: count)
    }
    return try (0..<count).map { index in
      let bytes = try source.bytes(at: offset + index * size, count: size)
      // Zeros at the end fill the place, others are the text's.
      guard isWide else {
        return String(decoding: bytes.prefix((bytes.lastIndex { $0 != 0 } ?? -1) + 1), as: UTF8.self)
      }
      var cursor = ByteCursor(bytes, isBigEndian: isBigEndian)
      var text = String.UnicodeScalarView()
      while cursor.left > 0 { text.append(Unicode.Scalar(UInt32(try cursor.unsigned(4))) ?? "\u{FFFD}") }
      while text.last == "\0" { text.removeLast() }
      return String(text)
    }
  }
}

/// One of numpy's type codes, e.g. `<f4`.
private struct ElementCode {
  enum Content {
    case number(StoredType)
    case text(units: Int, isWide: Bool)
    case unusable(String)
  }

  let content: Content
  let isBigEndian: Bool

  init(_ code: String) {
    let order = code.first.flatMap { "<>|=".contains($0) ? $0 : nil }
    let rest = order == nil ? code[...] : code.dropFirst()
    isBigEndian = order == ">"
    let size = Int(rest.dropFirst()) ?? 0
    func number(_ type: StoredType?) -> Content {
      type.map(Content.number) ?? .unusable("of type \(code); save it with .astype('float64')")
    }
    switch rest.first {
    case "b" where size == 1, "?": content = .number(.boolean)
    case "i": content = number(.integer(byteCount: size, isSigned: true))
    case "u": content = number(.integer(byteCount: size, isSigned: false))
    case "f": content = number(.float(byteCount: size))
    case "U" where size <= 1 << 24: content = .text(units: size, isWide: true)
    case "S" where size <= 1 << 24: content = .text(units: size, isWide: false)
    case "O":
      content = .unusable(
        "an array of Python objects, which only unpickling could read, and that runs whatever code the file has; "
          + "save texts with .astype(str), numbers with .astype('float64')")
    case "c": content = .unusable("complex: its numbers have an imaginary part")
    case "M", "m": content = .unusable("made of dates; save numbers or texts")
    default: content = .unusable("of type \(code); save numbers or texts")
    }
  }

  var kind: ArrayKind {
    switch content {
    case .number(.boolean): .booleans
    case .number: .numbers
    case .text: .texts
    case .unusable(let reason): .other(reason)
    }
  }

  /// Of one element; nil where it cannot be used.
  var byteCount: Int? {
    switch content {
    case .number(let type): type.byteCount
    case .text(let units, let isWide): units * (isWide ? 4 : 1)
    case .unusable: nil
    }
  }
}

/// The Python literal that an npy header is: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
private struct NumpyHeader {
  enum Description {
    case type(String)
    case fields
  }

  private let text: [UInt8]
  private var position = 0

  init(_ text: String) { self.text = Array(text.utf8) }

  mutating func parse() throws -> (description: Description, isColumnMajor: Bool, shape: [Int]) {
    var (description, isColumnMajor, shape): (Description?, Bool?, [Int]?)
    try take("{")
    while !skips("}") {
      let key = try string()
      try take(":")
      switch key {
      case "descr":
        description = peek() == UInt8(ascii: "'") || peek() == UInt8(ascii: "\"") ? .type(try string()) : try fields()
      case "fortran_order": isColumnMajor = try boolean()
      case "shape": shape = try sizes()
      default: throw FormatError("has '\(key)' in its header, which no npy file has")
      }
      if !skips(",") { try take("}"); break }
    }
    guard let description, let isColumnMajor, let shape else {
      throw FormatError("has a header without descr, fortran_order and shape")
    }
    return (description, isColumnMajor && shape.count > 1, shape)
  }

  private mutating func skipSpace() {
    while position < text.count, text[position] == 32 || text[position] == 10 || text[position] == 9 { position += 1 }
  }

  private mutating func peek() -> UInt8? {
    skipSpace()
    return position < text.count ? text[position] : nil
  }

  private mutating func skips(_ character: Character) -> Bool {
    guard let byte = character.asciiValue, peek() == byte else { return false }
    position += 1
    return true
  }

  private mutating func take(_ character: Character) throws {
    guard skips(character) else {
      throw FormatError("has a header that is not numpy's: '\(character)' is missing at byte \(position)")
    }
  }

  private mutating func string() throws -> String {
    guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw FormatError("has a header that is not numpy's: no text at byte \(position)")
    }
    guard let end = text[(position + 1)...].firstIndex(of: quote) else {
      throw FormatError("has a header that ends inside a text")
    }
    defer { position = end + 1 }
    return String(decoding: text[(position + 1)..<end], as: UTF8.self)
  }

  private mutating func word() -> String {
    skipSpace()
    let start = position
    while position < text.count, (48...57).contains(text[position]) || (65...90).contains(text[position] & 0xDF) {
      position += 1
    }
    return String(decoding: text[start..<position], as: UTF8.self)
  }

  private mutating func boolean() throws -> Bool {
    switch word() {
    case "True": return true
    case "False": return false
    default: throw FormatError("has a header whose fortran_order is neither True nor False")
    }
  }

  private mutating func sizes() throws -> [Int] {
    try take("(")
    var sizes: [Int] = []
    while !skips(")") {
      var digits = word()
      // Python 2 wrote 3L.
      if digits.hasSuffix("L") { digits.removeLast() }
      guard let size = Int(digits), size >= 0, sizes.count < 32 else {
        throw FormatError("has a header whose shape is none")
      }
      sizes.append(size)
      if !skips(",") { try take(")"); break }
    }
    return sizes
  }

  /// A list of fields is only gone over: brackets are counted, texts skipped.
  private mutating func fields() throws -> Description {
    var depth = 0
    repeat {
      switch peek() {
      case UInt8(ascii: "["), UInt8(ascii: "("): depth += 1; position += 1
      case UInt8(ascii: "]"), UInt8(ascii: ")"): depth -= 1; position += 1
      case UInt8(ascii: "'"), UInt8(ascii: "\""): _ = try string()
      case nil: throw FormatError("has a header that ends inside its type")
      default: position += 1
      }
    } while depth > 0
    return .fields
  }
}
