// What the passes of the instance-level contrastive loss (`ContrastivePasses.swift`) know of the global set, and what they sum over it.
// B rows of the set.
import Glibc
import Matrices

/// What the labels of the whole global set say about its anchors.
package struct ContrastiveAnchors: Sendable {
  /// Class of each of the B rows, as floats (exact below 2²⁴), which the tile passes compare.
  package let labels: [Float]
  /// 1/|P(i)|, or 0 for an anchor without a positive: it is dropped, yet stays a negative of the others.
  package let inverseCounts: [Float]
  /// 1, or 0 for a dropped anchor.
  package let kept: [Float]
  /// Anchors with a positive.
  package let keptCount: Int

  /// - Parameter labels: B class indices below 2²⁴, in global row order.
  package init(labels: [Int]) {
    var counts: [Int: Int] = [:]
    for label in labels { counts[label, default: 0] += 1 }
    self.labels = labels.map { Float($0) }
    inverseCounts = labels.map { label in
      let positives = (counts[label] ?? 1) - 1
      return positives > 0 ? 1 / Float(positives) : 0
    }
    kept = inverseCounts.map { $0 > 0 ? 1 : 0 }
    keptCount = inverseCounts.count { $0 > 0 }
  }
}

/// Where a tile lies in the global set.
package struct ContrastiveTile: Sendable, Equatable {
  /// Global index of each local row.
  package let rowIndices: Range<Int>
  /// Global indices of the tile's columns.
  package let columnIndices: Range<Int>

  package init(rowIndices: Range<Int>, columnIndices: Range<Int>) {
    self.rowIndices = rowIndices
    self.columnIndices = columnIndices
  }
}

/// A sum of floats in fixed point: exact, so that its terms may come in any order. For terms below 2³¹ in all; what a term has below
/// 2⁻⁹⁶ is lost. Terms beyond, and what is not finite, are kept apart.
package struct ExactSum: Sendable {
  private var units: Int128 = 0
  private var beyond = 0.0
  private static let unit = 0x1p-96

  package init(_ value: Double = 0) { add(value) }

  package mutating func add(_ value: Double) {
    if value.magnitude < 0x1p31 { units &+= Int128(value / Self.unit) } else { beyond += value }
  }

  package var value: Double { Double(units) * Self.unit + beyond }
}

/// Running sums of pass 1 for a row: its shift m, Σ_{j≠i} exp(s_ij − m) and Σ_{p∈P(i)} s_ip. Tiles may come in any order, unless the shift
/// follows the largest similarity.
package struct AnchorSums: Sendable {
  package var shift: Float
  package var exponentials = ExactSum()
  package var positives = ExactSum()

  package init(shift: Float) { self.shift = shift }

  /// log Σ_{j≠i} exp s_ij − reference. Near the reference 1/τ, which bounds every s, a float keeps more of it.
  package func logSumExp(relativeTo reference: Float) -> Double {
    Double(shift) - Double(reference) + log(exponentials.value)
  }
}
