// One iteration, method.md "One iteration": critic steps on fresh batches, then one generator step on the last of them.
// N local rows, X feature, Z noise.
import Matrices

/// Where an iteration's rows and draws come from: a data set and random numbers, or a file with everything fixed.
/// `k` counts the critic steps from 0; all matrices are this rank's rows.
package protocol IterationInputs {
  /// Labels (and the semantic baseline's other classes) of a critic step.
  func batch(_ k: Int) throws -> BatchSlice
  /// x [N×X].
  func fillFeatures(_ x: Matrix, _ k: Int) throws
  /// ε [N×Z] of a critic step.
  func fillNoise(_ noise: Matrix, _ k: Int) throws
  /// α [1×N].
  func fillInterpolation(_ alpha: Matrix, _ k: Int) throws
  /// ε [N×Z] of the generator step.
  func fillGeneratorNoise(_ noise: Matrix) throws
}

extension HybridStep {
  /// Takes all steps of one iteration.
  ///
  /// - Parameters:
  ///   - place: for messages, e.g. "iteration 12".
  ///   - afterCriticStep: called with a step's number and losses while its gradients are still in the arena.
  /// - Returns: the losses of the last critic step and of the generator step.
  /// - Throws: `NonFiniteError` on every rank; `CollectiveError`; what the inputs throw.
  package func iteration(
    _ inputs: some IterationInputs, criticIterations: Int, learningRate: Double, place: String,
    afterCriticStep: (Int, CriticLosses) throws -> Void = { _, _ in }
  ) throws -> (critic: CriticLosses, generator: GeneratorLosses) {
    precondition(criticIterations >= 1)
    let (ahead, n) = (workspace.ahead, workspace.rowCount)
    let batches = try (0..<criticIterations).map(inputs.batch)
    var losses = CriticLosses()
    for first in stride(from: 0, to: criticIterations, by: ahead.stepCount) {
      let group = batches[first..<min(first + ahead.stepCount, criticIterations)]
      for k in group.indices { try inputs.fillNoise(ahead.noise.rows((k - first) * n..<(k - first + 1) * n), k) }
      generateFakes(group)
      for k in group.indices {
        takeFakes(k - first)
        try inputs.fillFeatures(workspace.real, k)
        try inputs.fillInterpolation(workspace.alpha, k)
        losses = try criticStep(batches[k], learningRate: learningRate, name: "\(place), critic step \(k + 1)")
        try afterCriticStep(k, losses)
      }
    }
    try inputs.fillGeneratorNoise(workspace.noise)
    let generator = try generatorStep(
      batches[criticIterations - 1], learningRate: learningRate, name: "\(place), generator step")
    return (losses, generator)
  }
}
