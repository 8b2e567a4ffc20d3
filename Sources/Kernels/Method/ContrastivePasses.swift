// The two passes of the instance-level contrastive loss over one tile of similarities, Method.md, identity 6.
// N local rows, M columns of the tile (other rows of the global set), s_ij = z_i·z_j/τ. Tiles hold the products z_i·z_j.
import Glibc
import Matrices

/// Pass 1: adds a tile of similarities [N×M] to the rows' sums. The diagonal is left out.
///
/// - Parameters:
///   - scale: 1/τ.
///   - anchors: the global set.
///   - online: follow the largest similarity instead of keeping the shift; needed where exp(−2/τ) underflows.
package func contrastiveSums(
  _ sums: inout [AnchorSums], similarities: Matrix, tile: ContrastiveTile, scale: Float, _ anchors: ContrastiveAnchors,
  online: Bool
) {
  precondition(sums.count == similarities.rowCount)
  let columns = tile.columnIndices
  sums.withUnsafeMutableBufferPointer { sums in
    anchors.labels.withUnsafeBufferPointer { labels in
      guard let sumStart = sums.baseAddress, let labelStart = labels.baseAddress else { return }
      parallel(
        similarities.rowCount, grain: max(1, 4096 / max(columns.count, 1)), "contrastive sums",
        floats: similarities.count
      ) { part in
        for r in part {
          let row = similarities.row(r)
          let index = tile.rowIndices.lowerBound &+ r
          let diagonal = columns.contains(index) ? index &- columns.lowerBound : -1
          // exp(−∞) would be clamped, so the diagonal's share is kept aside and its place holds a harmless value.
          if diagonal >= 0 { row[diagonal] = -.greatestFiniteMagnitude }
          if online {
            var top = sumStart[r].shift
            for c in 0..<columns.count where row[c] * scale > top { top = row[c] * scale }
            sumStart[r].exponentials = ExactSum(
              sumStart[r].exponentials.value * exp(Double(sumStart[r].shift) - Double(top)))
            sumStart[r].shift = top
          }
          let shift = Vector(repeating: sumStart[r].shift)
          let label = Vector(repeating: labelStart[index])
          let columnLabels = labelStart + columns.lowerBound
          var (total, positive) = (Vector(), Vector())
          for c in stride(from: 0, to: columns.count, by: vectorWidth) {
            let left = columns.count &- c
            let value = load(row + c, left) * scale
            var kept = exponential(value - shift).replacing(
              with: Vector(), where: value .< Vector(repeating: -1e30))
            var isPositive = load(columnLabels + c, left) .== label .& (value .> Vector(repeating: -1e30))
            if left < vectorWidth {
              for lane in left..<vectorWidth {
                kept[lane] = 0
                isPositive[lane] = false
              }
            }
            total += kept
            positive += Vector().replacing(with: value, where: isPositive)
          }
          sumStart[r].exponentials.add(Double(laneSum(total)))
          sumStart[r].positives.add(Double(laneSum(positive)))
        }
      }
    }
  }
}

/// Pass 2: similarities [N×M] ← the weights of z_j in dz_i, `factor` times
/// exp(s_ij − lse_i) + exp(s_ij − lse_j) − 2·1(y_i = y_j)/c_i, and 0 on the diagonal.
///
/// - Parameters:
///   - scale: 1/τ.
///   - anchors: the global set.
///   - logSumExps: lse − 1/τ of every row of it, +∞ for dropped anchors.
///   - factor: the weight of the loss over τN.
package func contrastiveWeights(
  _ similarities: Matrix, tile: ContrastiveTile, scale: Float, _ anchors: ContrastiveAnchors, logSumExps: [Float],
  factor: Float
) {
  let columns = tile.columnIndices
  anchors.labels.withUnsafeBufferPointer { labels in
    logSumExps.withUnsafeBufferPointer { logSumExps in
      anchors.kept.withUnsafeBufferPointer { kept in
        guard let labelStart = labels.baseAddress, let lseStart = logSumExps.baseAddress,
          let keptStart = kept.baseAddress
        else { return }
        let (columnLabels, columnLses) = (labelStart + columns.lowerBound, lseStart + columns.lowerBound)
        let columnKept = keptStart + columns.lowerBound
        parallel(
          similarities.rowCount, grain: max(1, 4096 / max(columns.count, 1)), "contrastive weights",
          floats: 2 * similarities.count
        ) { part in
          for r in part {
            let row = similarities.row(r)
            let index = tile.rowIndices.lowerBound &+ r
            weightRow(
              row, columns.count, WeightColumns(labels: columnLabels, logSumExps: columnLses, kept: columnKept),
              WeightAnchor(
                label: labelStart[index], logSumExp: lseStart[index], kept: keptStart[index],
                positive: -2 * anchors.inverseCounts[index]),
              scale: scale, factor: factor)
            if columns.contains(index) { row[index &- columns.lowerBound] = 0 }
          }
        }
      }
    }
  }
}

/// What pass 2 reads of the tile's columns.
private struct WeightColumns {
  let labels: UnsafePointer<Float>
  let logSumExps: UnsafePointer<Float>
  let kept: UnsafePointer<Float>
}

/// And of the row.
private struct WeightAnchor {
  let label, logSumExp, kept: Float
  /// What a positive of it gets.
  let positive: Float
}

/// One row of pass 2. A function of its own: inlined into the loop over rows, its masks, the same in all lanes, become code
/// for single lanes.
@inline(never)
private func weightRow(
  _ row: UnsafeMutablePointer<Float>, _ count: Int, _ columns: WeightColumns, _ own: WeightAnchor, scale: Float,
  factor: Float
) {
  @inline(__always)
  func step(_ c: Int, _ left: Int) {
    let value = load(row + c, left) * scale - scale
    // 1 where the labels are equal, 0 elsewhere, without a mask.
    let distance = magnitude(load(columns.labels + c, left) - own.label)
    let same = 1 - smaller(distance, Vector(repeating: 1))
    // `exponential` clamps at −87: a dropped anchor's +∞ must give exactly 0, hence the factors.
    let ofRow = exponential(value - own.logSumExp) * own.kept
    let ofColumn = exponential(value - load(columns.logSumExps + c, left)) * load(columns.kept + c, left)
    store((ofRow + ofColumn + same * own.positive) * factor, row + c, left)
  }
  var c = 0
  while c &+ vectorWidth <= count {
    step(c, vectorWidth)
    c &+= vectorWidth
  }
  if c < count { step(c, count &- c) }
}
