// The critic's element-wise work, Method.md, identities 3 to 5. N rows of the local batch, D critic width, X features, S classes.
import Matrices

/// What a layer adds to the products of N rows by their classes.
package struct ClassPart {
  /// S×D, W_a·a_s + b₁.
  package let base: Matrix
  /// N class indices in 0..<S.
  package let labels: [Int]

  package init(base: Matrix, labels: [Int]) {
    self.base = base
    self.labels = labels
  }
}

/// From the products of real and fake rows with W_x to everything the critic's backward products need, in one pass.
///
/// With pre(x) = W_x·x + base[label]; the interpolate's pre-activation is α·pre(real) + (1−α)·pre(fake), since the layer is
/// affine.
///
/// - Parameters:
///   - products: 2N×D: rows 0..<N hold W_x·x, rows N..<2N hold W_x·x̃.
///   - slopes: N×D, out.
///   - alpha: 1×N, the interpolation draws.
///   - weight: 1×D, w, the second layer.
///   - scores: 2×N, out: Σ_k w_k·LeakyReLU(pre_k), D less its last bias, of the real and of the fake rows.
package func criticSlopes(
  _ slopes: SlopeMatrix, products: Matrix, _ classes: ClassPart, alpha: Matrix, weight: Matrix, scores: Matrix
) {
  let (base, labels) = (classes.base, classes.labels)
  let n = labels.count
  precondition(products.rowCount == 2 * n && slopes.rowCount == n && alpha.columnCount >= n)
  precondition(scores.rowCount == 2 && scores.columnCount >= n && slopes.unitCount == products.columnCount)
  let width = products.columnCount
  parallel(n, grain: max(1, 4096 / max(width, 1)), "critic slopes", floats: 9 * n * width / 4) { part in
    for r in part {
      let (real, fake, bits) = (products.row(r), products.row(n &+ r), slopes.row(r))
      let classBase = base.row(labels[r])
      let a = Vector(repeating: alpha.start[r])
      var (realScore, fakeScore) = (Vector(), Vector())
      for c in stride(from: 0, to: width, by: vectorWidth) {
        let left = width &- c
        let (offset, w) = (load(classBase + c, left), load(weight.start + c, left))
        let preReal = load(real + c, left) + offset
        let preFake = load(fake + c, left) + offset
        let (ofReal, ofFake) = (slopeBit(preReal), slopeBit(preFake))
        let ofBetween = slopeBit(preFake.addingProduct(a, preReal - preFake))
        let ofAll = ofReal | (ofFake &<< SIMD16(repeating: 1)) | (ofBetween &<< SIMD16(repeating: 2))
        storeBytes(lowBytes(ofAll), bits + c, left)
        realScore.addProduct(leaky(preReal), w)
        fakeScore.addProduct(leaky(preFake), w)
      }
      scores.row(0)[r] = laneSum(realScore)
      scores.row(1)[r] = laneSum(fakeScore)
    }
  }
}

/// classCounts [S×units] ← how many more rows of a class have the fake row's slope at 1 than have the real row's: whole numbers,
/// exact in whatever order they are added.
package func criticClassCounts(_ classCounts: Matrix, _ slopes: SlopeMatrix, labels: [Int]) {
  precondition(slopes.rowCount == labels.count && slopes.unitCount == classCounts.columnCount)
  parallelStripes(
    classCounts.columnCount, rowsHeld: classCounts.rowCount, "critic class counts",
    floats: slopes.words.count + classCounts.count
  ) { stripe in
    for s in 0..<classCounts.rowCount {
      (classCounts.row(s) + stripe.lowerBound).update(repeating: 0, count: stripe.count)
    }
    let one = SlopeBytes(repeating: 1)
    for (r, label) in labels.enumerated() {
      let (bits, counts) = (slopes.row(r), classCounts.row(label))
      for c in stride(from: stripe.lowerBound, to: stripe.upperBound, by: vectorWidth) {
        let left = stripe.upperBound &- c
        let own = loadBytes(bits + c, left)
        let difference = ((own &>> one) & one) &- (own & one)  // of the fake row less of the real one
        let signed = SIMD16<Int32>(truncatingIfNeeded: unsafeBitCast(difference, to: SIMD16<Int8>.self))
        store(load(counts + c, left) + smallIntegers(unsafeBitCast(signed, to: SIMD16<UInt32>.self)), counts + c, left)
      }
    }
  }
}

/// The class part of D's gradients for some units, from the counts over all rows of a batch: the masks Σ (m_fake − m_real)/B of a
/// class are 0.8/B times its counts, so that what cancels is exactly 0.
///
/// - Parameters:
///   - classCounts: S×units; in: counts, out: masks times w, the gradient before the activation summed by class.
///   - base: S×units, W_a·a_s + b₁.
///   - weight: 1×units, w.
///   - dWeight: 1×units, out: ⟨base, masks⟩, the class part of dw.
package func finishCriticClasses(
  _ classCounts: Matrix, base: Matrix, weight: Matrix, inverseBatch: Float, dWeight: Matrix
) {
  parallelStripes(classCounts.columnCount, "critic class part", floats: 3 * classCounts.count) { stripe in
    for c in stride(from: stripe.lowerBound, to: stripe.upperBound, by: vectorWidth) {
      let left = stripe.upperBound &- c
      let w = load(weight.start + c, left)
      var sum = Vector()
      for s in 0..<classCounts.rowCount {
        let mask = load(classCounts.row(s) + c, left) * (0.8 * inverseBatch)
        sum.addProduct(load(base.row(s) + c, left), mask)
        store(mask * w, classCounts.row(s) + c, left)
      }
      store(sum, dWeight.start + c, left)
    }
  }
}

/// N×X, c_b·g_b: the gradient of the penalty with respect to g_b = ∇D(x̂_b), which lay there before.
package struct PenaltyRows: Sendable {
  package let matrix: Matrix

  /// - Parameter matrix: holds c_b·g_b by now.
  package init(_ matrix: Matrix) { self.matrix = matrix }
}

/// The penalty's rows c_b·g_b with c_b = 2λ(‖g_b‖ − 1)/(B‖g_b‖), 0 where ‖g_b‖ = 0, in place of the gradients g [N×X].
///
/// - Parameter deviations: 1×N, out: (‖g_b‖ − 1)².
package func penaltyRows(
  _ g: Matrix, penaltyWeight: Float, inverseBatch: Float, deviations: Matrix
) -> PenaltyRows {
  precondition(deviations.columnCount >= g.rowCount)
  parallel(g.rowCount, grain: max(1, 16384 / max(g.columnCount, 1)), "penalty rows", floats: 2 * g.count) { part in
    for r in part {
      let row = g.row(r)
      let norm = squaredNorm(row, g.columnCount).squareRoot()
      deviations.start[r] = (norm - 1) * (norm - 1)
      let factor = Vector(repeating: norm > 0 ? 2 * penaltyWeight * (norm - 1) * inverseBatch / norm : 0)
      for c in stride(from: 0, to: g.columnCount, by: vectorWidth) {
        let left = g.columnCount &- c
        store(load(row + c, left) * factor, row + c, left)
      }
    }
  }
  return PenaltyRows(g)
}

/// The generator step's way through the critic: the slopes (of kind `fake`) at products [N×D] = W_x·x̃, and
/// `scores` [1×N] ← Σ_k w_k·LeakyReLU(pre_k).
package func criticFakeSlopes(
  _ slopes: SlopeMatrix, products: Matrix, _ classes: ClassPart, weight: Matrix, scores: Matrix
) {
  let (base, labels) = (classes.base, classes.labels)
  precondition(labels.count == products.rowCount && scores.columnCount >= products.rowCount)
  precondition(slopes.rowCount == products.rowCount && slopes.unitCount == products.columnCount)
  let width = products.columnCount
  parallel(
    products.rowCount, grain: max(1, 8192 / max(width, 1)), "critic slopes of fakes", floats: 5 * products.count / 4
  ) { part in
    for r in part {
      let (row, classBase, bits) = (products.row(r), base.row(labels[r]), slopes.row(r))
      var score = Vector()
      for c in stride(from: 0, to: width, by: vectorWidth) {
        let left = width &- c
        let value = load(row + c, left) + load(classBase + c, left)
        storeBytes(lowBytes(slopeBit(value) &<< SIMD16(repeating: 1)), bits + c, left)
        score.addProduct(leaky(value), load(weight.start + c, left))
      }
      scores.start[r] = laneSum(score)
    }
  }
}
