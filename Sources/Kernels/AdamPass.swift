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

/// One Adam step over all parameters of an arena, in one pass, and over the rounded copy of the values, if one is kept.
package func adamUpdate(_ arena: ParameterArena, _ step: AdamStep) {
  let rounded = RoundedCopies.shared.parameters(arena.values)
  let floats = 7 * arena.count + (rounded == nil ? 0 : arena.count / 2)
  parallel(arena.count / vectorWidth, grain: 1024, "Adam", kind: .optimizer, floats: floats) { part in
    let range = part.lowerBound * vectorWidth..<part.upperBound * vectorWidth
    // Run after run, so that values are still in the nearest cache when they are rounded.
    arena.forEachRun(range, longest: 1024) { place, valuePlace, count in
      let values = arena.values.base + valuePlace
      adamRun(
        values, arena.gradients.base + place, arena.firstMoments.base + place, arena.secondMoments.base + place, count,
        step)
      if let rounded { roundRow(values, into: rounded + valuePlace, count: count) }
    }
  }
}

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

/// y ← y + x over whole storages.
package func addStorage(_ y: FloatStorage, _ x: FloatStorage, _ range: Range<Int>) {
  precondition(range.upperBound <= min(x.count, y.count))
  parallel(
    (range.count + vectorWidth - 1) / vectorWidth, grain: 1024, "gradient accumulation", floats: 3 * range.count
  ) { part in
    for block in part {
      let i = range.lowerBound &+ block &* vectorWidth
      let left = range.upperBound &- i
      store(load(y.base + i, left) + load(x.base + i, left), y.base + i, left)
    }
  }
}

/// The number of elements of x, a contiguous matrix, that are NaN or infinite. An integer, because a float maximum over ranks hides
/// NaN.
package func nonFiniteCount(_ x: Matrix) -> Int {
  precondition(x.isContiguous)
  let (start, count) = (x.start, x.count)
  let blocks = (count + 4095) / 4096
  return withUnsafeTemporaryAllocation(of: Int.self, capacity: max(blocks, 1)) { counts in
    counts.initialize(repeating: 0)
    guard let counts = counts.baseAddress else { return 0 }
    parallel(blocks, "finite check", floats: count) { part in
      for block in part {
        let range = (block &* 4096)..<min((block &+ 1) &* 4096, count)
        // x·0 is 0 for finite x and NaN otherwise, so one sum tells whether the block needs a closer look.
        var sum = Vector()
        for i in stride(from: range.lowerBound, to: range.upperBound, by: vectorWidth) {
          sum.addProduct(load(start + i, range.upperBound &- i), Vector())
        }
        if laneSum(sum) != 0 { for i in range where !start[i].isFinite { counts[block] += 1 } }
      }
    }
    return (0..<blocks).reduce(0) { $0 + counts[$1] }
  }
}
