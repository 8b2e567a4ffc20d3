/// What a process's exit status says to the script that started it.
package enum ExitStatus: Int32, Sendable {
  case done = 0
  /// `parity` found a value beyond its tolerance.
  case mismatch = 1
  case usage = 64
  case badData = 65
  case badCheckpoint = 66
  /// This machine, or a host, cannot run the program.
  case unusableMachine = 69
  case ranksDiverged = 70
  case nonFinite = 71
  case inputOutput = 74
  /// Stopped by a signal with everything saved; starting again resumes.
  case stoppedResumable = 75
  case ranksDisagree = 78
  case watchdog = 79
}

/// An error a user can meet. Its description says what is wrong, where, and what to do.
package protocol ReportableError: Error, CustomStringConvertible, Sendable {
  var exitStatus: ExitStatus { get }
}

/// An error that every rank throws at the same point, so that one of them may speak for all.
package protocol SharedFailure: ReportableError {}
