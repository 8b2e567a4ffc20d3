/// A MATLAB file of version 5 (also called 6 and 7), plain or compressed, of either byte order.
///
/// MATLAB's arrays have their first index fastest: an R×C array has the bytes of the row-major C×R matrix, so
/// `features` (X×N there) comes as one row per image.
struct MatlabFile {
  /// Variables, and the fields of structures as `structure.field`.
  private(set) var arrays: [StoredArray] = []

  private static let mostArrays = 10_000
  private static let deepest = 8

  /// Whether the header is that of version 5, and its byte order.
  static func isOne(_ header: [UInt8]) -> (isOne: Bool, isBigEndian: Bool) {
    guard header.count >= 128 else { return (false, false) }
    let order = [header[126], header[127]]
    if order == Array("IM".utf8) { return (header[125] == 1, false) }
    return (order == Array("MI".utf8) && header[124] == 1, true)
  }

  /// Whether it begins with a matrix of version 4: type, sizes, and the length of a name that ends with 0.
  static func isVersion4(_ start: [UInt8]) -> Bool {
    var cursor = ByteCursor(start)
    guard start.count >= 21, let header = try? (0..<5).map({ _ in try cursor.number(4) }) else { return false }
    let (type, imaginary, nameLength) = (header[0], header[3], header[4])
    guard type < 5000, type / 100 % 10 == 0, imaginary <= 1, (1...64).contains(nameLength), cursor.left >= nameLength
    else { return false }
    return start[20 + nameLength - 1] == 0 && start[20..<20 + nameLength - 1].allSatisfy { $0 >= 32 }
  }

  /// - Throws: `FormatError` for a file that is truncated or damaged.
  init(_ source: any ByteSource, isBigEndian: Bool) throws {
    let file = MatlabBytes(source: source, isBigEndian: isBigEndian)
    var position = 128
    while position < source.size {
      let element = try file.element(at: position)
      switch element.kind {
      case .matrix: try add(try MatlabMatrix(element, in: file), prefix: "", depth: 0)
      case .compressed:
        let packed = try source.part(at: element.offset, count: element.byteCount)
        let start = MatlabBytes(source: try InflatedBytes(packed, wrapping: .zlib), isBigEndian: isBigEndian)
        let matrix = try start.element(at: 0)
        let content = MatlabBytes(
          source: try InflatedBytes(packed, wrapping: .zlib, size: matrix.next, padding: 7), isBigEndian: isBigEndian)
        try add(try MatlabMatrix(matrix, in: content), prefix: "", depth: 0)
      default: throw FormatError("has numbers outside a variable at byte \(position); it is damaged")
      }
      position = element.next
    }
  }

  private mutating func add(_ matrix: MatlabMatrix, prefix: String, depth: Int) throws {
    // What MATLAB keeps for itself has no name.
    guard !matrix.name.isEmpty || depth > 0 else { return }
    let name = prefix + matrix.name
    guard arrays.count < Self.mostArrays else { throw FormatError("has more than \(Self.mostArrays) variables") }
    func array(_ kind: ArrayKind, _ content: @escaping () throws -> StoredArray.Content = { .none }) {
      arrays.append(StoredArray(name, sizes: matrix.sizes, isColumnMajor: true, kind: kind, content: content))
    }
    switch matrix.matrixClass {
    case .char: array(.texts) { .texts(matrix.rowsOfCharacters) }
    case .cell: array(.texts) { .texts { try matrix.textsOfCells() } }
    case .structure where matrix.count == 1:
      guard depth < Self.deepest else { return array(.other("a structure inside more than \(Self.deepest) others")) }
      for field in try matrix.fields() { try add(field.value, prefix: "\(name).\(field.name)", depth: depth + 1) }
    case .structure: array(.other("an array of \(matrix.count) structures; store one, or its fields as variables"))
    case .object, .function, .opaque:
      array(
        .other("of a class that MATLAB alone knows (string, table, object …); store numbers, or texts with cellstr()"))
    case .sparse where matrix.isComplex: array(.other("complex: its numbers have an imaginary part; store real(…)"))
    case .sparse: array(matrix.isLogical ? .booleans : .numbers) { .numbers(try matrix.dense()) }
    default:
      guard !matrix.isComplex else {
        return array(.other("complex: its numbers have an imaginary part; store real(…)"))
      }
      array(matrix.isLogical ? .booleans : .numbers) { .numbers(try matrix.numbers()) }
    }
  }
}

extension MatlabMatrix {
  fileprivate func numbers() throws -> StoredElements {
    guard count > 0 else { return try StoredElements(.uint8, count: 0, in: MemoryBytes([])) }
    return try file.numbers(try file.element(at: contentOffset), count: count)
  }

  /// The nonzero elements of each column among all others.
  fileprivate func dense() throws -> StoredElements {
    let rows = try file.element(at: contentOffset)
    let starts = try file.element(at: rows.next)
    let values = try file.element(at: starts.next)
    let stored = try file.numbers(values)
    return try SparseColumns(
      sizes: sizes, rows: try file.integers(rows), starts: try file.integers(starts), values: stored,
      storedSize: file.source.storedSize
    ).dense()
  }

  /// The rows of a character array; one text for 1×n.
  fileprivate func rowsOfCharacters() throws -> [String] {
    guard count > 0 else { return Array(repeating: "", count: min(sizes[0], 1 << 20)) }
    let element = try file.element(at: contentOffset)
    guard sizes.count == 2, let type = element.kind.stored else { throw FormatError("is no row of characters") }
    var cursor = try file.cursor(at: element.offset, count: element.byteCount)
    var units: [UInt32] = []
    units.reserveCapacity(element.byteCount / type.byteCount)
    while cursor.left >= type.byteCount {
      units.append(UInt32(truncatingIfNeeded: try cursor.unsigned(type.byteCount)))
    }
    let found = characters(units, byteCount: type.byteCount)
    // UTF-8 may take more bytes than there are characters, UTF-16 more units.
    guard sizes[0] == 1 || found.count == count else {
      throw FormatError("has \(found.count) characters of \(count); it is damaged")
    }
    return rowsOfText(found, rowCount: sizes[0])
  }

  /// A text for each cell: a row of characters, a number, or a cell with one of these.
  fileprivate func textsOfCells() throws -> [String] {
    var (texts, position): ([String], Int) = ([], contentOffset)
    for index in 0..<count {
      let element = try file.element(at: position)
      let cell = try MatlabMatrix(element, in: file)
      guard let text = try cell.text(depth: 0) else { throw FormatError("cell \(index + 1) of \(count) is not a text") }
      texts.append(text)
      position = element.next
    }
    return texts
  }

  private func text(depth: Int) throws -> String? {
    switch matrixClass {
    case .char: return count == 0 ? "" : sizes[0] == 1 ? try rowsOfCharacters().first : nil
    case .cell:
      guard count == 1, depth < 8 else { return nil }
      return try MatlabMatrix(try file.element(at: contentOffset), in: file).text(depth: depth + 1)
    case .double, .single, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64:
      if count == 0 { return "" }
      guard count == 1, !isComplex else { return nil }
      return numberText(try numbers().doubles()[0])
    default: return nil
    }
  }

  /// Names and values of a single structure's fields.
  fileprivate func fields() throws -> [(name: String, value: MatlabMatrix)] {
    let lengthElement = try file.element(at: contentOffset)
    guard let length = try file.integers(lengthElement).first, (1...1024).contains(length) else {
      throw FormatError("has a structure whose field names have no length; it is damaged")
    }
    let namesElement = try file.element(at: lengthElement.next)
    var cursor = try file.cursor(at: namesElement.offset, count: namesElement.byteCount)
    var result: [(String, MatlabMatrix)] = []
    var position = namesElement.next
    while cursor.left >= length {
      let name = String(decoding: try cursor.raw(length).prefix { $0 != 0 }, as: UTF8.self)
      let element = try file.element(at: position)
      result.append((name, try MatlabMatrix(element, in: file)))
      position = element.next
    }
    return result
  }
}

/// A number as a name: whole ones without a point.
func numberText(_ value: Double) -> String {
  Int(exactly: value).map(String.init) ?? "\(value)"
}

/// A sparse matrix as MATLAB has it: row numbers and values column after column.
struct SparseColumns {
  let sizes: [Int]
  let rows: [Int]
  let starts: [Int]
  let values: StoredElements
  /// Bytes of the file that it comes from: bounds what the zeros between may take.
  let storedSize: Int

  func dense() throws -> StoredElements {
    guard sizes.count == 2, starts.count - 1 == sizes[1] else {
      throw FormatError("is sparse with parts that do not fit one another; it is damaged")
    }
    let count = try elementCount(sizes)
    guard count <= InflatedBytes.greatestRatio * min(storedSize, 1 << 40) / 8 else {
      throw FormatError("is sparse, and \(sizesText(sizes)) would be far more than the file; store it with full()")
    }
    let numbers = try values.doubles()
    var result = [UInt8](repeating: 0, count: count * 8)
    try result.withUnsafeMutableBytes { target in
      for column in 0..<sizes[1] {
        guard starts[column] >= 0, starts[column] <= starts[column + 1],
          starts[column + 1] <= min(rows.count, numbers.count)
        else {
          throw FormatError("is sparse with columns that do not follow one another; it is damaged")
        }
        for place in starts[column]..<starts[column + 1] {
          guard (0..<sizes[0]).contains(rows[place]) else {
            throw FormatError("is sparse with a row number beyond its size; it is damaged")
          }
          target.storeBytes(of: numbers[place], toByteOffset: (column * sizes[0] + rows[place]) * 8, as: Double.self)
        }
      }
    }
    return try StoredElements(.float64, count: count, in: MemoryBytes(result))
  }
}
