import ArgumentParser
import Training

struct Presets: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the settings of the presets, as YAML for --config.")

  @Argument(help: "Names of presets (default: all).")
  var names: [String] = []

  func run() throws {
    let chosen: [Preset]
    do { chosen = names.isEmpty ? Preset.all : try names.map(Preset.named) } catch {
      throw ValidationError("\(error)")
    }
    for preset in chosen {
      print("# \(preset.name): \(preset.summary)")
      for (name, value) in preset.values { print("\(name): \(value)") }
      print("")
    }
  }
}
