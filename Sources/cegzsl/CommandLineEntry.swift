import ArgumentParser
import CProcessor
import Collectives
import Files
import Foundation
import Kernels
import Matrices
import Training

@main
struct Cegzsl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cegzsl",
    abstract: "Trains CE-GZSL (contrastive embedding for generalized zero-shot learning, CVPR 2021) over MPI.",
    discussion: """
      Start it alone, or on many ranks with 'mpirun -n P cegzsl …': the trained model has the same bytes.

      Exit status:
      \(ExitStatus.allCases.map { "  \($0.rawValue)  \($0.summary)" }.joined(separator: "\n"))
      """,
    version: Build.version,
    subcommands: [
      Train.self, Evaluate.self, Baseline.self, Predict.self, Extend.self, Export.self, Synthesize.self, Show.self,
      Runs.self, Report.self, Sweep.self, Inspect.self, Assemble.self, Convert.self, Prepare.self,
      DemoDataCommand.self, Presets.self, Reference.self, Parity.self,
      Benchmark.self, Doctor.self, PlanCommand.self,
    ])

  static func main() {
    guard cegzsl_has_avx2() != 0 else { refuseProcessor() }
    StandardStreams.reserve()
    StandardStreams.dieOfCrashes()
    // A user who writes to a closed pipe or file limit gets an error, not a signal.
    signal(SIGPIPE, SIG_IGN)
    AllocatorSettings.returnFreedMemory()
    do {
      try VectorLoops.requireUsable()
      try requireKnownCommand()
      var command = try parseAsRoot(withNegativeValues(Array(CommandLine.arguments.dropFirst())))
      try command.run()
    } catch let exit as ExitCode {
      Foundation.exit(exit.rawValue)
    } catch let error as UnusableVectorWidth {
      leaveEarly(LastWords(error))
    } catch {
      let text = fullMessage(for: error)
      guard exitCode(for: error).isSuccess else { leaveEarly(LastWords(.usage, text)) }
      // Every rank was asked for help or the version; one of them speaks.
      if MPICommunicator.launchedRank == 0 && !text.isEmpty { print(text) }
      Foundation.exit(0)
    }
  }
}

/// `--seed -1` as `--seed=-1`: the parser takes a dash for the next option, and would say that there is no value.
func withNegativeValues(_ arguments: [String]) -> [String] {
  var result: [String] = []
  for argument in arguments {
    if let option = result.last, option.hasPrefix("--"), !option.contains("="), option.count > 2,
      argument.hasPrefix("-"),
      Double(argument) != nil
    {
      result[result.count - 1] = option + "=" + argument
    } else {
      result.append(argument)
    }
  }
  return result
}

extension Cegzsl {
  /// The parser would complain about the options of a command that it does not know.
  private static func requireKnownCommand() throws {
    let known = configuration.subcommands.map { $0._commandName } + ["help"]
    guard let name = CommandLine.arguments.dropFirst().first, !name.hasPrefix("-"), !known.contains(name) else {
      return
    }
    throw ValidationError(
      "There is no command '\(name)'"
        + (nearest(name, among: known).map { "; did you mean '\($0)'?" } ?? "; see 'cegzsl --help'."))
  }
}

/// Before anything that was compiled for AVX2 runs.
private func refuseProcessor() -> Never {
  let text = "cegzsl: this processor has no AVX2, which cegzsl needs (Intel since 2013, AMD since 2015)\n"
  _ = text.withCString { write(2, $0, strlen($0)) }
  exit(ExitStatus.unusableMachine.rawValue)
}

enum Build {
  static let version = "0.1.0"

  /// Of the running program; its whole file is read.
  ///
  /// - Throws: `StorageError` where the file cannot be read.
  static func identity() throws -> ProgramIdentity {
    let file = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return ProgramIdentity(version: version, digest: try FileSource.digest(file).sha256)
  }
}

func writeError(_ text: String) {
  StandardStreams.error(printable(text) + "\n")
}

/// On standard output, what a user should know of how data were read.
func printNotes(_ notes: [String]) { notes.forEach { print(printable("note: \($0)")) } }

/// Line by line, with names from files as they can be printed.
func printable(_ text: String) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).forTerminal }.joined(separator: "\n")
}
