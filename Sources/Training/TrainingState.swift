import Checkpoints
import Collectives
import Files
import Matrices
import Networks

/// A checkpoint of another run, data set or model than the one that wants to use it.
package struct CheckpointMismatch: ReportableError {
  package let path: String
  package let differences: [String]

  package init(path: String, differences: [String]) {
    self.path = path
    self.differences = differences
  }

  package var exitStatus: ExitStatus { .badCheckpoint }
  package var description: String {
    "\(path) does not fit this run: \(differences.joined(separator: "; ")). Use the settings and data it was made "
      + "with, or start a new run with another --run."
  }
}

extension LoadedCheckpoint {
  /// The options that shaped the trajectory of the checkpoint's run; in its state under "--name".
  package var options: [(name: String, value: String)] {
    state.filter { $0.key.hasPrefix("--") }.sorted { $0.key < $1.key }.map { (String($0.key.dropFirst(2)), $0.value) }
  }
}

extension HybridModel {
  /// Every parameter under its PyTorch name and shape.
  package var tensors: [Tensor] {
    arenas.flatMap { arena in
      arena.shapes.map { Tensor(name: $0.name, shape: $0.fileShape, data: .matrix(arena.value($0.name))) }
    }
  }

  /// Puts a file's parameters in place.
  ///
  /// - Throws: `SafetensorsError` for a parameter that is missing or of another shape.
  package func restore(from file: SafetensorsFile) throws {
    for arena in arenas {
      for shape in arena.shapes {
        arena.value(shape.name).copy(from: try matrix(shape.name, shape, file))
      }
    }
  }
}

private func matrix(_ name: String, _ shape: ParameterShape, _ file: SafetensorsFile) throws -> Matrix {
  try file.matrix(name, shape: shape.fileShape).reshaped(rows: shape.rowCount, columns: shape.columnCount)
}

extension HybridStep {
  private var moments: [(suffix: String, storage: (ParameterArena) -> FloatStorage)] {
    [(".first_moment", { $0.firstMoments }), (".second_moment", { $0.secondMoments })]
  }

  /// Adam's moments, and F's accumulated gradient where the authors' quirk is on.
  package var optimizerTensors: [Tensor] {
    var result = model.arenas.flatMap { arena in
      moments.flatMap { suffix, storage in
        arena.shapes.map { shape in
          Tensor(
            name: shape.name + suffix, shape: shape.fileShape,
            data: .matrix(arena.view(shape.name, of: storage(arena))))
        }
      }
    }
    if let accumulation = comparatorAccumulation {
      for shape in model.criticArena.shapes where shape.name.hasPrefix("comparator.") {
        result.append(
          Tensor(
            name: shape.name + ".accumulated_gradient", shape: shape.fileShape,
            data: .matrix(model.criticArena.view(shape.name, of: accumulation))))
      }
    }
    return result
  }

  package var counters: [String: String] {
    [
      "critic_optimizer_steps": "\(criticOptimizer.stepCount)",
      "generator_optimizer_steps": "\(generatorOptimizer.stepCount)",
    ]
  }

  /// Takes over a checkpoint's parameters, moments and counters.
  ///
  /// - Throws: `CheckpointError` when something is missing or of another shape.
  package func restore(from checkpoint: LoadedCheckpoint) throws {
    do {
      parametersChanged()
      try model.restore(from: checkpoint.model)
      for arena in model.arenas {
        for (suffix, storage) in moments {
          for shape in arena.shapes {
            arena.view(shape.name, of: storage(arena)).copy(
              from: try matrix(shape.name + suffix, shape, checkpoint.optimizer))
          }
        }
      }
      if let accumulation = comparatorAccumulation {
        for shape in model.criticArena.shapes where shape.name.hasPrefix("comparator.") {
          model.criticArena.view(shape.name, of: accumulation).copy(
            from: try matrix(shape.name + ".accumulated_gradient", shape, checkpoint.optimizer))
        }
      }
    } catch let error as SafetensorsError {
      throw CheckpointError.damaged(path: error.path, reason: "\(error.problem)")
    }
    guard let critic = checkpoint.state["critic_optimizer_steps"].flatMap({ Int($0) }),
      let generator = checkpoint.state["generator_optimizer_steps"].flatMap({ Int($0) })
    else {
      throw CheckpointError.damaged(path: checkpoint.path, reason: "its manifest lacks the optimizers' step counts")
    }
    criticOptimizer.stepCount = critic
    generatorOptimizer.stepCount = generator
  }

  /// SHA-256 over everything that a checkpoint holds.
  package func stateDigest() -> String {
    var digest = Digest()
    for arena in model.arenas {
      for storage in [arena.values, arena.firstMoments, arena.secondMoments] { digest.add(storage) }
    }
    if let comparatorAccumulation { digest.add(comparatorAccumulation) }
    digest.add([criticOptimizer.stepCount, generatorOptimizer.stepCount])
    return digest.hexadecimal()
  }

  /// - Throws: `RankDisagreement` with status 70 on every rank when the replicas are no longer equal.
  package func requireEqualReplicas(iteration: Int) throws {
    try requireAgreement(
      [("state", String(stateDigest().prefix(16)))], subject: "their parameters after iteration \(iteration)",
      cure: "A replica was corrupted, or the hosts differ in hardware or libraries. Nothing was saved; resume from the "
        + "last checkpoint on equal hosts.", status: .ranksDiverged, communicator)
  }
}
