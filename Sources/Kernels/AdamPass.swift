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

/// One Adam step over storages of the same layout, in one pass, and over the rounded copy of the values, if one is kept.
package func adamUpdate(
  values: FloatStorage, gradients: FloatStorage, firstMoments: FloatStorage, secondMoments: FloatStorage,
  step: AdamStep
) {
  let count = values.count
  precondition(gradients.count == count && firstMoments.count == count && secondMoments.count == count)
  let (beta1, beta2) = (Vector(repeating: step.beta1), Vector(repeating: step.beta2))
  let (rest1, rest2) = (Vector(repeating: 1 - step.beta1), Vector(repeating: 1 - step.beta2))
  let correction = Vector(repeating: step.inverseRootCorrection)
  let (epsilon, stepSize) = (Vector(repeating: step.epsilon), Vector(repeating: step.stepSize))
  // A storage's end lies on a whole vector: its parameters start on such, and its padding is zero and stays zero.
  precondition(count % vectorWidth == 0, "an arena of \(count) elements")
  let rounded = RoundedCopies.shared.parameters(values)
  let floats = 7 * count + (rounded == nil ? 0 : count / 2)
  parallel(count / vectorWidth, grain: 1024, "Adam", kind: .optimizer, floats: floats) { part in
    let (values, gradients) = (values.base, gradients.base)
    let (firstMoments, secondMoments) = (firstMoments.base, secondMoments.base)
    // Block after block, so that values are still in the nearest cache when they are rounded.
    for first in stride(from: part.lowerBound, to: part.upperBound, by: 64) {
      let blocks = first..<min(first &+ 64, part.upperBound)
      for block in blocks {
        let i = block &* vectorWidth
        let g = load(gradients + i)
        let m = load(firstMoments + i) * beta1 + g * rest1
        let v = load(secondMoments + i) * beta2 + g * g * rest2
        store(m, firstMoments + i)
        store(v, secondMoments + i)
        let move = stepSize * m / (squareRoot(v) * correction + epsilon)
        store(load(values + i) - move, values + i)
      }
      if let rounded {
        roundRow(
          values + first &* vectorWidth, into: rounded + first &* vectorWidth, count: blocks.count &* vectorWidth)
      }
    }
  }
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

/// The number of elements that are NaN or infinite. An integer, because a float maximum over ranks hides NaN.
package func nonFiniteCount(_ storage: FloatStorage) -> Int {
  let blocks = (storage.count + 4095) / 4096
  return withUnsafeTemporaryAllocation(of: Int.self, capacity: max(blocks, 1)) { counts in
    counts.initialize(repeating: 0)
    guard let counts = counts.baseAddress else { return 0 }
    parallel(blocks, "finite check", floats: storage.count) { part in
      for block in part {
        let range = (block &* 4096)..<min((block &+ 1) &* 4096, storage.count)
        // x·0 is 0 for finite x and NaN otherwise, so one sum tells whether the block needs a closer look.
        var sum = Vector()
        for i in stride(from: range.lowerBound, to: range.upperBound, by: vectorWidth) {
          sum.addProduct(load(storage.base + i, range.upperBound &- i), Vector())
        }
        if laneSum(sum) != 0 { for i in range where !storage.base[i].isFinite { counts[block] += 1 } }
      }
    }
    return (0..<blocks).reduce(0) { $0 + counts[$1] }
  }
}
