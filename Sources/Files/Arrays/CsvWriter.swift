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
    let isPadded = safe.utf8.first == UInt8(ascii: " ") || safe.utf8.last == UInt8(ascii: " ")
    guard isPadded || safe.utf8.contains(where: special.contains) else { return safe }
    // Byte by byte: a quote with a combining mark behind it is one character, and no quote.
    let quote = UInt8(ascii: "\"")
    let doubled = safe.utf8.flatMap { $0 == quote ? [quote, quote] : [$0] }
    return String(decoding: [quote] + doubled + [quote], as: UTF8.self)
  }

  /// A record of fields, with the end of its line.
  package static func line(_ fields: [String]) -> String { fields.joined(separator: ",") + "\n" }
}
