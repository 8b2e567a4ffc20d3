// Ranking loss of the semantic baseline (Method.md, "The semantic baseline"):
// L_se = mean max(0, Δ − a_yᵀE(x) + a_{y'}ᵀE(x)), y' a random other seen class. N rows of a group, A descriptor size, S seen classes.
import Matrices

package struct RankingLoss: Sendable {
  /// Δ, 0 or more.
  package let margin: Float
  /// Factor of the loss in the total.
  package let weight: Float
  /// B, the rows over which the mean is taken.
  package let batchSize: Int

  package init(margin: Float, weight: Float, batchSize: Int) {
    self.margin = margin
    self.weight = weight
    self.batchSize = batchSize
  }

  /// ds [N×A] ← weight · ∂L_se/∂E(x) (overwritten); returns max(0, …) of each row.
  ///
  /// - Parameters:
  ///   - embedded: N×A, E(x).
  ///   - descriptors: S×A.
  ///   - negatives: N other classes y' ≠ y.
  package func gradient(
    into ds: Matrix, embedded: Matrix, descriptors: Matrix, labels: [Int], negatives: [Int]
  ) -> [Double] {
    precondition(labels.count == embedded.rowCount && negatives.count == labels.count)
    let factor = weight / Float(batchSize)
    return labels.indices.map { r in
      let own = descriptors.rows(labels[r]..<labels[r] + 1).elements
      let other = descriptors.rows(negatives[r]..<negatives[r] + 1).elements
      let row = embedded.rows(r..<r + 1).elements
      var term = Double(margin)
      for k in row.indices { term += Double(row[k]) * (Double(other[k]) - Double(own[k])) }
      let isActive = term > 0
      for k in row.indices { ds[r, k] = isActive ? factor * (other[k] - own[k]) : 0 }
      return isActive ? term : 0
    }
  }
}
