import Checkpoints
import Collectives
import Files
import Matrices
import Models
import Networks
import Optimizers

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

extension CheckpointSummary {
  /// The options that shaped the trajectory of the checkpoint's run; in its state under "--name".
  package var options: [(name: String, value: String)] {
    state.filter { $0.key.hasPrefix("--") }.sorted { $0.key < $1.key }.map { (String($0.key.dropFirst(2)), $0.value) }
  }
}

/// A part of what a replica holds beside its parameters: a rank's units of a tensor that has the shape of a parameter.
private struct OwnedTensor {
  /// In checkpoints.
  let name: String
  /// Of the whole.
  let shape: ParameterShape
  let own: Matrix
  let partition: RowPartition
}

extension HybridStep {
  // What a replica is: `model.parameters`, `ownedTensors` and `counterPaths`. Saving, restoring, sharing and digests walk these lists:
  // a line here is all that something new needs to survive a resume, but for checkpoints of before, which lack it and are refused.

  /// Adam's moments, and F's accumulated gradient where the authors' quirk is on.
  private var ownedTensors: [OwnedTensor] {
    var result: [OwnedTensor] = []
    func add(_ parameters: OwnedParameters, _ suffix: String, _ tensors: NamedMatrices, only prefix: String = "") {
      for shape in parameters.arena.shapes where shape.name.hasPrefix(prefix) {
        result.append(
          OwnedTensor(
            name: shape.name + suffix, shape: shape, own: tensors[shape.name], partition: parameters.partition(shape)))
      }
    }
    for parameters in [generatorParameters, criticParameters] {
      add(parameters, ".first_moment", parameters.firstMoments)
      add(parameters, ".second_moment", parameters.secondMoments)
    }
    if let comparatorAccumulation {
      add(criticParameters, ".accumulated_gradient", comparatorAccumulation, only: "comparator.")
    }
    return result
  }

  /// By their names in checkpoints.
  private static var counterPaths: [(name: String, path: ReferenceWritableKeyPath<HybridStep, Int>)] {
    [
      ("critic_optimizer_steps", \.criticOptimizer.stepCount),
      ("generator_optimizer_steps", \.generatorOptimizer.stepCount),
    ]
  }

  /// The owned tensors whole, on rank 0; elsewhere none. Every rank calls it.
  ///
  /// - Throws: `CollectiveError`.
  package func optimizerTensors() throws -> [Tensor] {
    try ownedTensors.compactMap {
      let whole = try whole($0.shape, $0.own, $0.partition, onRootOnly: true)
      return communicator.isRoot ? Tensor(name: $0.name, shape: $0.shape.fileShape, data: .matrix(whole)) : nil
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
    Dictionary(uniqueKeysWithValues: Self.counterPaths.map { ($0.name, "\(self[keyPath: $0.path])") })
  }

  /// Takes over a checkpoint's parameters and counters on the rank that has it; `share` brings them, and the owned tensors, to all.
  ///
  /// - Throws: `CheckpointError` when something is missing or of another shape.
  package func restore(from checkpoint: LoadedCheckpoint) throws {
    do {
      parametersChanged()
      try model.restore(from: checkpoint.model)
      // All of it is looked at before anything is shared.
      for tensor in ownedTensors { _ = try checkpoint.optimizer.matrix(tensor.name, shape: tensor.shape) }
    } catch let error as SafetensorsError {
      throw CheckpointError.damaged(path: error.path, reason: "\(error.problem)")
    }
    for (name, path) in Self.counterPaths {
      guard let count = checkpoint.state[name].flatMap({ Int($0) }) else {
        throw CheckpointError.damaged(path: checkpoint.path, reason: "its manifest lacks '\(name)'")
      }
      self[keyPath: path] = count
    }
  }

  /// Takes over initial weights on the rank that has them; `share` brings them to all.
  ///
  /// - Throws: `InitialWeightsError`, `ArrayFileError`.
  package func restore(from weights: InitialWeights) throws {
    parametersChanged()
    try weights.put(into: model)
  }

  /// Rank 0's parameters and counters and, where it has a checkpoint, its owned tensors, on every rank. Every rank calls it.
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
    let own = [iteration, checkpoint == nil ? 0 : 1] + Self.counterPaths.map { self[keyPath: $0.path] }
    let shared = try communicator.sum(communicator.isRoot ? own : own.map { _ in 0 })
    for (counter, value) in zip(Self.counterPaths, shared.dropFirst(2)) { self[keyPath: counter.path] = value }
    guard shared[1] == 1 else { return shared[0] }
    for tensor in ownedTensors {
      let whole = Matrix(rows: tensor.shape.rowCount, columns: tensor.shape.columnCount)
      if let checkpoint { whole.copy(from: try checkpoint.optimizer.matrix(tensor.name, shape: tensor.shape)) }
      try communicator.broadcast(whole.storage)
      tensor.own.copy(from: tensor.shape.part(whole, units: tensor.partition.slice(of: communicator.rank)))
    }
    return shared[0]
  }

  /// SHA-256 over everything that a checkpoint holds of this rank: the parameters, and its units of the rest.
  package func stateDigest() -> String {
    var digest = sharedDigest
    for tensor in ownedTensors { digest.add(tensor.own) }
    return digest.hexadecimal()
  }

  /// Of what every rank holds whole.
  var sharedDigest: Digest {
    var digest = Digest()
    for arena in model.arenas { digest.add(arena.values) }
    digest.add(Self.counterPaths.map { self[keyPath: $0.path] })
    return digest
  }
}
