import ArgumentParser
import Foundation
import Matrices
import Training

/// The options that shape a run: those of `Settings`, by their names. Unset ones come from the file, the preset, or the default, in this
/// order.
struct ConfigurationOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Options from a YAML file, 'name: value' per line.", valueName: "file.yaml"))
  var config: String?
  /// What the command itself does not know: names of settings with their values.
  @Argument(parsing: .allUnrecognized, help: .hidden)
  var settings: [String] = []

  /// What the command line sets, by name.
  ///
  /// - Throws: `ConfigurationError`.
  private func given(to command: any ParsableCommand.Type) throws -> [(name: String, value: String)] {
    let known = Settings.list.map(\.name)
    let ofCommand = command.usageString().matches(of: /--([a-z-]+)/).map { String($0.1) }
    precondition(Set(known).isDisjoint(with: ofCommand), "\(command) has an option that is a setting's as well")
    var result: [(String, String)] = []
    var words = settings[...]
    while let word = words.popFirst() {
      guard word.hasPrefix("--") else { throw ConfigurationError.strayWord(word) }
      let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard let setting = Settings.list.first(where: { $0.name == name }) else {
        throw ConfigurationError.unknownName(
          name: word, place: "command line", nearest: nearest(name, among: known + ofCommand).map { "--" + $0 })
      }
      if setting.isList, let place = result.firstIndex(where: { $0.0 == name }),
        let value = parts.count == 2 ? String(parts[1]) : words.popFirst()
      {
        result[place].1 += "," + value
      } else if parts.count == 2 {
        result.append((name, String(parts[1])))
      } else if setting.isFlag {
        result.append((name, "true"))
      } else if let value = words.popFirst() {
        result.append((name, value))
      } else {
        throw ConfigurationError.missingValue(name: word, expected: setting.expected)
      }
    }
    return result
  }

  /// Settings that the command line gives and a command has no use for.
  ///
  /// - Parameter used: names of those that it uses.
  /// - Throws: `ConfigurationError` for what the command line cannot say at all.
  func unused(_ used: Set<String>, by command: any ParsableCommand.Type) throws -> [String] {
    try given(to: command).map(\.name).filter { !used.contains($0) }
  }

  /// Refuses settings that a command would record and not use.
  ///
  /// - Parameter used: names of those that it uses.
  /// - Throws: `ConfigurationError`.
  func requireUsed(_ used: Set<String>, by command: any ParsableCommand.Type) throws {
    guard let other = try unused(used, by: command).first else { return }
    throw ConfigurationError.unusedName(name: "--" + other, command: command._commandName)
  }

  /// What the command line alone says of a setting; nil where it says nothing, or nothing right.
  func given(_ name: String, to command: any ParsableCommand.Type) -> String? {
    (try? given(to: command))?.last { $0.name == name }?.value
  }

  /// Command line over file over preset over `base` (a resumed run's own configuration) over defaults.
  ///
  /// - Parameters:
  ///   - command: whose command line it is.
  ///   - defaultPreset: for commands that cannot do without one.
  /// - Throws: `ConfigurationError`.
  func resolve(
    of command: any ParsableCommand.Type, base: (text: String, path: String)? = nil, defaultPreset: String = ""
  ) throws -> Configuration {
    var configuration = Configuration()
    if let base { try configuration.apply(ConfigurationFile.parse(base.text, path: base.path), place: base.path) }
    var file: [(name: String, value: String)] = []
    if let config {
      guard let bytes = FileManager.default.contents(atPath: config) else {
        throw ConfigurationError.badValue(
          name: "--config", value: config, expected: "a file that can be read", place: "command line")
      }
      file = try ConfigurationFile.parse(String(decoding: bytes, as: UTF8.self), path: config)
    }
    let given = try given(to: command)
    let presetName = (file + given).last { $0.name == Settings.all.preset.name }?.value ?? defaultPreset
    if !presetName.isEmpty { try configuration.apply(Preset.named(presetName).values, place: "preset \(presetName)") }
    try configuration.apply(file, place: config ?? "")
    try configuration.apply(given, place: "command line")
    if !presetName.isEmpty { configuration.preset = presetName.lowercased() }
    return configuration
  }

  /// Every setting for `--help`, as the argument parser prints its own.
  static let help: String = {
    let (indent, width) = (26, 78)
    let lines = Settings.list.map { setting in
      let name = "  --\(setting.name)" + (setting.isFlag ? "" : " <\(setting.name)>")
      let initial = setting.defaultText.isEmpty || setting.isFlag ? "" : " (default: \(setting.defaultText))"
      let help =
        setting.help.hasSuffix(".") && !initial.isEmpty ? setting.help.dropLast() + initial + "." : setting.help[...]
      var (text, line) = (name.count < indent ? name : name + "\n", name.count < indent ? name : "")
      for word in help.split(separator: " ") {
        if line.count < indent {
          text += String(repeating: " ", count: indent - line.count)
          line = String(repeating: " ", count: indent)
        } else if line.count + 1 + word.count > width {
          line = String(repeating: " ", count: indent)
          text += "\n" + line
        } else {
          text += " "
          line += " "
        }
        text += word
        line += word
      }
      return text
    }
    return "OPTIONS OF A RUN:\n" + lines.joined(separator: "\n")
  }()
}
