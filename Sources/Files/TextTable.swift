/// Columns of text.
package enum TextTable {
  /// - Parameters:
  ///   - rows: cells, as many in each.
  ///   - rightAligned: numbers of columns.
  package static func lines(_ rows: [[String]], rightAligned: Set<Int>) -> [String] {
    guard let columnCount = rows.first?.count else { return [] }
    let widths = (0..<columnCount).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += (column > 0 ? "  " : "") + (rightAligned.contains(column) ? padding + cell : cell + padding)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}
