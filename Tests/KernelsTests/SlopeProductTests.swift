import Kernels
import Matrices
import TestSupport
import Testing

@Suite struct SlopeProductTests {
  @Test(arguments: [(1, 1, 1), (2, 6, 16), (3, 5, 17), (7, 37, 70), (40, 130, 33), (5, 100, 129)])
  func matchPlainLoops(_ n: Int, _ units: Int, _ features: Int) {
    let made = Slopes(rows: n, units: units)
    let matrix = random(units, features, 3)
    for row in [SlopeMatrix.Row.real, .fake, .interpolate] {
      let expected = (0..<n).flatMap { r in
        (0..<features).map { x in
          (0..<units).reduce(0.0) { sum, k in
            sum - 0.25 * made.slope(row, r, k) * Double(made.weight[0, k]) * Double(matrix[k, x])
          }
        }
      }
      // A block of columns of a wider matrix; its neighbours stay as they are.
      let wide = Matrix(rows: n, columns: features + 2)
      wide.fill(7)
      let result = wide.columns(1..<features + 1)
      ProductContext().slopeInputGradient(
        into: result, made.slopes, row, weight: made.weight, matrix: matrix, factor: -0.25)
      #expect(compare(result.copied(), expected).passes(1e-6))
      #expect(wide[0, 0] == 7 && wide[n - 1, features + 1] == 7)
    }
    let three = random(3 * n, features, 4)
    let expected = (0..<units).flatMap { k in
      (0..<features).map { x in
        (0..<n).reduce(0.0) { sum, b in
          let real = -made.slope(.real, b, k) * Double(three[b, x])
          let fake = made.slope(.fake, b, k) * Double(three[n + b, x])
          let penalty = made.slope(.interpolate, b, k) * Double(three[2 * n + b, x])
          return sum + 0.5 * (real + fake) + penalty
        }
      }
    }
    let gradient = Matrix(rows: units, columns: features)
    weightSums(into: gradient, made.slopes, rows: three, inverseBatch: 0.5)
    #expect(compare(gradient, expected).passes(1e-6))
    // Scaled in a block of columns; the products are added to what is there.
    let scaled = Matrix(rows: units, columns: features + 3)
    scaled.fill(7)
    let block = scaled.columns(2..<features + 2)
    block.copy(from: gradient)
    let products = Matrix(rows: 1, columns: units)
    products.fill(2)
    scaleByUnit(block, weight: made.weight, matrix: matrix, dWeight: products)
    let expectedScaled = expected.enumerated().map { Double(made.weight[0, $0 / features]) * $1 }
    #expect(compare(block.copied(), expectedScaled).passes(1e-6))
    #expect((0..<units).allSatisfy { scaled[$0, 1] == 7 && scaled[$0, features + 2] == 7 })
    let expectedProducts = (0..<units).map { k in
      (0..<features).reduce(2.0) { $0 + Double(matrix[k, $1]) * expected[k * features + $1] }
    }
    #expect(compare(products, expectedProducts).passes(1e-5))
  }

  /// What the equality of any number of ranks rests on. More lanes than are summed at once are among them.
  @Test(
    arguments: [(64, 96, 40), (101, 4128, 33), (4200, 64, 20)].flatMap { shape in
      [ProductPrecision.float32, .bfloat16].map { (shape, $0) }
    })
  func sumsDoNotDependOnTheirCompany(_ shape: (Int, Int, Int), _ precision: ProductPrecision) {
    let (n, units, features) = shape
    let context = ProductContext(precision: precision)
    let made = Slopes(rows: n, units: units)
    let (matrix, three) = (random(units, features, 3), random(3 * n, features, 4))
    let (whole, gradient) = (Matrix(rows: n, columns: features), Matrix(rows: units, columns: features))
    context.slopeInputGradient(
      into: whole, made.slopes, .interpolate, weight: made.weight, matrix: matrix, factor: 1)
    weightSums(into: gradient, made.slopes, rows: three, inverseBatch: 0.1, context: context)
    #expect(whole.elements.contains { $0 != 0 } && gradient.elements.contains { $0 != 0 })
    for parts in [2, 3, 7] {
      let (pieces, shared) = (Matrix(rows: n, columns: features), Matrix(rows: units, columns: features))
      for slice in RowPartition(rowCount: n, rankCount: parts).slices {
        context.slopeInputGradient(
          into: pieces.rows(slice), rows(made.slopes, slice), .interpolate, weight: made.weight, matrix: matrix,
          factor: 1)
      }
      for slice in RowPartition(rowCount: units / 32, rankCount: parts).slices where !slice.isEmpty {
        let slice = 32 * slice.lowerBound..<32 * slice.upperBound
        weightSums(
          into: shared.rows(slice), columns(made.slopes, slice), rows: three, inverseBatch: 0.1, context: context)
      }
      let (samePieces, sameUnits) = (pieces.elements == whole.elements, shared.elements == gradient.elements)
      #expect(samePieces && sameUnits, "\(parts) parts")
    }
  }

  /// Nodes of the batch's tree, computed by themselves and then added, give the sum of all rows, bit for bit.
  @Test(
    arguments: [(64, 8), (101, 16), (37, 1), (90, 5), (300, 64)].flatMap { shape in
      [ProductPrecision.float32, .bfloat16].map { (shape, $0) }
    })
  func nodesAddUpToTheWhole(_ shape: (rows: Int, leafRows: Int), _ precision: ProductPrecision) {
    let (n, units, features) = (shape.rows, 40, 70)
    let context = ProductContext(precision: precision)
    let tree = BatchTree(rowCount: n, leafRows: shape.leafRows)
    let made = Slopes(rows: n, units: units)
    let three = random(3 * n, features, 4)
    let whole = Matrix(rows: units, columns: features)
    weightSums(
      into: whole, made.slopes, rows: three, inverseBatch: 0.1, leafRows: shape.leafRows, context: context)
    for ranks in [2, 3, 5] {
      let nodes = (0..<ranks).flatMap { tree.nodes(covering: tree.leaves(rank: $0, rankCount: ranks)) }
      let parts = nodes.map { node in
        let (sum, range) = (Matrix(rows: units, columns: features), tree.rows(node))
        context.slopeWeightSums(
          into: sum, made.slopes.rows(range), rows: slopeRows(three, range), inverseBatch: 0.1,
          leafRows: shape.leafRows)
        return sum
      }
      let total = Matrix(rows: units, columns: features)
      addNodes(parts, merges: tree.additions(nodes).merges, into: [total])
      let isSame = total.elements == whole.elements
      #expect(isSame, "\(ranks) ranks")
    }
  }

  /// In float32 10⁸ + 1·(10⁻⁹ − 10⁸) is 0, at the kink; the number itself lies between two that are above it. Narrow tables, which
  /// rely on that, take the side of the two; and where the two are below, as well.
  @Test func narrowTablesKeepTheInterpolateBetweenItsEnds() {
    let products = Matrix(rows: 2, columns: 2, elements: [1e-9, -1, 1e8, -1e8])
    let (alpha, weight) = (Matrix(rows: 1, columns: 1, elements: [1]), Matrix(rows: 1, columns: 2, elements: [2, 3]))
    let slopes = SlopeMatrix(words: Matrix(rows: 1, columns: 1), unitCount: 2)
    criticSlopes(
      slopes, products: products, ClassPart(base: Matrix(rows: 1, columns: 2), labels: [0]), alpha: alpha,
      weight: weight, scores: Matrix(rows: 2, columns: 1))
    let three = Matrix(rows: 3, columns: 1, elements: [1, 10, 100])
    let gradient = Matrix(rows: 2, columns: 1)
    weightSums(into: gradient, slopes, rows: three, inverseBatch: 1, context: ProductContext(precision: .bfloat16))
    #expect(compare(gradient, [109, 21.8]).passes(1e-3))
    weightSums(into: gradient, slopes, rows: three, inverseBatch: 1)
    #expect(compare(gradient, [29, 21.8]).passes(1e-6))
  }

  /// A chunk with an interpolate outside has other tables, for all its units: the others' sums are the same bits.
  @Test func anInterpolateOutsideChangesNoOtherUnit() {
    let (n, units, features) = (70, 20, 33)
    let made = Slopes(rows: n, units: units)
    let three = random(3 * n, features, 4)
    func gradient(_ slopes: SlopeMatrix) -> Matrix {
      let result = Matrix(rows: slopes.unitCount, columns: features)
      weightSums(into: result, slopes, rows: three, inverseBatch: 0.1)
      return result
    }
    let plain = gradient(made.slopes)
    #expect(made.alpha[0, 13] == 1)
    made.set(real: 1e-9, fake: 1e8, row: 13, unit: 17)
    let spoilt = gradient(made.slopes)
    for k in 0..<units {
      let isSame = spoilt.rows(k..<k + 1).elements == plain.rows(k..<k + 1).elements
      #expect(isSame == (k != 17), "unit \(k)")
    }
    let expected = (0..<features).map { x in
      (0..<n).reduce(0.0) { sum, b in
        let real = -made.slope(.real, b, 17) * Double(three[b, x])
        let fake = made.slope(.fake, b, 17) * Double(three[n + b, x])
        return sum + 0.1 * (real + fake) + made.slope(.interpolate, b, 17) * Double(three[2 * n + b, x])
      }
    }
    #expect(compare(spoilt.rows(17..<18).copied(), expected).passes(1e-6))
  }

  /// Sixteen-bit tables: more than a span of members and more than a panel of columns are among the shapes.
  @Test(arguments: [(1, 1, 1), (7, 37, 70), (40, 400, 33), (300, 100, 129)])
  func narrowTablesRoundAsBFloat16Does(_ n: Int, _ units: Int, _ features: Int) {
    let made = Slopes(rows: n, units: units)
    let (matrix, three) = (random(units, features, 3), random(3 * n, features, 4))
    func products(_ precision: ProductPrecision) -> (Matrix, Matrix) {
      let context = ProductContext(precision: precision)
      let (input, weight) = (Matrix(rows: n, columns: features), Matrix(rows: units, columns: features))
      context.slopeInputGradient(
        into: input, made.slopes, .interpolate, weight: made.weight, matrix: matrix, factor: 2)
      weightSums(into: weight, made.slopes, rows: three, inverseBatch: 0.5, context: context)
      return (input, weight)
    }
    let (wide, narrow) = (products(.float32), products(.bfloat16))
    #expect(compare(narrow.0, wide.0).passes(2e-3) && compare(narrow.1, wide.1).passes(2e-3))
    #expect(n == 1 || !(compare(narrow.0, wide.0).passes(1e-6) || compare(narrow.1, wide.1).passes(1e-6)))
    // What is not finite does not turn into a number.
    three[3 * n - 1, features - 1] = .infinity
    matrix[units - 1, 0] = .nan
    let spoilt = products(.bfloat16)
    #expect((0..<units).allSatisfy { !spoilt.1[$0, features - 1].isFinite })
    #expect((0..<n).allSatisfy { spoilt.0[$0, 0].isNaN })
  }

  /// All members of a span at their largest with one sign: no sum leaves sixteen bits.
  @Test func narrowTablesDoNotOverflow() {
    let (n, units, features) = (200, 16, 16)
    let products = Matrix(rows: 2 * n, columns: units)
    products.fill(1)
    let slopes = SlopeMatrix(words: Matrix(rows: n, columns: units / 4), unitCount: units)
    criticSlopes(
      slopes, products: products,
      ClassPart(base: Matrix(rows: 1, columns: units), labels: Array(repeating: 0, count: n)),
      alpha: Matrix(rows: 1, columns: n), weight: Matrix(rows: 1, columns: units), scores: Matrix(rows: 2, columns: n))
    let rows = Matrix(rows: 3 * n, columns: features)
    rows.rows(0..<n).fill(-3)
    rows.rows(n..<3 * n).fill(3)
    let gradient = Matrix(rows: units, columns: features)
    weightSums(into: gradient, slopes, rows: rows, inverseBatch: 1, context: ProductContext(precision: .bfloat16))
    #expect(compare(gradient, [Double](repeating: Double(9 * n), count: units * features)).passes(1e-3))
  }

  @Test func scoresAndClassMasksMatchPlainLoops() {
    let (n, units, classes) = (9, 37, 4)
    let made = Slopes(rows: n, units: units)
    for (index, row) in [SlopeMatrix.Row.real, .fake].enumerated() {
      let expected = (0..<n).map { r in
        (0..<units).reduce(0.0) {
          $0 + Double(made.weight[0, $1]) * made.slope(row, r, $1) * Double(made.preActivation(row, r, $1))
        }
      }
      #expect(compare(made.scores.rows(index..<index + 1), expected).passes(1e-6))
    }
    let labels = (0..<n).map { $0 % (classes - 1) }
    let masks = Matrix(rows: classes, columns: units)
    masks.fill(3)
    criticClassCounts(masks, made.slopes, labels: labels)
    let (base, dWeight) = (random(classes, units, 8), Matrix(rows: 1, columns: units))
    finishCriticClasses(masks, base: base, weight: made.weight, inverseBatch: 0.5, dWeight: dWeight)
    let expected = (0..<classes).flatMap { s in
      (0..<units).map { k in
        (0..<n).reduce(0.0) { sum, r in
          labels[r] == s ? sum + 0.5 * (made.slope(.fake, r, k) - made.slope(.real, r, k)) : sum
        }
      }
    }
    #expect(compare(masks, expected.enumerated().map { Double(made.weight[0, $0 % units]) * $1 }).passes(1e-6))
    #expect(
      compare(
        dWeight,
        (0..<units).map { k in (0..<classes).reduce(0.0) { $0 + Double(base[$1, k]) * expected[$1 * units + k] } }
      ).passes(1e-6))
    let (fakes, scores) = (made.products.rows(n..<2 * n), Matrix(rows: 1, columns: n))
    let slopes = SlopeMatrix(words: Matrix(rows: n, columns: SlopeMatrix.wordCount(units)), unitCount: units)
    criticFakeSlopes(
      slopes, products: fakes, ClassPart(base: Matrix(rows: 1, columns: units), labels: Array(repeating: 0, count: n)),
      weight: made.weight, scores: scores)
    #expect(compare(scores, made.scores.rows(1..<2)).passes(1e-6))
  }
}
