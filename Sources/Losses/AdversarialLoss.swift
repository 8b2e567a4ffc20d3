// WGAN with gradient penalty (Gulrajani et al. 2017; Method.md, "Losses"): D lowers −V = −mean D(x) + mean D(x̃) + λ·mean(‖∇D(x̂)‖ − 1)²,
// G raises mean D(x̃). N rows of a group, B rows of the batch, X feature.
import Kernels
import Matrices

package struct AdversarialLoss: Sendable {
  /// λ, 0 or more.
  package let penaltyWeight: Float
  /// B.
  package let batchSize: Int

  package init(penaltyWeight: Float, batchSize: Int) {
    self.penaltyWeight = penaltyWeight
    self.batchSize = batchSize
  }

  /// The penalty's gradient with respect to g = ∇D(x̂) [N×X], in its place: c·g with c = 2λ(‖g‖ − 1)/(B‖g‖), 0 where g is.
  ///
  /// - Parameter deviations: 1×N, out: (‖g‖ − 1)².
  package func penaltyGradient(_ g: Matrix, deviations: Matrix) -> PenaltyRows {
    penaltyRows(g, penaltyWeight: penaltyWeight, inverseBatch: 1 / Float(batchSize), deviations: deviations)
  }

  /// D(x) − D(x̃) of a row, from both scores [2×N]; D's last bias cancels.
  package func wasserstein(_ scores: Matrix, row: Int) -> Double {
    Double(scores[0, row]) - Double(scores[1, row])
  }

  /// The loss's two parts from the sums over all rows: mean D(x) − mean D(x̃), and the penalty, λ included.
  package func means(wasserstein: Double, deviations: Double) -> (wasserstein: Double, penalty: Double) {
    (wasserstein / Double(batchSize), Double(penaltyWeight) * deviations / Double(batchSize))
  }
}
