import Matrices

/// The numbers of one Adam step: θ ← θ − α/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε), as PyTorch computes it.
package struct AdamStep: Sendable {
  package let beta1: Float
  package let beta2: Float
  /// α/(1−β₁ᵗ).
  package let stepSize: Float
  /// 1/√(1−β₂ᵗ).
  package let inverseRootCorrection: Float
  package let epsilon: Float

  package init(beta1: Float, beta2: Float, stepSize: Float, inverseRootCorrection: Float, epsilon: Float) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.stepSize = stepSize
    self.inverseRootCorrection = inverseRootCorrection
    self.epsilon = epsilon
  }
}

/// One Adam step over some rows of a parameter, in one pass, and over the rounded copy of the values, if one is kept.
///
/// - Parameters:
///   - values: rows of a parameter; gradients and moments have its shape.
///   - context: of the products with the parameter, where its rounded copy is.
package func adamUpdate(
  values: Matrix, gradients: Matrix, firstMoments: Matrix, secondMoments: Matrix, _ step: AdamStep,
  context: ProductContext
) {
  let (rows, columns) = (values.rowCount, values.columnCount)
  for other in [gradients, firstMoments, secondMoments] {
    precondition(other.rowCount == rows && other.columnCount == columns)
  }
  let rounded = context.scratch.roundedCopies.parameters(values.storage)
  let floats = 7 * values.count + (rounded == nil ? 0 : values.count / 2)
  // Run after run, so that values are still in the nearest cache when they are rounded.
  let runs = (columns + adamRunLength - 1) / adamRunLength
  parallel(
    rows * runs, grain: max(1, 16384 / max(1, min(columns, adamRunLength))), "Adam", kind: .optimizer, floats: floats
  ) {
    for run in $0 {
      let (row, column) = (run / runs, run % runs * adamRunLength)
      let count = min(adamRunLength, columns &- column)
      let target = values.row(row) + column
      adamRun(
        target, gradients.row(row) + column, firstMoments.row(row) + column, secondMoments.row(row) + column, count,
        step)
      if let rounded { roundRow(target, into: rounded + (target - values.storage.base), count: count) }
    }
  }
}

private let adamRunLength = 1024

private func adamRun(
  _ values: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>,
  _ firstMoments: UnsafeMutablePointer<Float>, _ secondMoments: UnsafeMutablePointer<Float>, _ count: Int,
  _ step: AdamStep
) {
  let (beta1, beta2) = (Vector(repeating: step.beta1), Vector(repeating: step.beta2))
  let (rest1, rest2) = (Vector(repeating: 1 - step.beta1), Vector(repeating: 1 - step.beta2))
  let correction = Vector(repeating: step.inverseRootCorrection)
  let (epsilon, stepSize) = (Vector(repeating: step.epsilon), Vector(repeating: step.stepSize))
  @inline(__always)
  func update(_ i: Int, _ left: Int) {
    let g = load(gradients + i, left)
    let m = load(firstMoments + i, left) * beta1 + g * rest1
    let v = load(secondMoments + i, left) * beta2 + g * g * rest2
    store(m, firstMoments + i, left)
    store(v, secondMoments + i, left)
    let move = stepSize * m / (squareRoot(v) * correction + epsilon)
    store(load(values + i, left) - move, values + i, left)
  }
  let whole = count & ~(vectorWidth - 1)
  for i in stride(from: 0, to: whole, by: vectorWidth) { update(i, vectorWidth) }
  if whole < count { update(whole, count &- whole) }
}

/// The number of elements of x that are NaN or infinite. An integer, because a float maximum over ranks hides NaN.
package func nonFiniteCount(_ x: Matrix) -> Int {
  let runs = (x.columnCount + 4095) / 4096
  let parts = min(ThreadPool.threadCount, max(1, x.rowCount * runs))
  return withUnsafeTemporaryAllocation(of: Int.self, capacity: parts) { counts in
    counts.initialize(repeating: 0)
    guard let counts = counts.baseAddress else { return 0 }
    parallel(parts, grain: max(1, parts * 16384 / max(x.count, 1)), "finite check", floats: x.count) { part in
      for thread in part {
        for run in RowPartition(rowCount: x.rowCount * runs, rankCount: parts).slice(of: thread) {
          let (start, first) = (x.row(run / runs), run % runs &* 4096)
          let range = first..<min(first &+ 4096, x.columnCount)
          // x·0 is 0 for finite x and NaN otherwise, so one sum tells whether the run needs a closer look.
          var sum = Vector()
          for i in stride(from: range.lowerBound, to: range.upperBound, by: vectorWidth) {
            sum.addProduct(load(start + i, range.upperBound &- i), Vector())
          }
          if laneSum(sum) != 0 { for i in range where !start[i].isFinite { counts[thread] += 1 } }
        }
      }
    }
    return (0..<parts).reduce(0) { $0 + counts[$1] }
  }
}
