// Weights of a sum of scores, by multinomial logistic regression on validation rows. N rows, C candidates, T parts.
import Glibc
import Kernels
import Matrices

/// The weights w ≥ 0 and the γ that make validation rows most likely under softmax(Σ w_p·s_p − γ·[class is seen]), every class counting
/// alike, and seen and unseen classes half each (stacked generalization: Wolpert, Neural Networks 1992; Breiman, Machine Learning 1996).
/// A convex function of T + 1 numbers, so that nothing depends on where the search begins, and little on single rows.
struct Stacking {
  /// N×C×T, each part divided by its deviation.
  private let scores: [Float]
  private let deviations: [Double]
  /// Of each row: the place of its class among the candidates, and what it counts.
  private let targets: [Int]
  private let rowWeights: [Double]
  /// Of each candidate: 1 where it is seen.
  private let isSeen: [Double]

  /// Of Σ w², in deviations: enough to keep weights finite where rows can be told apart without any error.
  private static let penalty = 1e-4
  /// Weights below it, in deviations, count as none.
  private static let least = 1e-3

  /// - Parameter parts: scores of all classes, of which the rows' seen and unseen ones count.
  init(_ rows: ChoiceRows, _ parts: [PartScores]) {
    let candidates = rows.seenClasses + rows.unseenClasses
    let labels = rows.seenLabels + rows.unseenLabels
    deviations = parts.map { part in
      var (count, sum, squares) = (0.0, 0.0, 0.0)
      for row in labels.indices {
        for c in candidates {
          let score = Double(part.scores[row * rows.classCount + c])
          (count, sum, squares) = (count + 1, sum + score, squares + score * score)
        }
      }
      let mean = sum / max(count, 1)
      return max(0, squares / max(count, 1) - mean * mean).squareRoot()
    }
    var scores: [Float] = []
    scores.reserveCapacity(labels.count * candidates.count * parts.count)
    for row in labels.indices {
      for c in candidates {
        for (part, deviation) in zip(parts, deviations) {
          // A part that says the same of all classes has no say.
          scores.append(deviation > 0 ? part.scores[row * rows.classCount + c] / Float(deviation) : 0)
        }
      }
    }
    self.scores = scores
    let places = Dictionary(uniqueKeysWithValues: candidates.enumerated().map { ($1, $0) })
    targets = labels.map { places[$0] ?? 0 }
    isSeen = candidates.indices.map { $0 < rows.seenClasses.count ? 1 : 0 }
    rowWeights = [rows.seenLabels, rows.unseenLabels].flatMap { own in
      let counts = Dictionary(grouping: own, by: { $0 }).mapValues(\.count)
      return own.map { 0.5 / Double(counts.count) / Double(counts[$0] ?? 1) }
    }
  }

  private var partCount: Int { deviations.count }

  /// A weight for each part, 0 for parts that do not help.
  func weights() -> [Double] {
    let found = minimum()
    return zip(found, deviations).map { weight, deviation in
      deviation > 0 && weight >= Self.least ? weight / deviation : 0
    }
  }

  // MARK: Newton's method, projected to w ≥ 0

  /// Of all parts, in deviations, and γ behind them.
  private func minimum() -> [Double] {
    var x = [Double](repeating: 0.5, count: partCount) + [0]
    var state = curvature(x)
    for _ in 0..<100 {
      // What is 0 and would become less stays there.
      let free = x.indices.filter { $0 == partCount || x[$0] > 0 || state.gradient[$0] < 0 }
      guard free.contains(where: { abs(state.gradient[$0]) > 1e-8 }) else { break }
      let direction = newtonStep(state, free)
      var (size, next) = (1.0, x)
      var loss = state.loss
      repeat {
        next = x
        for (place, k) in free.enumerated() {
          next[k] += size * direction[place]
          if k < partCount { next[k] = max(0, next[k]) }
        }
        loss = self.loss(next)
        size /= 2
      } while !(loss < state.loss) && size > 1e-9
      guard loss < state.loss - 1e-12 * abs(state.loss) else { break }
      x = next
      state = curvature(x)
    }
    return x
  }

  private func newtonStep(_ state: Curvature, _ free: [Int]) -> [Double] {
    var matrix = DoubleMatrix(rows: free.count, columns: free.count)
    var right = DoubleMatrix(rows: free.count, columns: 1)
    for (r, i) in free.enumerated() {
      right[r, 0] = -state.gradient[i]
      for (c, j) in free.enumerated() { matrix[r, c] = state.hessian[i * (partCount + 1) + j] }
    }
    return solve(matrix, adding: 1e-10, right).elements
  }

  private struct Curvature {
    var loss: Double
    var gradient: [Double]
    /// (T + 1)².
    var hessian: [Double]
  }

  /// log softmax's exponents of a row, less the largest.
  private func exponents(_ row: Int, _ x: [Double], into sums: inout [Double]) {
    let (count, first) = (isSeen.count, row * isSeen.count * partCount)
    for k in 0..<count {
      var sum = -x[partCount] * isSeen[k]
      for p in 0..<partCount { sum += x[p] * Double(scores[first + k * partCount + p]) }
      sums[k] = sum
    }
    let largest = sums.max() ?? 0
    for k in 0..<count { sums[k] -= largest }
  }

  private func penalty(_ x: [Double]) -> Double { Self.penalty * x.dropLast().reduce(0) { $0 + $1 * $1 } }

  private func loss(_ x: [Double]) -> Double {
    var (result, sums) = (penalty(x), [Double](repeating: 0, count: isSeen.count))
    for row in targets.indices {
      exponents(row, x, into: &sums)
      result += rowWeights[row] * (log(sums.reduce(0) { $0 + exp($1) }) - sums[targets[row]])
    }
    return result
  }

  /// Loss, gradient and second derivatives: of a row, mean and covariance of (s, −seen) under its softmax.
  private func curvature(_ x: [Double]) -> Curvature {
    let size = partCount + 1
    var result = Curvature(
      loss: penalty(x), gradient: [Double](repeating: 0, count: size),
      hessian: [Double](repeating: 0, count: size * size))
    for p in 0..<partCount {
      result.gradient[p] = 2 * Self.penalty * x[p]
      result.hessian[p * size + p] = 2 * Self.penalty
    }
    var sums = [Double](repeating: 0, count: isSeen.count)
    var (own, mean) = ([Double](repeating: 0, count: size), [Double](repeating: 0, count: size))
    var products = [Double](repeating: 0, count: size * size)
    for row in targets.indices {
      exponents(row, x, into: &sums)
      let total = sums.reduce(0) { $0 + exp($1) }
      for i in 0..<size { mean[i] = 0 }
      for i in products.indices { products[i] = 0 }
      let first = row * isSeen.count * partCount
      func load(_ k: Int) {
        for p in 0..<partCount { own[p] = Double(scores[first + k * partCount + p]) }
        own[partCount] = -isSeen[k]
      }
      for k in sums.indices {
        let share = exp(sums[k]) / total
        // Most classes are out of the question.
        guard share > 1e-12 else { continue }
        load(k)
        for i in 0..<size {
          mean[i] += share * own[i]
          for j in 0...i { products[i * size + j] += share * own[i] * own[j] }
        }
      }
      load(targets[row])
      let weight = rowWeights[row]
      result.loss += weight * (log(total) - sums[targets[row]])
      for i in 0..<size {
        result.gradient[i] += weight * (mean[i] - own[i])
        for j in 0...i {
          let covariance = weight * (products[i * size + j] - mean[i] * mean[j])
          result.hessian[i * size + j] += covariance
          if j < i { result.hessian[j * size + i] += covariance }
        }
      }
    }
    return result
  }
}
