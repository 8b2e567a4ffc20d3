/// What a process's exit status says to the script that started it.
package enum ExitStatus: Int32, Sendable, CaseIterable {
  case done = 0
  case mismatch = 1
  case usage = 64
  case badData = 65
  case badCheckpoint = 66
  case unusableMachine = 69
  case ranksDiverged = 70
  case nonFinite = 71
  case inputOutput = 74
  case stoppedResumable = 75
  case ranksDisagree = 78
  case watchdog = 79

  /// For `cegzsl --help`.
  package var summary: String {
    switch self {
    case .done: "done"
    case .mismatch: "parity mismatch"
    case .usage: "usage"
    case .badData: "bad data"
    case .badCheckpoint: "bad checkpoint"
    case .unusableMachine: "unusable machine or host"
    case .ranksDiverged: "ranks diverged"
    case .nonFinite: "not finite"
    case .inputOutput: "input/output or no memory left"
    case .stoppedResumable: "stopped by a signal with everything saved; starting again resumes"
    case .ranksDisagree: "ranks disagree on binary, options or data; the doctor found something"
    case .watchdog: "watchdog: a rank no longer moves"
    }
  }
}

/// An error a user can meet. Its description says what is wrong, where, and what to do.
package protocol ReportableError: Error, CustomStringConvertible, Sendable {
  var exitStatus: ExitStatus { get }
}

/// An error that every rank throws at the same point, so that one of them may speak for all.
package protocol SharedFailure: ReportableError {}
