// What an iteration is fed with. N rows, X feature, E noise.
import Matrices

/// Labels of a global batch; identical on every rank.
package struct Batch: Sendable {
  /// B class indices in 0..<S, in global row order.
  package let labels: [Int]
  /// A seen class other than the label for each of the B rows, or none: only the semantic baseline needs them.
  package let negatives: [Int]

  package init(labels: [Int], negatives: [Int] = []) {
    self.labels = labels
    self.negatives = negatives
  }
}

/// Where an iteration's rows and draws come from: a data set and random numbers, or a file with everything fixed.
/// `k` counts the critic steps from 0; `rows` are indices of the global batch.
package protocol IterationInputs {
  /// Labels (and the semantic baseline's other classes) of a critic step.
  func batch(_ k: Int) throws -> Batch
  /// x [N×X].
  func fillFeatures(_ x: Matrix, _ k: Int, rows: Range<Int>) throws
  /// ε [N×E] of a critic step.
  func fillNoise(_ noise: Matrix, _ k: Int, rows: Range<Int>) throws
  /// α [1×N].
  func fillInterpolation(_ alpha: Matrix, _ k: Int, rows: Range<Int>) throws
  /// ε [N×E] of the generator step.
  func fillGeneratorNoise(_ noise: Matrix, rows: Range<Int>) throws
}

/// The inputs of one iteration and its batches.
package struct IterationRows {
  package let inputs: any IterationInputs
  package let batches: [Batch]

  package init(_ inputs: any IterationInputs, batches: [Batch]) {
    self.inputs = inputs
    self.batches = batches
  }

  var criticIterations: Int { batches.count }

  /// The generator step, behind the critic's, takes the last batch.
  private func batch(_ step: Int) -> Batch { batches[min(step, criticIterations - 1)] }

  func labels(_ step: Int, _ rows: Range<Int>) -> [Int] { Array(batch(step).labels[rows]) }
  func allLabels(_ step: Int) -> [Int] { batch(step).labels }
  func negatives(_ step: Int, _ rows: Range<Int>) -> [Int] { Array(batch(step).negatives[rows]) }

  func fillNoise(_ noise: Matrix, step: Int, _ rows: Range<Int>) throws {
    if step < criticIterations {
      try inputs.fillNoise(noise, step, rows: rows)
    } else {
      try inputs.fillGeneratorNoise(noise, rows: rows)
    }
  }

  func fillFeatures(_ x: Matrix, step: Int, _ rows: Range<Int>) throws {
    try inputs.fillFeatures(x, min(step, criticIterations - 1), rows: rows)
  }
}
