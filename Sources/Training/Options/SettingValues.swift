// The kinds of values that options have, and the two that only options need.
import Datasets
import Evaluation
import Kernels
import Networks

/// How often something happens: every so many iterations or epochs, or never.
package enum Interval: SettingValue, CustomStringConvertible {
  case never
  case iterations(Int)
  case epochs(Int)

  /// Reads `120`, `5epochs`, `1epoch` or `0` (never).
  package init?(_ text: String) {
    let digits = text.prefix { $0.isNumber }
    guard let count = Int(digits) else { return nil }
    switch text.dropFirst(digits.count).drop(while: { $0 == " " }) {
    case "": self = count == 0 ? .never : .iterations(count)
    case "epoch", "epochs": self = count == 0 ? .never : .epochs(count)
    default: return nil
    }
  }

  package init?(setting text: String) { self.init(text) }
  package var settingText: String { description }

  package var description: String {
    switch self {
    case .never: "0"
    case .iterations(let count): "\(count)"
    case .epochs(let count): "\(count)epochs"
    }
  }

  /// Whether it is due once `iteration` iterations are done.
  package func isDue(after iteration: Int, iterationsPerEpoch: Int) -> Bool {
    switch self {
    case .never: false
    case .iterations(let count): iteration % count == 0
    case .epochs(let count): iteration % (count * iterationsPerEpoch) == 0
    }
  }
}

/// Whether something is chosen before the test rows are looked at.
package enum Selection: String, SettingValue, CaseIterable {
  /// Nothing: the figures are those of the last iteration.
  case last
  /// Epochs, the head's constants and γ, by AUSUC on validation rows and classes that a first phase holds out.
  case validation
}

/// Paths, separated by commas; an option that is given several times has all of them.
package struct PathList: SettingValue {
  package var paths: [String]

  package init(_ paths: [String]) { self.paths = paths }

  package init?(setting text: String) {
    paths = text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    if paths.contains("") { return nil }
  }

  package var settingText: String { paths.joined(separator: ",") }
}

extension FirstNumber: SettingValue {}
extension HeadKind: SettingValue {}
extension EmbeddingKind: SettingValue {}
extension ProductPrecision: SettingValue {}

extension Int: SettingValue {
  package init?(setting text: String) { self.init(text) }
  package var settingText: String { "\(self)" }
}

extension Double: SettingValue {
  package init?(setting text: String) {
    guard let value = Double(text), value.isFinite else { return nil }
    self = value
  }
  package var settingText: String { "\(self)" }
}

extension Bool: SettingValue {
  package init?(setting text: String) { self.init(text) }
  package var settingText: String { "\(self)" }
}

extension String: SettingValue {
  package init?(setting text: String) { self = text }
  package var settingText: String { self }
}

extension SettingValue where Self: RawRepresentable<String> {
  package init?(setting text: String) { self.init(rawValue: text) }
  package var settingText: String { rawValue }
}
