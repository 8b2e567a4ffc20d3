// What an option is: its name, default, range and help, once for files, the command line, `config.yaml`, checkpoints and messages.
import Networks

/// What an option's value can be: read from a text, and printed as one.
package protocol SettingValue: Sendable, Equatable {
  /// nil: the text is none.
  init?(setting text: String)
  /// Reads back as the same value.
  var settingText: String { get }
}

/// One option.
package struct Setting<Value: SettingValue>: Sendable {
  /// In files; on the command line it stands behind two dashes.
  package let name: String
  package let defaultValue: Value
  /// What a value must be, for messages.
  package let expected: String
  /// Without the default.
  package let help: String
  /// Whether a resumed run may change it: it does not alter the trajectory.
  package let mayChangeOnResume: Bool
  fileprivate let allows: @Sendable (Value) -> Bool

  fileprivate init(
    name: String, _ defaultValue: Value, expected: String, mayChange: Bool, _ help: String,
    allows: @escaping @Sendable (Value) -> Bool = { _ in true }
  ) {
    self.name = name
    self.defaultValue = defaultValue
    self.expected = expected
    self.help = help
    mayChangeOnResume = mayChange
    self.allows = allows
  }
}

extension Setting<String> {
  init(_ name: String, _ defaultValue: String, mayChange: Bool = false, _ help: String) {
    self.init(name: name, defaultValue, expected: "a text", mayChange: mayChange, help)
  }
}

extension Setting<PathList> {
  init(_ name: String, _ help: String) {
    self.init(name: name, PathList([]), expected: "paths, separated by commas", mayChange: false, help)
  }
}

extension Setting<Int> {
  init(_ name: String, _ defaultValue: Int, in range: ClosedRange<Int>, mayChange: Bool = false, _ help: String) {
    self.init(
      name: name, defaultValue, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
      mayChange: mayChange, help, allows: range.contains)
  }
}

extension Setting<Double> {
  init(_ name: String, _ defaultValue: Double, above: Double, mayChange: Bool = false, _ help: String) {
    self.init(
      name: name, defaultValue, expected: "a number above \(above)" + Self.range, mayChange: mayChange, help
    ) { $0 > above && Self.isInRange($0) }
  }
  init(_ name: String, _ defaultValue: Double, from least: Double, _ help: String) {
    self.init(
      name: name, defaultValue, expected: "a number not below \(least)" + Self.range, mayChange: false, help
    ) { $0 >= least && Self.isInRange($0) }
  }

  /// Steps compute in float32: what it rounds to 0 or infinity is another number than the user's, and denormals have no inverse.
  private static func isInRange(_ value: Double) -> Bool { value == 0 || Float(value).isNormal }
  private static var range: String { ", in float32's range of 1.2e-38 to 3.4e38" }
}

extension Setting<Bool> {
  /// Off unless it is given.
  init(flag name: String, _ help: String) {
    self.init(name: name, false, expected: "true or false", mayChange: false, help)
  }
}

extension Setting<Interval> {
  init(_ name: String, _ defaultValue: Interval, _ help: String) {
    self.init(
      name: name, defaultValue, expected: "a number of iterations, or e.g. 5epochs (0 for never)", mayChange: true, help
    )
  }
}

extension Setting where Value: RawRepresentable<String> & CaseIterable {
  init(choice name: String, _ defaultValue: Value, mayChange: Bool = false, _ help: String) {
    self.init(
      name: name, defaultValue, expected: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
      mayChange: mayChange, help)
  }
}

/// An option without the type of its value.
package protocol AnySetting: Sendable {
  var name: String { get }
  var help: String { get }
  var expected: String { get }
  var isFlag: Bool { get }
  /// Whether it may be given several times.
  var isList: Bool { get }
  var mayChangeOnResume: Bool { get }
  /// The default.
  var defaultText: String { get }
  /// nil: not allowed.
  func value(_ text: String) -> (any SettingValue)?
}

extension Setting: AnySetting {
  package var isFlag: Bool { Value.self == Bool.self }
  package var isList: Bool { Value.self == PathList.self }
  package var defaultText: String { defaultValue.settingText }
  package func value(_ text: String) -> (any SettingValue)? { Value(setting: text).flatMap { allows($0) ? $0 : nil } }
}
