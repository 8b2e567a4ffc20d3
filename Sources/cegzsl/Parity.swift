import ArgumentParser
import Collectives
import Files
import Foundation
import Matrices
import Training

struct Parity: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a fixed iteration of the method and compare losses, gradients and updates with expected ones.",
    discussion: """
      A case is a safetensors file with 'parameters/…', 'attributes', 'critic/k/{features, labels, noise, alpha}',
      'generator/noise' and, to be compared, 'expected/…'; scalars are in its metadata. Runs on any number of ranks.
      Exit status 1 when a tensor is beyond its tolerance.
      """)

  @Argument(help: "Case files.")
  var cases: [String]

  @Option(help: "Write NAME.actual.safetensors here: the tensors of expected/ as they came out.")
  var output: String?

  @Flag(help: "Print every tensor, not only those that fail and the worst.")
  var verbose = false

  @Option(help: "Run in micro-batches of at most so many rows (default: as training does).")
  var microBatchSize: Int?

  @OptionGroup var threadOptions: ThreadOptions

  func validate() throws {
    if let microBatchSize, microBatchSize < 1 {
      throw ValidationError("--micro-batch-size must be 1 or more, not \(microBatchSize).")
    }
    let names = Dictionary(grouping: cases, by: name)
    if output != nil, let twice = cases.first(where: { names[name(of: $0)]?.count ?? 0 > 1 }) {
      throw ValidationError(
        "There are several cases '\(name(of: twice).forTerminal)': they would be written to the same file of --output. Run them one by one."
      )
    }
  }

  /// Of a case, without folder and ending.
  private func name(of path: String) -> String { URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent }

  func run() throws {
    try withRanks(threads: threadOptions.threads) { communicator in
      var failed = 0
      for path in cases {
        let parity = try ParityCase(path: path)
        let actual = try parity.run(communicator, microBatchSize: microBatchSize)
        try communicator.onRoot {
          if let output { try write(actual, of: path, to: output) }
          failed += report(parity, path, actual) ? 0 : 1
        }
      }
      // Rank 0 alone compares; all ranks leave with its verdict.
      let verdict = try communicator.broadcast([failed > 0 ? 1 : 0])
      return verdict == [1] ? .mismatch : .done
    }
  }

  private func write(_ actual: [Tensor], of path: String, to folder: String) throws {
    let name = name(of: path)
    try NewPath.folders(folder)
    let tensors = actual.map { Tensor(name: "actual/" + $0.name, shape: $0.shape, data: $0.data) }
    let path = "\(folder)/\(name).actual.safetensors"
    unlink(path)
    try SafetensorsFile.write(path: path, tensors: tensors)
  }

  private func report(_ parity: ParityCase, _ path: String, _ actual: [Tensor]) -> Bool {
    guard parity.hasExpectations else {
      print("\(path): ran; it expects nothing")
      return true
    }
    let verdicts = parity.compare(actual)
    let bad = verdicts.filter { !$0.passes }
    for verdict in verbose ? verdicts : bad {
      print(
        "  \(verdict.passes ? "ok  " : "FAIL") \(verdict.name): error \(verdict.error), tolerance \(verdict.tolerance)")
    }
    let worst = verdicts.map { $0.error / $0.tolerance }.max() ?? 0
    let share = String(format: "%.3f", worst)
    print(
      "\(path): \(verdicts.count - bad.count) of \(verdicts.count) tensors agree, worst at \(share) of its tolerance")
    return bad.isEmpty
  }
}
