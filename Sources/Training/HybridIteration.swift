// One iteration, method.md "One iteration": critic steps on fresh batches, then one generator step on the last of them.
// N local rows, X feature, Z noise.
import Matrices

/// Where an iteration's rows and draws come from: a data set and random numbers, or a file with everything fixed.
/// `k` counts the critic steps from 0; `rows` are indices of the global batch.
package protocol IterationInputs {
  /// Labels (and the semantic baseline's other classes) of a critic step.
  func batch(_ k: Int) throws -> Batch
  /// x [N×X].
  func fillFeatures(_ x: Matrix, _ k: Int, rows: Range<Int>) throws
  /// ε [N×Z] of a critic step.
  func fillNoise(_ noise: Matrix, _ k: Int, rows: Range<Int>) throws
  /// α [1×N].
  func fillInterpolation(_ alpha: Matrix, _ k: Int, rows: Range<Int>) throws
  /// ε [N×Z] of the generator step.
  func fillGeneratorNoise(_ noise: Matrix, rows: Range<Int>) throws
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
    keepParametersRounded()
    let batches = try (0..<criticIterations).map(inputs.batch)
    guard microBatches.count == 1 else {
      return try iterationInMicroBatches(
        inputs, batches, learningRate: learningRate, place: place, afterCriticStep: afterCriticStep)
    }
    let (stepsAhead, rows) = (workspace.ahead.stepCount, localRows(0))
    let slices = batches.map { $0.slice(0..<batchSize, local: rows) }
    // The generator step comes after the critic's and takes the last one's batch.
    let generatorIndex = criticIterations
    var losses = CriticLosses()
    for first in stride(from: 0, through: generatorIndex, by: stepsAhead) {
      let group = first..<min(first + stepsAhead, generatorIndex + 1)
      for k in group {
        let noise = workspace.noise(k - first)
        if k == generatorIndex {
          try inputs.fillGeneratorNoise(noise, rows: rows)
        } else {
          try inputs.fillNoise(noise, k, rows: rows)
        }
      }
      generateFakes(group.map { slices[min($0, generatorIndex - 1)] })
      for k in group where k < generatorIndex {
        takeFakes(k - first)
        try inputs.fillFeatures(workspace.real, k, rows: rows)
        try inputs.fillInterpolation(workspace.alpha, k, rows: rows)
        losses = try criticStep(slices[k], learningRate: learningRate, name: "\(place), critic step \(k + 1)")
        try afterCriticStep(k, losses)
      }
    }
    let generator = try generatorStep(
      slices[generatorIndex - 1], fakes: generatorIndex % stepsAhead, learningRate: learningRate,
      name: "\(place), generator step")
    return (losses, generator)
  }
}
