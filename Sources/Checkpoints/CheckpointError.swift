import Foundation
import Matrices

/// Why a checkpoint cannot be saved, loaded or trusted.
package enum CheckpointError: ReportableError, LocalizedError, Equatable {
  /// Nothing has that path.
  case missing(path: String)
  /// A run directory stands where one of its checkpoints was meant.
  case isRun(path: String)
  /// `path`, a file or a directory of a checkpoint, is not what its manifest says.
  case damaged(path: String, reason: String)
  /// Written by another format version.
  case unsupportedVersion(path: String, version: Int, supported: Int)
  /// Checkpoints exist below `path` and none verifies; one line for each.
  case noneValid(path: String, reasons: [String])
  /// What was just written reads back differently.
  case readBackDiffers(path: String, written: String, read: String)
  /// Another state of the same iteration is already there.
  case iterationExists(path: String)
  /// A best checkpoint must have been saved first.
  case unknownIteration(iteration: Int, directory: String)
  /// Another process works in the run directory.
  case inUse(lock: String, holder: String)
  /// Another process began to work there only just now: perhaps meant to be a rank of the same run.
  case startedTogether(lock: String, holder: String, secondsAgo: Int)

  package var exitStatus: ExitStatus {
    switch self {
    case .missing, .isRun, .damaged, .unsupportedVersion, .noneValid, .unknownIteration: .badCheckpoint
    case .readBackDiffers: .inputOutput
    case .iterationExists, .inUse, .startedTogether: .usage
    }
  }

  package var errorDescription: String? { description }

  package var description: String {
    switch self {
    case .missing(let path):
      "there is no checkpoint at \(path). 'cegzsl show RUN' lists those of a run; they are RUN/checkpoints/iteration-…."
    case .isRun(let path):
      "\(path) is a run, not a checkpoint; name one of \(path)/checkpoints, as 'cegzsl show \(path)' lists them."
    case .damaged(let path, let reason): "damaged checkpoint: \(path): \(reason). Resume from an older checkpoint."
    case .unsupportedVersion(let path, let version, let supported):
      "\(path) has format version \(version) and this program knows \(supported). "
        + (version > supported ? "Update the program." : "Load it with the version that wrote it.")
    case .noneValid(let path, let reasons):
      "no checkpoint in \(path) can be used:\n" + reasons.map { "  " + $0 }.joined(separator: "\n")
        + "\nRestore one from a copy, or start again in a new run directory."
    case .readBackDiffers(let path, let written, let read):
      "\(path) was written as \(written) and reads back as \(read). The storage cannot be trusted; use another one."
    case .iterationExists(let path):
      "\(path) already holds a valid checkpoint with other contents. Choose another run directory, or move it away."
    case .unknownIteration(let iteration, let directory):
      "there is no verified checkpoint of iteration \(iteration) in \(directory). Save it first."
    case .inUse(let lock, let holder):
      "the run directory is in use by \(holder) (lock \(lock)). Wait for it to end, or choose another run directory."
    case .startedTogether(let lock, let holder, let secondsAgo):
      "the run directory has been in use by \(holder) for \(secondsAgo) seconds (lock \(lock)). If one launcher started both, they are no ranks "
        + "of one run: MPI does not connect them, and each would train by itself. Start with launch/mpirun, or with the mpirun of the Open "
        + "MPI that cegzsl is linked to; 'cegzsl doctor', started in the same way, tells more. Otherwise choose another run directory."
    }
  }
}
