import ArgumentParser
import Checkpoints
import Datasets
import Files
import Foundation
import Matrices
import Models

/// Which trained model a command uses.
struct ModelOptions: ParsableArguments {
  @Option(help: "Run directory of train or extend.")
  var run: String
  @Option(
    help: ArgumentHelp("best (by validation, else last), last, or a checkpoint's directory.", valueName: "which"))
  var checkpoint: String = "best"

  /// - Throws: `UseError.noRun`, what `TrainedModel.load` throws.
  func load() throws -> TrainedModel { try load(CheckpointChoice.filesForUse).model }

  /// The same with the whole checkpoint.
  func loadCheckpoint() throws -> (checkpoint: LoadedCheckpoint, model: TrainedModel) {
    try load(CheckpointFile.allCases)
  }

  private func load(_ files: [CheckpointFile]) throws -> (checkpoint: LoadedCheckpoint, model: TrainedModel) {
    guard FileManager.default.fileExists(atPath: run) else { throw UseError.noRun(path: run) }
    let (loaded, warnings) = try CheckpointChoice(checkpoint).load(run: run, files: files)
    warnings.forEach { writeError("warning: \($0)") }
    return (loaded, try TrainedModel(loaded))
  }
}

extension ClassDescriptors {
  /// Of a command's `--descriptors`; notes go to standard error.
  ///
  /// - Throws: what `init` throws.
  init(option: String, of model: TrainedModel) throws {
    try self.init(ArrayReference(option), attributeSize: model.attributeSize)
    notes.forEach { writeError("note: \($0)") }
  }
}

extension Answering: ExpressibleByArgument {}

/// Arguments that do not fit the model.
enum UseError: ReportableError {
  case badCount(option: String, value: Int, most: Int, of: String)
  case unknownClass(name: String, nearest: String?, path: String)
  case classTwice(name: String)
  case noRun(path: String)
  case isThere(path: String)
  case classIsThere(name: String, path: String)
  case nothingLeft(role: String)
  case headNeedsData(head: String, path: String)

  var exitStatus: ExitStatus { .usage }
  var description: String {
    switch self {
    case .badCount(let option, let value, let most, let what):
      "\(option) is \(value), but must be from 1 to \(most), the \(what)"
    case .unknownClass(let name, let nearest, let path):
      "\(path) has no class '\(name.forTerminal)'"
        + (nearest.map { "; did you mean '\($0.forTerminal)'?" } ?? "; 'cegzsl show \(path.forShell) --json' lists them")
    case .classTwice(let name): "class '\(name.forTerminal)' is named twice; name it once"
    case .isThere(let path): "\(path) is there already, and nothing is overwritten; choose another directory with --out"
    case .classIsThere(let name, let path):
      "\(path) has the class '\(name.forTerminal)' already; with --drop too, its descriptor is replaced"
    case .nothingLeft(let role): "no \(role) class would be left; the softmax needs one at least"
    case .headNeedsData(let head, let path):
      "\(path) answers with the head '\(head)', which is fitted to real rows; give the data that it was trained on with --data DIR"
    case .noRun(let path): "\(path) does not exist; name the run directory of train with --run"
    }
  }
}
