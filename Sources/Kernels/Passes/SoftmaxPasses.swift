// Softmax over classes and its cross-entropy. N rows, S classes.
import Glibc
import Matrices

/// scores [N×S] ← softmax of each row: probabilities that add up to 1, and exactly 0 where a score is −∞.
///
/// A row needs a finite score at least.
package func softmaxRows(_ scores: Matrix) {
  let count = scores.columnCount
  parallel(scores.rowCount, grain: max(1, 4096 / max(count, 1)), "softmax", floats: 2 * scores.count) { part in
    for r in part {
      let row = scores.row(r)
      var top = -Float.infinity
      for s in 0..<count { top = max(top, row[s]) }
      let shift = Vector(repeating: top)
      var sum: Float = 0
      for s in stride(from: 0, to: count, by: vectorWidth) {
        let left = count &- s
        let score = load(row + s, left)
        var value = exponential(score - shift)
        value.replace(with: 0, where: score .== Vector(repeating: -.infinity))
        if left < vectorWidth { for lane in left..<vectorWidth { value[lane] = 0 } }
        sum += laneSum(value)
        store(value, row + s, left)
      }
      let factor = Vector(repeating: 1 / sum)
      for s in stride(from: 0, to: count, by: vectorWidth) {
        store(load(row + s, count &- s) * factor, row + s, count &- s)
      }
    }
  }
}

/// Cross-entropy of softmax(scores/τ) at the labels, row by row: scores [N×S] ← (softmax − 1[s = y]) / (τ·B), the
/// gradient with respect to the scores; losses [1×N] ← −log softmax at y. Both are as precise where a row is all but sure as elsewhere: the
/// gradient at y is minus the sum of the others, and not softmax − 1.
package func softmaxCrossEntropy(
  _ scores: Matrix, labels: [Int], temperature: Float, inverseBatch: Float, losses: Matrix
) {
  precondition(labels.count == scores.rowCount && losses.columnCount >= scores.rowCount)
  let count = scores.columnCount
  parallel(
    scores.rowCount, grain: max(1, 4096 / max(count, 1)), "softmax cross-entropy", floats: 2 * scores.count
  ) { part in
    for r in part {
      let row = scores.row(r)
      var top = -Float.infinity
      for s in 0..<count { top = max(top, row[s]) }
      let label = labels[r]
      let atLabel = (row[label] - top) / temperature
      let (shift, scale) = (Vector(repeating: top), Vector(repeating: 1 / temperature))
      var others: Float = 0
      for s in stride(from: 0, to: count, by: vectorWidth) {
        let left = count &- s
        var value = exponential((load(row + s, left) - shift) * scale)
        if left < vectorWidth { for lane in left..<vectorWidth { value[lane] = 0 } }
        store(value, row + s, left)
        if (s..<s &+ vectorWidth).contains(label) { value[label &- s] = 0 }
        others += laneSum(value)
      }
      let own = row[label]
      losses.start[r] =
        others < own ? Float(log1p(Double(others) / Double(own))) : Float(log(Double(own + others))) - atLabel
      let factor = inverseBatch / (temperature * (own + others))
      for s in stride(from: 0, to: count, by: vectorWidth) {
        store(load(row + s, count &- s) * Vector(repeating: factor), row + s, count &- s)
      }
      row[label] = 0 - others * factor
    }
  }
}
