// Writing JSON: every file and every line that this program prints.

/// Where the spaces and line breaks of a JSON text are.
package enum JSONLayout: Sendable {
  /// `{"a":1,"b":[2,3]}`: of headers, and of what travels.
  case compact
  /// `{"a": 1, "b": [2, 3]}`: a line for people.
  case line
  /// A member or element a line, `"a" : 1`, two spaces deeper at each level; as Foundation lays it out.
  case page
}

extension JSONValue {
  /// The value as text, without a line break at its end. Numbers read back as the same; one that is not finite becomes `null`, as
  /// JSON has no word for it.
  package func text(_ layout: JSONLayout = .compact) -> String {
    var text = ""
    append(to: &text, layout, depth: 0)
    return text
  }

  private func append(to text: inout String, _ layout: JSONLayout, depth: Int) {
    switch self {
    case .object(let members):
      Self.append(("{", "}"), members, to: &text, layout, depth) { member, text in
        text += Self.quoted(member.key)
        text += layout == .compact ? ":" : layout == .line ? ": " : " : "
        member.value.append(to: &text, layout, depth: depth + 1)
      }
    case .array(let values):
      Self.append(("[", "]"), values, to: &text, layout, depth) { $0.append(to: &$1, layout, depth: depth + 1) }
    case .string(let string): text += Self.quoted(string)
    case .integer(let value): text += String(value)
    case .number(let value): text += value.isFinite ? String(value) : "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .null: text += "null"
    }
  }

  /// The parts of an object or array between its brackets.
  private static func append<Part>(
    _ brackets: (String, String), _ parts: [Part], to text: inout String, _ layout: JSONLayout, _ depth: Int,
    _ body: (Part, inout String) -> Void
  ) {
    func newLine(_ depth: Int) -> String { "\n" + String(repeating: "  ", count: depth) }
    text += brackets.0
    for (place, part) in parts.enumerated() {
      if place > 0 { text += layout == .line ? ", " : "," }
      if layout == .page { text += newLine(depth + 1) }
      body(part, &text)
    }
    if layout == .page { text += (parts.isEmpty ? "\n" : "") + newLine(depth) }
    text += brackets.1
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
