/// The records of a csv file, one after the other: RFC 4180, with any separator and either line end. Where spaces separate, as numpy.savetxt
/// and AwA's files have it, several are one, and those at the ends of a line are none.
struct CsvScanner {
  /// One record; its fields lie back to back in `bytes`, without quotes.
  struct Record {
    fileprivate(set) var bytes: [UInt8] = []
    /// Where each field ends in `bytes`.
    fileprivate(set) var ends: [Int] = []
    /// Line of the file on which it starts, from 1.
    fileprivate(set) var line = 1

    var count: Int { ends.count }
    func range(_ field: Int) -> Range<Int> { (field == 0 ? 0 : ends[field - 1])..<ends[field] }
    func text(_ field: Int) -> String { String(decoding: bytes[range(field)], as: UTF8.self) }
    /// Whether it is UTF-8.
    var isText: Bool { bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil }
    /// An empty line is no record.
    fileprivate var isBlank: Bool { ends.count == 1 && bytes.isEmpty }
  }

  private let source: any ByteSource
  private let separator: UInt8
  private var buffer: [UInt8] = []
  private var position = 0
  /// Bytes of the source that were taken.
  private var taken: Int
  private var line = 1

  private static let space = UInt8(ascii: " ")
  private static let quote = UInt8(ascii: "\"")
  private static let newline = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  /// - Throws: `StorageError`.
  init(_ source: any ByteSource, separator: UInt8) throws {
    self.source = source
    self.separator = separator
    // A byte order mark is no part of the first field.
    let start = try source.bytes(at: 0, count: min(3, source.size))
    taken = start == [0xEF, 0xBB, 0xBF] ? 3 : 0
  }

  private mutating func next() throws -> UInt8? {
    if position == buffer.count {
      guard taken < source.size else { return nil }
      buffer = try source.bytes(at: taken, count: min(1 << 18, source.size - taken))
      taken += buffer.count
      position = 0
    }
    defer { position += 1 }
    return buffer[position]
  }

  private mutating func peek() throws -> UInt8? {
    guard let byte = try next() else { return nil }
    position -= 1
    return byte
  }

  /// The next record that is no empty line; false at the end.
  ///
  /// - Throws: `FormatError` for a quote without its end, a stray one, or a byte that no text has.
  mutating func read(into record: inout Record) throws -> Bool {
    repeat {
      guard try peek() != nil else { return false }
      record.bytes.removeAll(keepingCapacity: true)
      record.ends.removeAll(keepingCapacity: true)
      record.line = line
      try skipSpaces()
      while try field(&record) {}
    } while record.isBlank
    return true
  }

  /// Where spaces separate.
  private mutating func skipSpaces() throws {
    guard separator == Self.space else { return }
    while try peek() == Self.space { position += 1 }
  }

  private mutating func isAtLineEnd() throws -> Bool {
    guard let next = try peek() else { return true }
    return next == Self.newline || next == Self.carriageReturn
  }

  /// Whether another field of the same record follows.
  private mutating func field(_ record: inout Record) throws -> Bool {
    let start = record.bytes.count
    while let byte = try next() {
      switch byte {
      case separator:
        try skipSpaces()
        // Spaces at the end of a line end no field.
        if try separator == Self.space && isAtLineEnd() { continue }
        record.ends.append(record.bytes.count)
        return true
      case Self.newline, Self.carriageReturn:
        if byte == Self.carriageReturn, try peek() == Self.newline { _ = try next() }
        line += 1
        record.ends.append(record.bytes.count)
        return false
      case Self.quote where record.bytes.count == start:
        try quoted(&record)
      case 0:
        throw FormatError("line \(line): a byte of 0, which no text has; is it UTF-16? Save it as UTF-8")
      default:
        // The rest of an ordinary run at once.
        let start = position - 1
        while position < buffer.count, isOrdinary(buffer[position]) { position += 1 }
        record.bytes.append(contentsOf: buffer[start..<position])
      }
    }
    record.ends.append(record.bytes.count)
    return false
  }

  private func isOrdinary(_ byte: UInt8) -> Bool {
    byte != separator && byte != Self.newline && byte != Self.carriageReturn && byte != Self.quote && byte != 0
  }

  /// After an opening quote, up to and with the closing one.
  private mutating func quoted(_ record: inout Record) throws {
    let opened = line
    while let byte = try next() {
      if byte == Self.newline { line += 1 }
      guard byte == Self.quote else {
        record.bytes.append(byte)
        continue
      }
      let after = try peek()
      if after == Self.quote {
        record.bytes.append(Self.quote)
        _ = try next()
      } else if after == nil || after == separator || after == Self.newline || after == Self.carriageReturn {
        return
      } else {
        throw FormatError("line \(line): a quoted field is followed by more; inside quotes, a quote is written twice")
      }
    }
    throw FormatError("line \(opened): a quote is opened and never closed")
  }

  /// Tab, semicolon or comma: the one that cuts the first records into equally many fields, of which most are numbers.
  /// Decimal commas count as numbers unless the comma is the separator. Spaces separate where nothing else does and most fields are numbers
  /// then: they stand in names too.
  static func separator(of source: any ByteSource) throws -> UInt8 {
    let size = min(source.size, 1 << 16)
    let sample = MemoryBytes(try source.bytes(at: 0, count: size))
    var best: (separator: UInt8, numbers: Double, fields: Int)?
    for candidate in [UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: ",")] {
      guard let (fields, numbers) = try? score(sample, candidate, isWhole: size == source.size), fields > 1 else {
        continue
      }
      if let best, (best.numbers, best.fields) >= (numbers, fields) { continue }
      best = (candidate, numbers, fields)
    }
    if best == nil, let (fields, numbers) = try? score(sample, space, isWhole: size == source.size),
      fields > 1, numbers == 1 || (fields > 2 && numbers > 0.6)
    {
      return space
    }
    return best?.separator ?? UInt8(ascii: ",")
  }

  /// Fields of every record, and the share of numbers among them; 0 fields where records differ.
  private static func score(_ sample: MemoryBytes, _ separator: UInt8, isWhole: Bool) throws -> (Int, Double) {
    var scanner = try CsvScanner(sample, separator: separator)
    var record = Record()
    var (fields, numbers, all) = (0, 0, 0)
    for index in 0..<50 {
      guard try scanner.read(into: &record) else { break }
      // The last record of a sample may be cut.
      if !isWhole, index > 0, scanner.taken == sample.size, scanner.position == scanner.buffer.count { break }
      if fields != 0, record.count != fields { return (0, 0) }
      fields = record.count
      for field in 0..<fields where CsvNumber.looksLikeOne(record.text(field), separator) { numbers += 1 }
      all += fields
    }
    return (fields, Double(numbers) / Double(max(1, all)))
  }
}

/// Numbers as csv files write them.
enum CsvNumber {
  /// Powers of ten that a Double has exactly.
  private static let powers: [Double] = (1...15).reduce(into: [1]) { list, exponent in
    list.append(list[exponent - 1] * 10)
  }

  /// nil for what is no number. Spaces around it are allowed; `nan` and `inf` in any case are numbers.
  static func parse(_ bytes: ArraySlice<UInt8>) -> Double? {
    var (first, last) = (bytes.startIndex, bytes.endIndex)
    while first < last, bytes[first] == 32 { first += 1 }
    while last > first, bytes[last - 1] == 32 { last -= 1 }
    guard first < last else { return nil }
    return simple(bytes[first..<last]) ?? general(bytes[first..<last])
  }

  /// Up to 15 digits and a small power of ten: one rounding, so exactly what the C library would say.
  private static func simple(_ bytes: ArraySlice<UInt8>) -> Double? {
    var rest = bytes
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    var (value, digits, decimals, hasPoint): (Int, Int, Int, Bool) = (0, 0, 0, false)
    for byte in rest {
      if byte == UInt8(ascii: "."), !hasPoint {
        hasPoint = true
        continue
      }
      guard (48...57).contains(byte), digits < 15 else { return nil }
      value = value * 10 + Int(byte - 48)
      digits += 1
      if hasPoint { decimals += 1 }
    }
    guard digits > 0 else { return nil }
    let size = Double(value) / powers[decimals]
    return isNegative ? -size : size
  }

  private static func general(_ bytes: ArraySlice<UInt8>) -> Double? {
    // Hexadecimal floats, which Swift reads, are no numbers here.
    guard bytes.count <= 400, !bytes.contains(where: { $0 | 0x20 == UInt8(ascii: "x") }) else { return nil }
    return Double(String(decoding: bytes, as: UTF8.self))
  }

  /// Also with a decimal comma, unless the comma separates fields.
  static func looksLikeOne(_ text: String, _ separator: UInt8) -> Bool {
    parse(Array(text.utf8)[...]) != nil || (separator != UInt8(ascii: ",") && hasDecimalComma(text))
  }

  static func hasDecimalComma(_ text: String) -> Bool {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    return parts.count == 2 && !text.contains(".") && parse(Array(parts.joined(separator: ".").utf8)[...]) != nil
  }
}
