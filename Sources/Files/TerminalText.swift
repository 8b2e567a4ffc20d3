extension String {
  /// The text as it can be printed on a terminal whatever it holds: control characters, and characters that hide or reorder others, stand
  /// as `\u{1B}` does. For names that come from files.
  package var forTerminal: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
        result += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// The text as one word of a shell's command line, printable as well.
  package var forShell: String {
    let plain =
      !isEmpty
      && unicodeScalars.allSatisfy {
        $0.properties.isAlphabetic || ("0"..."9").contains($0) || "_./+,:@%=-".unicodeScalars.contains($0)
      }
    return plain
      ? self
      : ("'" + unicodeScalars.map { $0 == "'" ? "'\\''" : String($0) }.joined() + "'").forTerminal
  }
}
