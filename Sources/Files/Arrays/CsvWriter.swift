/// Fields of csv files (RFC 4180) that a spreadsheet may open.
package enum CsvWriter {
  /// First bytes of what a spreadsheet takes for a formula.
  private static let formulaStarts = Array("=+-@\t\r\n".utf8)
  private static let special = Array(",;\"\n\r\t".utf8)

  /// A text as a field: in quotes where it holds a separator, a quote or the end of a line. What a spreadsheet would
  /// take for a formula gets an apostrophe in front, as spreadsheets mark texts themselves; a number is none.
  package static func field(_ text: String) -> String {
    let isFormula = text.utf8.first.map(formulaStarts.contains) == true && CsvNumber.parse(Array(text.utf8)[...]) == nil
    let safe = isFormula ? "'" + text : text
    guard safe.utf8.contains(where: special.contains) || safe.hasPrefix(" ") || safe.hasSuffix(" ") else { return safe }
    return "\"" + safe.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }

  /// A record of fields, with the end of its line.
  package static func line(_ fields: [String]) -> String { fields.joined(separator: ",") + "\n" }
}
