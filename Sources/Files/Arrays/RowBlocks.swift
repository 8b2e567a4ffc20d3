import Matrices

/// The rows of an array or a table from first to last, as many at a time as are asked for: memory does not grow with
/// the file, unless its rows lie crosswise in packed bytes.
package final class RowBlocks {
  enum Source {
    /// Row after row.
    case runs(StoredElements)
    /// Column after column.
    case columns(StoredElements)
    case table(CsvRows)
  }

  package let rowCount: Int
  package let columnCount: Int
  /// Rows handed out so far.
  package private(set) var position = 0
  private var source: Source
  private let wrap: (FormatError) -> ArrayFileError
  /// All rows, where they cannot be had one by one.
  private var whole: Matrix?

  init(rowCount: Int, columnCount: Int, source: Source, wrap: @escaping (FormatError) -> ArrayFileError) {
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.source = source
    self.wrap = wrap
  }

  /// The next rows, at most so many; nil after the last.
  ///
  /// - Throws: as the other method.
  package func next(_ most: Int) throws -> Matrix? {
    precondition(most > 0, "\(most) rows at a time")
    let count = min(most, rowCount - position)
    guard count > 0 else { return nil }
    let block = Matrix(rows: count, columns: columnCount)
    _ = try next(into: block)
    return block
  }

  /// The next rows into the first ones of `block`, which is contiguous and has the columns: as many as fit there and are left.
  ///
  /// - Returns: how many; 0 after the last.
  /// - Throws: `ArrayFileError` for bytes that are damaged, or a cell that is no number, with its row; `StorageError`.
  package func next(into block: Matrix) throws -> Int {
    precondition(block.isContiguous && block.columnCount == columnCount)
    let rows = position..<position + min(block.rowCount, rowCount - position)
    guard !rows.isEmpty else { return 0 }
    do {
      try read(rows, into: block.rows(0..<rows.count))
    } catch let error as FormatError { throw wrap(error) }
    position = rows.upperBound
    return rows.count
  }

  private func read(_ rows: Range<Int>, into block: Matrix) throws {
    if let whole {
      block.copy(from: whole.rows(rows))
      return
    }
    switch source {
    case .runs(let elements):
      try elements.read(rows.lowerBound * columnCount..<rows.upperBound * columnCount, into: block.start)
    case .columns(let elements):
      if elements.isRandomAccess || rows.count == rowCount { return try transpose(elements, rows, into: block) }
      // Every block would unpack everything once more.
      let all = Matrix(rows: rowCount, columns: columnCount)
      try transpose(elements, 0..<rowCount, into: all)
      whole = all
      block.copy(from: all.rows(rows))
    case .table(var cells):
      defer { source = .table(cells) }
      for r in 0..<rows.count {
        guard let row = try cells.next() else { throw FormatError("became shorter while it was read") }
        for (column, value) in row.enumerated() { block.row(r)[column] = Float(value) }
      }
    }
  }

  /// Rows that lie across the elements' order.
  private func transpose(_ elements: StoredElements, _ rows: Range<Int>, into block: Matrix) throws {
    let column = Matrix(rows: 1, columns: rows.count)
    for c in 0..<columnCount {
      let start = c * rowCount
      try elements.read(start + rows.lowerBound..<start + rows.upperBound, into: column.start)
      for r in 0..<rows.count { block.row(r)[c] = column.start[r] }
    }
  }
}
