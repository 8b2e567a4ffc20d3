import Files
import Foundation

/// A piece of HTML or SVG. A text that is interpolated is escaped, another piece is not: names from files cannot become markup.
///
///     let cell: Markup = "<td>\(className)</td>"
package struct Markup: Sendable, Equatable, ExpressibleByStringInterpolation {
  package private(set) var text: String

  package init(stringLiteral value: String) { text = value }
  package init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

  /// A text as it reads, whatever it holds.
  package init(escaping value: String) { text = value.forHTML }

  package static func + (a: Markup, b: Markup) -> Markup {
    var sum = a
    sum.text += b.text
    return sum
  }
  package static func += (a: inout Markup, b: Markup) { a.text += b.text }

  package struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = ""
    package init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }
    package mutating func appendLiteral(_ literal: String) { text += literal }
    package mutating func appendInterpolation(_ value: String) { text += value.forHTML }
    package mutating func appendInterpolation(_ value: Int) { text += "\(value)" }
    package mutating func appendInterpolation(_ value: Markup) { text += value.text }
    package mutating func appendInterpolation(_ value: [Markup]) { for piece in value { text += piece.text } }
    /// A coordinate, to a tenth.
    package mutating func appendInterpolation(_ value: Double) { text += value.coordinate }
  }
}

extension Double {
  /// As short as a tenth of a unit allows; 0 for what is not finite.
  var coordinate: String {
    guard isFinite, magnitude < 1e9 else { return "0" }
    let tenths = Int((self * 10).rounded())
    let sign = tenths < 0 ? "-" : ""
    let (whole, rest) = tenths.magnitude.quotientAndRemainder(dividingBy: 10)
    return rest == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(rest)"
  }
}

extension String {
  /// As text of a page or value of an attribute. Characters that hide or reorder others are spelled out, as on a terminal.
  fileprivate var forHTML: String {
    var result = ""
    result.reserveCapacity(utf8.count)
    for scalar in forTerminal.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
