import Matrices

/// Why a checkpoint's model cannot be used.
package enum ModelError: ReportableError, Equatable {
  /// A file that is what its manifest says does not hold what it should.
  case damaged(path: String, reason: String)
  case newerFormat(path: String, version: Int)
  /// Saved by a version that did not keep the classes, or without an evaluation.
  case incomplete(path: String, lacks: String)
  /// A head that takes more than one linear layer of embeddings was asked for no more than that.
  case needsFeatures(path: String, head: String)
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
    case .needsFeatures(let path, let head):
      "\(path) answers with the head '\(head)', which is more than one layer of the embedding, and this takes such a layer. 'predict', "
        + "'evaluate', 'export' and 'extend' take all of it; for the rest, use a checkpoint of a run with --head softmax."
    case .noCheckpoint(let run):
      "\(run) has no checkpoint. Name a run directory with --run; the first checkpoint of a run is saved after --checkpoint-every."
    }
  }
}
