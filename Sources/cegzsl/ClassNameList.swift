import Matrices
import Models
import Training

/// Names of classes on the command line: with commas between them, and in quotes (as in csv) where a name has one itself.
enum ClassNameList {
  /// Numbers of the named classes, in their order.
  ///
  /// - Parameter path: of the model, for messages.
  /// - Throws: `UseError.unknownClass`, `.classTwice`.
  static func parse(_ text: String, in table: ClassTable, path: String) throws -> [Int] {
    var numbers: [Int] = []
    for name in names(text) {
      guard let number = table.number(of: name) else {
        throw UseError.unknownClass(name: name, nearest: nearest(name, among: table.names), path: path)
      }
      guard !numbers.contains(number) else { throw UseError.classTwice(name: name) }
      numbers.append(number)
    }
    return numbers
  }

  private static func names(_ text: String) -> [String] {
    var (names, name, isQuoted, wasQuote) = ([String](), "", false, false)
    for character in text {
      switch character {
      case "\"" where isQuoted: (isQuoted, wasQuote) = (false, true)
      case "\"" where wasQuote:
        name.append(character)
        (isQuoted, wasQuote) = (true, false)
      case "\"" where name.isEmpty: isQuoted = true
      case "," where !isQuoted:
        names.append(name)
        (name, wasQuote) = ("", false)
      default: name.append(character)
      }
    }
    return names + [name]
  }
}
