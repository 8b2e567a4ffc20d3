// Cross-entropy of a softmax with temperature (paper eq. 6 for the class-level loss; the final classifier with τ = 1).
import Kernels
import Matrices

/// losses ← −log softmax(scores/τ)[label] of each of the N rows.
///
/// - Returns: the gradient of `weight` times their mean over the batch with respect to the scores [N×S], in their place.
/// - Parameters:
///   - weight: factor of the loss in the total.
///   - batchSize: B, the rows over which the mean is taken.
///   - losses: 1×N.
package func classificationLoss(
  _ scores: Matrix, labels: [Int], temperature: Float, weight: Float, batchSize: Int, losses: Matrix
) -> Delta {
  softmaxCrossEntropy(
    scores, labels: labels, temperature: temperature, inverseBatch: weight / Float(batchSize), losses: losses)
  return Delta(scores)
}
