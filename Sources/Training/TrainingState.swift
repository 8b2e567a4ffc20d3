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
  /// What a replica holds beside its parameters, a rank's units of each: Adam's moments, and F's accumulated gradient where the
  /// authors' quirk is on. Saved, restored and shared in this order.
  private var ownState: [(name: String, shape: ParameterShape, own: Matrix, partition: RowPartition)] {
    var result: [(String, ParameterShape, Matrix, RowPartition)] = []
    for parameters in [generatorParameters, criticParameters] {
      for (suffix, moments) in [
        (".first_moment", parameters.firstMoments), (".second_moment", parameters.secondMoments),
      ] {
        for shape in parameters.arena.shapes {
          result.append((shape.name + suffix, shape, moments[shape.name], parameters.partition(shape)))
        }
      }
    }
    if let comparatorAccumulation {
      for shape in model.criticArena.shapes where shape.name.hasPrefix("comparator.") {
        result.append(
          (
            shape.name + ".accumulated_gradient", shape, comparatorAccumulation[shape.name],
            criticParameters.partition(shape)
          ))
      }
    }
    return result
  }

  /// The same tensors whole, on rank 0; elsewhere none. Every rank calls it.
  ///
  /// - Throws: `CollectiveError`.
  package func optimizerTensors() throws -> [Tensor] {
    try ownState.compactMap { name, shape, own, partition in
      let whole = try whole(shape, own, partition, onRootOnly: true)
      return communicator.isRoot ? Tensor(name: name, shape: shape.fileShape, data: .matrix(whole)) : nil
    }
  }

  /// The gradients of the last step of one group of layers, whole, on every rank.
  ///
  /// - Throws: `CollectiveError`.
  package func wholeGradients(ofGenerator: Bool) throws -> [(shape: ParameterShape, gradient: Matrix)] {
    let (parameters, reduction) =
      ofGenerator ? (generatorParameters, generatorReduction) : (criticParameters, criticReduction)
    return try parameters.arena.shapes.map { shape in
      let own = shape.part(reduction.gradients[shape.name], units: parameters.units(shape))
      return (shape, try whole(shape, own, parameters.partition(shape), onRootOnly: false))
    }
  }

  /// A parameter-shaped matrix from every rank's units of it.
  private func whole(_ shape: ParameterShape, _ own: Matrix, _ partition: RowPartition, onRootOnly: Bool) throws
    -> Matrix
  {
    let all = Matrix(rows: shape.rowCount, columns: shape.columnCount)
    func byUnits(_ x: Matrix) -> Matrix {
      shape.rowCount == 1 ? x.reshaped(rows: x.columnCount, columns: 1) : x
    }
    if onRootOnly {
      try communicator.gatherRowsToRoot(byUnits(own), into: byUnits(all), partition: partition)
    } else {
      try communicator.gatherRows(byUnits(own), into: byUnits(all), partition: partition)
    }
    return all
  }

  package var counters: [String: String] {
    [
      "critic_optimizer_steps": "\(criticOptimizer.stepCount)",
      "generator_optimizer_steps": "\(generatorOptimizer.stepCount)",
    ]
  }

  /// Takes over a checkpoint's parameters and counters on the rank that has it; `share` brings them, and the moments, to all.
  ///
  /// - Throws: `CheckpointError` when something is missing or of another shape.
  package func restore(from checkpoint: LoadedCheckpoint) throws {
    do {
      parametersChanged()
      try model.restore(from: checkpoint.model)
      // All of it is looked at before anything is shared.
      for (name, shape, _, _) in ownState { _ = try checkpoint.optimizer.matrix(name, shape: shape.fileShape) }
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

  /// Rank 0's parameters and counters and, where it has a checkpoint, the moments, on every rank. Every rank calls it.
  ///
  /// - Parameters:
  ///   - checkpoint: on rank 0, what `restore` was given.
  ///   - iteration: on rank 0, iterations done.
  /// - Returns: iterations done, on every rank.
  /// - Throws: `CollectiveError`.
  package func share(_ checkpoint: LoadedCheckpoint?, iteration: Int) throws -> Int {
    parametersChanged()
    for arena in model.arenas { try communicator.broadcast(arena.values) }
    // Behind this sum nobody writes to the parameters any more.
    let own = [
      iteration, criticOptimizer.stepCount, generatorOptimizer.stepCount, checkpoint == nil ? 0 : 1,
    ]
    let shared = try communicator.sum(communicator.isRoot ? own : [0, 0, 0, 0])
    (criticOptimizer.stepCount, generatorOptimizer.stepCount) = (shared[1], shared[2])
    if shared[3] == 1 {
      for (name, shape, own, partition) in ownState {
        let whole = Matrix(rows: shape.rowCount, columns: shape.columnCount)
        if let checkpoint { whole.copy(from: try matrix(name, shape, checkpoint.optimizer)) }
        try communicator.broadcast(whole.storage)
        own.copy(from: shape.part(whole, units: partition.slice(of: communicator.rank)))
      }
    }
    return shared[0]
  }

  /// SHA-256 over everything that a checkpoint holds of this rank: the parameters, and its units of the rest.
  package func stateDigest() -> String {
    var digest = Digest()
    for arena in model.arenas { digest.add(arena.values) }
    for (_, _, own, _) in ownState { digest.add(own) }
    digest.add([criticOptimizer.stepCount, generatorOptimizer.stepCount])
    return digest.hexadecimal()
  }

  /// - Throws: `RankDisagreement` with status 70 on every rank when the replicas are no longer equal.
  package func requireEqualReplicas(iteration: Int) throws {
    try waitForParameters()
    var digest = Digest()
    for arena in model.arenas { digest.add(arena.values) }
    digest.add([criticOptimizer.stepCount, generatorOptimizer.stepCount])
    try requireAgreement(
      [("state", String(digest.hexadecimal().prefix(16)))], subject: "their parameters after iteration \(iteration)",
      cure: "A replica was corrupted, or the hosts differ in hardware or libraries. Nothing was saved; resume from the "
        + "last checkpoint on equal hosts.", status: .ranksDiverged, communicator)
  }
}
