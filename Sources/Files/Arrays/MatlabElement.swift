// Data elements of MATLAB's version 5 files ("MAT-File Format", The MathWorks): a tag of type and size, then the data.

/// A tag and the place of its data.
struct MatlabElement {
  enum Kind: Int {
    case int8 = 1
    case uint8, int16, uint16, int32, uint32, single
    case double = 9
    case int64 = 12
    case uint64, matrix, compressed, utf8, utf16, utf32

    /// Of elements that are numbers; those of texts are their units.
    var stored: StoredType? {
      switch self {
      case .int8: .int8
      case .uint8, .utf8: .uint8
      case .int16: .int16
      case .uint16, .utf16: .uint16
      case .int32: .int32
      case .uint32, .utf32: .uint32
      case .single: .float32
      case .double: .float64
      case .int64: .int64
      case .uint64: .uint64
      case .matrix, .compressed: nil
      }
    }
  }

  let kind: Kind
  let offset: Int
  let byteCount: Int
  /// Where the next element's tag lies.
  let next: Int
}

/// A source with its byte order.
struct MatlabBytes {
  let source: any ByteSource
  let isBigEndian: Bool

  func cursor(at offset: Int, count: Int) throws -> ByteCursor {
    ByteCursor(try source.bytes(at: offset, count: count), isBigEndian: isBigEndian)
  }

  /// - Throws: `FormatError` where no element lies at `offset` whole.
  func element(at offset: Int) throws -> MatlabElement {
    var tag = try cursor(at: offset, count: 8)
    let word = Int(try tag.unsigned(4))
    let small = word >> 16
    guard let kind = MatlabElement.Kind(rawValue: small > 0 ? word & 0xFFFF : word) else {
      throw FormatError("has an element of unknown type \(word) at byte \(offset); copy or make it again")
    }
    if small > 0 {
      guard small <= 4 else {
        throw FormatError("has a small element of \(small) bytes at byte \(offset); it is damaged")
      }
      return MatlabElement(kind: kind, offset: offset + 4, byteCount: small, next: offset + 8)
    }
    let byteCount = Int(try tag.unsigned(4))
    try source.requireRange(offset + 8, byteCount)
    // Elements end on a boundary of 8, but for compressed ones.
    let padded = kind == .compressed ? byteCount : (byteCount + 7) / 8 * 8
    return MatlabElement(kind: kind, offset: offset + 8, byteCount: byteCount, next: offset + 8 + padded)
  }

  /// The numbers of an element; `count` of them, if it is given.
  func numbers(_ element: MatlabElement, count: Int? = nil) throws -> StoredElements {
    guard let type = element.kind.stored else {
      throw FormatError("has a matrix where numbers should be; it is damaged")
    }
    let found = element.byteCount / type.byteCount
    guard count == nil || count == found else {
      throw FormatError("has \(found) elements of \(count ?? 0); it is damaged")
    }
    return try StoredElements(type, isBigEndian: isBigEndian, count: found, in: source, at: element.offset)
  }

  func integers(_ element: MatlabElement) throws -> [Int] { try numbers(element).integers() }
}

/// A matrix of a version 5 file, whose parts are looked at when they are needed.
struct MatlabMatrix {
  enum Class: Int {
    case cell = 1
    case structure, object, char, sparse, double, single, int8, uint8, int16, uint16, int32, uint32, int64, uint64
    case function, opaque
  }

  let name: String
  let matrixClass: Class
  let sizes: [Int]
  let isLogical: Bool
  let isComplex: Bool
  /// Where the elements after the name begin.
  let contentOffset: Int
  let file: MatlabBytes

  /// - Throws: `FormatError` for a matrix whose header is none.
  init(_ element: MatlabElement, in file: MatlabBytes) throws {
    guard element.kind == .matrix else { throw FormatError("has numbers where a matrix should be; it is damaged") }
    self.file = file
    guard element.byteCount > 0 else {
      // What some writers leave of an empty cell.
      (name, matrixClass, sizes, isLogical, isComplex, contentOffset) = (
        "", .double, [0, 0], false, false, element.next
      )
      return
    }
    let flags = try file.element(at: element.offset)
    guard flags.byteCount == 8, flags.next == element.offset + 16 else {
      throw FormatError("has a matrix without flags; it is damaged")
    }
    var cursor = try file.cursor(at: flags.offset, count: 8)
    let word = Int(try cursor.unsigned(4))
    guard let found = Class(rawValue: word & 0xFF) else {
      throw FormatError("has a matrix of class \(word & 0xFF), which is unknown")
    }
    matrixClass = found
    isComplex = word & 0x800 != 0
    isLogical = word & 0x200 != 0
    guard found != .opaque else {
      // A class that MATLAB alone knows has neither sizes nor, in this place, a name of its own.
      let own = try file.element(at: flags.next)
      name = String(decoding: try file.source.bytes(at: own.offset, count: min(own.byteCount, 1 << 16)), as: UTF8.self)
      (sizes, contentOffset) = ([], element.next)
      return
    }
    let sizesElement = try file.element(at: flags.next)
    guard sizesElement.byteCount <= 4 * 32 else { throw FormatError("has a matrix of more than 32 dimensions") }
    sizes = try file.integers(sizesElement)
    guard sizes.count >= 2, try elementCount(sizes) >= 0 else {
      throw FormatError("has a matrix of \(sizes.count) dimensions")
    }
    let nameElement = try file.element(at: sizesElement.next)
    guard nameElement.byteCount <= 1 << 16 else { throw FormatError("has a name of \(nameElement.byteCount) bytes") }
    name = String(decoding: try file.source.bytes(at: nameElement.offset, count: nameElement.byteCount), as: UTF8.self)
    contentOffset = nameElement.next
  }

  var count: Int { sizes.reduce(1, *) }
}

/// Rows of characters, first index fastest, as texts without the blanks that fill them up.
///
/// - Parameter characters: as many as the rows hold together.
func rowsOfText(_ characters: [Unicode.Scalar], rowCount: Int) -> [String] {
  guard rowCount > 0 else { return [] }
  // However many rows a file claims: without columns they are one empty text, which is what MATLAB's '' is.
  guard !characters.isEmpty else { return [""] }
  return (0..<rowCount).map { row in
    var text = String.UnicodeScalarView()
    for place in stride(from: row, to: characters.count, by: rowCount) { text.append(characters[place]) }
    guard rowCount > 1 else { return String(text) }
    while text.last == " " || text.last == "\0" { text.removeLast() }
    return String(text)
  }
}

/// Characters that are stored as units of 1 (UTF-8), 2 (UTF-16) or 4 bytes.
func characters(_ units: [UInt32], byteCount: Int) -> [Unicode.Scalar] {
  switch byteCount {
  case 1: Array(String(decoding: units.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self).unicodeScalars)
  case 2: Array(String(decoding: units.map { UInt16(truncatingIfNeeded: $0) }, as: UTF16.self).unicodeScalars)
  default: units.map { Unicode.Scalar($0) ?? "\u{FFFD}" }
  }
}
