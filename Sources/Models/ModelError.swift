import Matrices

/// Why a checkpoint's model cannot be used.
package enum ModelError: ReportableError, Equatable {
  /// A file that is what its manifest says does not hold what it should.
  case damaged(path: String, reason: String)
  case newerFormat(path: String, version: Int)
  /// Saved by a version that did not keep the classes, or without an evaluation.
  case incomplete(path: String, lacks: String)
  /// Nothing was saved yet.
  case noCheckpoint(run: String)

  package var exitStatus: ExitStatus { .badCheckpoint }
  package var description: String {
    switch self {
    case .damaged(let path, let reason): "\(path): \(reason). Use another checkpoint, or a copy of this one."
    case .newerFormat(let path, let version):
      "\(path) has format version \(version), which this program does not know. Update the program."
    case .incomplete(let path, let lacks):
      "\(path) has no \(lacks). Complete it with 'cegzsl evaluate --data DIR --checkpoint \(path)'; DIR is the folder that the model was "
        + "trained on."
    case .noCheckpoint(let run):
      "\(run) has no checkpoint. Name a run directory with --run; the first checkpoint of a run is saved after --checkpoint-every."
    }
  }
}
