/// A table of text: a column is a named array, all columns of numbers together are a matrix.
struct CsvFile {
  struct Column {
    let name: String
    let isNumeric: Bool
  }

  let columns: [Column]
  /// Without the header.
  let rowCount: Int
  let hasHeader: Bool
  private let source: any ByteSource
  private let separator: UInt8

  static let mostColumns = 1 << 20
  /// First cells that name a list of texts rather than belong to it.
  private static let headings: Set<String> = [
    "class", "classes", "class_name", "classname", "name", "names", "label", "labels", "split", "unseen",
    "unseen_classes",
    "y", "target", "category", "set", "subset",
  ]

  /// Goes over the whole file once: every record must have as many fields as the first.
  ///
  /// - Parameter headings: more names that make the first record a header.
  /// - Throws: `FormatError` for what is no such table.
  init(_ source: any ByteSource, headings: Set<String> = []) throws {
    self.source = source
    separator = try CsvScanner.separator(of: source)
    var scanner = try CsvScanner(source, separator: separator)
    var record = CsvScanner.Record()
    var first: [String] = []
    var sample: [[String]] = []
    var count = 0
    while try scanner.read(into: &record) {
      count += 1
      guard record.isText else {
        throw FormatError("line \(record.line) is no UTF-8, as Excel saves it in some countries; save it as UTF-8")
      }
      if first.isEmpty {
        guard record.count <= Self.mostColumns else { throw FormatError("has \(record.count) columns, too many") }
        first = (0..<record.count).map(record.text)
        continue
      }
      guard record.count == first.count else {
        throw FormatError("line \(record.line) has \(record.count) fields, line 1 has \(first.count)")
      }
      if count <= 101 { sample.append((0..<record.count).map(record.text)) }
    }
    guard !first.isEmpty else { throw FormatError("is empty") }
    let separator = separator
    let below = first.indices.map { column in Self.isNumeric(sample.map { $0[column] }, separator) }
    hasHeader =
      first.contains { headings.contains($0.trimmed) }
      || Self.isHeader(first, numericBelow: sample.isEmpty ? nil : below)
    rowCount = hasHeader ? count - 1 : count
    let names = hasHeader ? first.map { $0.trimmed } : first.indices.map { "\($0 + 1)" }
    let numeric =
      hasHeader
      ? below : first.indices.map { column in Self.isNumeric(([first] + sample).map { $0[column] }, separator) }
    columns = zip(names, numeric).map { Column(name: $0, isNumeric: $1) }
  }

  /// Whether most cells that hold anything are numbers: a single bad cell is a mistake to be named, and no other kind
  /// of column.
  private static func isNumeric(_ cells: [String], _ separator: UInt8) -> Bool {
    let filled = cells.filter { !$0.trimmed.isEmpty }
    return 2 * filled.count { CsvNumber.looksLikeOne($0, separator) } > filled.count
  }

  /// - Parameter numericBelow: for each column whether the records after the first have numbers; nil where there are
  ///   none.
  private static func isHeader(_ first: [String], numericBelow: [Bool]?) -> Bool {
    if first.contains(where: { headings.contains($0.trimmed.lowercased()) }) { return true }
    guard let numericBelow else { return false }
    let numbers = first.map { CsvNumber.parse(Array($0.utf8)[...]) }
    // pandas numbers columns that have no names: 0, 1, 2, … behind an empty name for its own index.
    let counted = first.first == "" ? numbers.dropFirst() : numbers[...]
    if counted.count > 1, counted.enumerated().allSatisfy({ $1 == Double($0) }) { return true }
    let overNumbers = zip(numbers, numericBelow).filter(\.1)
    return !overNumbers.isEmpty && overNumbers.allSatisfy { $0.0 == nil }
  }

  /// Columns as arrays of one dimension.
  var arrays: [StoredArray] {
    columns.enumerated().map { index, column in
      StoredArray(column.name, sizes: [rowCount], kind: column.isNumeric ? .numbers : .texts) {
        guard column.isNumeric else { return .texts { try texts(index) } }
        var values: [Double] = []
        values.reserveCapacity(rowCount)
        var rows = try CsvRows(self, columns: [index])
        while let row = try rows.next() { values.append(row[0]) }
        return .numbers(
          try StoredElements(.float64, count: values.count, in: MemoryBytes(values.withUnsafeBytes { Array($0) })))
      }
    }
  }

  /// What stands in a column, letter by letter.
  func texts(_ column: Int) throws -> [String] {
    var (scanner, record) = try start()
    var result: [String] = []
    var budget = TextBudget(source)
    while try scanner.read(into: &record) {
      try budget.spend(record.range(column).count)
      result.append(record.text(column).trimmed)
    }
    return result
  }

  /// A scanner that stands before the first row.
  fileprivate func start() throws -> (CsvScanner, CsvScanner.Record) {
    var scanner = try CsvScanner(source, separator: separator)
    var record = CsvScanner.Record()
    if hasHeader { _ = try scanner.read(into: &record) }
    return (scanner, record)
  }
}

/// Some columns of a table as numbers, row by row.
struct CsvRows {
  private let names: [String]
  private let columns: [Int]
  private var scanner: CsvScanner
  private var record: CsvScanner.Record
  private var row = 0

  init(_ file: CsvFile, columns: [Int]) throws {
    (scanner, record) = try file.start()
    self.columns = columns
    names = columns.map { file.columns[$0].name }
  }

  /// nil after the last row.
  ///
  /// - Throws: `FormatError` with row and column for a cell that is no number.
  mutating func next() throws -> [Double]? {
    guard try scanner.read(into: &record) else { return nil }
    row += 1
    return try columns.enumerated().map { place, column in
      if let number = CsvNumber.parse(record.bytes[record.range(column)]) { return number }
      let text = record.text(column).trimmed
      let what =
        text.isEmpty
        ? "the cell is empty"
        : "\"\(text.prefix(40))\" is not a number"
          + (CsvNumber.hasDecimalComma(text) ? "; decimals are written with a point" : "")
      throw FormatError("row \(row) (line \(record.line)), column '\(names[place])': \(what)")
    }
  }
}

extension String {
  /// Without spaces around it.
  var trimmed: String {
    // A space with a combining mark behind it is one character, and no space.
    var view = unicodeScalars[...]
    while view.first?.properties.isWhitespace == true { view.removeFirst() }
    while view.last?.properties.isWhitespace == true { view.removeLast() }
    return String(view)
  }
}
