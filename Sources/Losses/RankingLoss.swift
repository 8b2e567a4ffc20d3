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

  /// max(0, Δ − a_y·E(x) + a_{y'}·E(x)) of each row.
  ///
  /// - Parameters:
  ///   - embedded: N×A, E(x).
  ///   - descriptors: S×A.
  ///   - negatives: N other classes y' ≠ y.
  package func terms(embedded: Matrix, descriptors: Matrix, labels: [Int], negatives: [Int]) -> [Double] {
    precondition(labels.count == embedded.rowCount && negatives.count == labels.count)
    return labels.indices.map { r in
      let own = descriptors.rows(labels[r]..<labels[r] + 1).elements
      let other = descriptors.rows(negatives[r]..<negatives[r] + 1).elements
      let row = embedded.rows(r..<r + 1).elements
      var term = Double(margin)
      for k in row.indices { term += Double(row[k]) * (Double(other[k]) - Double(own[k])) }
      return max(term, 0)
    }
  }

  /// ds [N×A] ← weight · ∂L_se/∂E(x), or ds plus that if `accumulate`.
  ///
  /// - Parameter terms: of `terms`, with the same descriptors, labels and negatives.
  package func gradient(
    into ds: Matrix, accumulate: Bool, terms: [Double], descriptors: Matrix, labels: [Int], negatives: [Int]
  ) {
    let factor = weight / Float(batchSize)
    for r in labels.indices {
      let own = descriptors.rows(labels[r]..<labels[r] + 1).elements
      let other = descriptors.rows(negatives[r]..<negatives[r] + 1).elements
      for k in own.indices {
        let gradient = terms[r] > 0 ? factor * (other[k] - own[k]) : 0
        ds[r, k] = accumulate ? ds[r, k] + gradient : gradient
      }
    }
  }
}
