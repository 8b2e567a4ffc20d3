import Foundation
import Kernels
import Matrices
import TestSupport
import Testing

private func product(_ a: Matrix, _ b: Matrix) -> [Double] {
  (0..<a.rowCount).flatMap { i in
    (0..<b.columnCount).map { j in
      (0..<a.columnCount).reduce(0.0) { $0 + Double(a[i, $1]) * Double(b[$1, j]) }
    }
  }
}

private func transposed(_ a: Matrix) -> Matrix {
  let result = Matrix(rows: a.columnCount, columns: a.rowCount)
  for r in 0..<a.rowCount { for c in 0..<a.columnCount { result[c, r] = a[r, c] } }
  return result
}

@Suite struct ProductTests {
  @Test(arguments: [(1, 1, 1), (3, 5, 7), (33, 17, 65), (70, 40, 31)]) func matchesPlainLoops(
    _ m: Int, _ k: Int, _ n: Int
  ) {
    let (a, b) = (random(m, k, 1), random(k, n, 2))
    let expected = product(a, b)
    let c = Matrix(rows: m, columns: n)
    let context = ProductContext()
    context.multiply(into: c, a, b)
    #expect(compare(c, expected).passes(1e-6))
    context.multiply(into: c, transposed(a).transposed, transposed(b).transposed, accumulate: true)
    #expect(compare(c, expected.map { 2 * $0 }).passes(1e-6))
    // A block of columns of a wider matrix; its neighbours stay as they are.
    let wide = Matrix(rows: m, columns: n + 2)
    wide.fill(7)
    context.multiply(into: wide.columns(1..<n + 1), a, b)
    #expect(compare(wide.columns(1..<n + 1).copied(), expected).passes(1e-6))
    #expect(wide[0, 0] == 7 && wide[m - 1, n + 1] == 7)
  }

  @Test func emptySumsAreZero() {
    let c = Matrix(rows: 2, columns: 2)
    c.fill(5)
    ProductContext().multiply(into: c, Matrix(rows: 2, columns: 0), Matrix(rows: 0, columns: 2))
    #expect(c.elements == [0, 0, 0, 0])
  }
}

@Suite struct BFloat16ProductTests {
  private static var isSupported: Bool { (try? ProductPrecision.bfloat16.requireSupport()) != nil }
  private let context = ProductContext(precision: .bfloat16)

  /// To nearest, ties to even, by the definition: eight bits of mantissa.
  private func rounded(_ x: Matrix) -> Matrix {
    let result = x.copied()
    for r in 0..<x.rowCount {
      for c in 0..<x.columnCount {
        let bits = x[r, c].bitPattern
        let rest = bits & 0xFFFF
        let up = rest > 0x8000 || (rest == 0x8000 && bits & 0x1_0000 != 0)
        result[r, c] = Float(bitPattern: (bits & 0xFFFF_0000) &+ (up ? 0x1_0000 : 0))
      }
    }
    return result
  }

  /// A factor that was rounded before, whole or as a part of something larger, and one that is rounded for its product.
  @Test(.enabled(if: isSupported))
  func keptCopiesChangeNoBit() {
    let (whole, b) = (random(70, 90, 3), random(40, 64, 4))
    let part = whole.rows(5..<65).columns(7..<47)
    func products() -> [[Float]] {
      let (c, d) = (Matrix(rows: 60, columns: 64), Matrix(rows: 60, columns: 60))
      context.multiply(into: c, part, b)
      context.multiply(into: d, part, part.transposed)
      return [c.elements, d.elements]
    }
    let plain = products()
    context.keepRounded(whole)
    #expect(products() == plain)
    context.keepRounded(part)
    context.keepRounded(b)
    #expect(products() == plain)
    // Changed: the copy is made again, or forgotten.
    whole[10, 20] += 1
    context.keepRounded(whole)
    let changed = products()
    #expect(changed != plain)
    whole[10, 20] -= 1
    // A part that was filled anew is not taken from the copy of the whole.
    context.keepRounded(part)
    #expect(products() == plain)
    context.forgetRounded()
    #expect(products() == plain)
  }

  @Test(.enabled(if: isSupported), arguments: [33, 1030])
  func optimizerRoundsTheParametersItMoves(inputs: Int) {
    let arena = ParameterArena(shapes: [.weight("a", outputs: 40, inputs: inputs), .bias("a", outputs: 40)])
    let (weight, x) = (arena.value("a.weight"), random(50, inputs, 6))
    weight.copy(from: random(40, inputs, 5))
    let gradient = random(40, inputs, 7)
    let (first, second) = (Matrix(rows: 40, columns: inputs), Matrix(rows: 40, columns: inputs))
    context.keepRoundedParameters(arena.values)
    context.forgetRounded()  // not these
    for step in 1...3 {
      adamUpdate(
        values: weight, gradients: gradient, firstMoments: first, secondMoments: second,
        AdamStep(beta1: 0.5, beta2: 0.9, stepSize: 0.01, inverseRootCorrection: Float(step), epsilon: 1e-8),
        context: context)
      let (kept, plain) = (Matrix(rows: 50, columns: 40), Matrix(rows: 50, columns: 40))
      context.multiply(into: kept, x, weight.transposed)
      context.multiply(into: plain, x, weight.copied().transposed)
      #expect(kept.elements == plain.elements)
      #expect(kept.elements.contains { $0 != 0 })
    }
  }

  @Test(.enabled(if: isSupported), arguments: [(1, 1, 1), (3, 5, 7), (33, 17, 65), (70, 40, 31)])
  func isTheProductOfRoundedFactors(_ m: Int, _ k: Int, _ n: Int) {
    let (a, b) = (random(m, k, 1), random(k, n, 2))
    a[0, 0] = Float(bitPattern: 0x3F80_8000)  // halfway: to the even neighbour, 1
    let expected = product(rounded(a), rounded(b))
    let c = Matrix(rows: m, columns: n)
    context.multiply(into: c, a, b)
    #expect(compare(c, expected).passes(1e-6))
    #expect(m * k * n == 1 || !compare(c, product(a, b)).passes(1e-5), "nothing was rounded")
    context.multiply(into: c, transposed(a).transposed, transposed(b).transposed, accumulate: true)
    #expect(compare(c, expected.map { 2 * $0 }).passes(1e-6))
    a[0, 0] = .nan
    context.multiply(into: c, a, b)
    #expect(c[0, 0].isNaN)
  }

  /// As for float32, what the equality of any number of ranks rests on.
  @Test(
    .enabled(if: isSupported),
    arguments: [(100, 384, 512), (300, 96, 128), (101, 1024, 64), (257, 40, 333), (1600, 2080, 512), (1100, 800, 1030)])
  func rowsDoNotDependOnTheirCompany(_ m: Int, _ k: Int, _ n: Int) {
    let (a, b) = (random(m, k, 3), random(n, k, 4))
    let whole = Matrix(rows: m, columns: n)
    context.multiply(into: whole, a, b.transposed)
    let gradient = Matrix(rows: k, columns: n)
    context.multiply(into: gradient, a.transposed, whole)
    for parts in [2, 3, 7] {
      let pieces = Matrix(rows: m, columns: n)
      for slice in RowPartition(rowCount: m, rankCount: parts).slices {
        context.multiply(into: pieces.rows(slice), a.rows(slice), b.transposed)
      }
      let samePieces = pieces.elements == whole.elements
      #expect(samePieces, "\(parts) slices of \(m) rows")
      let shared = Matrix(rows: k, columns: n)
      for units in RowPartition(rowCount: k, rankCount: parts).slices where !units.isEmpty {
        context.multiply(into: shared.rows(units), a.columns(units).transposed, whole)
      }
      let sameUnits = shared.elements == gradient.elements
      #expect(sameUnits, "\(parts) slices of \(k) units")
    }
  }
}

private func named(_ layout: MatrixLayout) -> NamedMatrices {
  NamedMatrices(layout: layout, storage: FloatStorage(count: layout.count))
}

@Suite struct PassTests {
  /// Narrow weights and wide ones, whose rows have gaps between them; on one thread and on several.
  @Test(arguments: [1, 3]) func adamIsTheFormula(threads: Int) {
    let threadsBefore = ThreadPool.threadCount
    ThreadPool.setThreadCount(threads)
    defer { ThreadPool.setThreadCount(threadsBefore) }
    let arena = ParameterArena(shapes: [
      .weight("a", outputs: 3, inputs: 5), .bias("a", outputs: 3), .weight("b", outputs: 9, inputs: 2048),
      .weight("c", outputs: 20, inputs: 1029), .bias("c", outputs: 20),
    ])
    var expected: [[Double]] = []
    let layout = MatrixLayout(shapes: arena.shapes)
    let (gradients, first, second) = (named(layout), named(layout), named(layout))
    for (n, shape) in arena.shapes.enumerated() {
      let (value, gradient) = (arena.value(shape.name), gradients[shape.name])
      value.copy(from: random(shape.rowCount, shape.columnCount, n))
      gradient.copy(from: random(shape.rowCount, shape.columnCount, n + 10))
      first[shape.name].fill(0.02)
      second[shape.name].fill(0.0003)
      expected.append(
        zip(value.elements, gradient.elements).map { value, gradient -> Double in
          let g = Double(gradient)
          let (m, v) = (0.5 * 0.02 + 0.5 * g, 0.999 * 0.0003 + 0.001 * g * g)
          return Double(value) - 1e-3 / (1 - 0.125) * m / ((v / (1 - pow(0.999, 3))).squareRoot() + 1e-8)
        })
    }
    let context = ProductContext()
    for shape in arena.shapes {
      adamUpdate(
        values: arena.value(shape.name), gradients: gradients[shape.name], firstMoments: first[shape.name],
        secondMoments: second[shape.name],
        AdamStep(
          beta1: 0.5, beta2: 0.999, stepSize: Float(1e-3 / (1 - 0.125)),
          inverseRootCorrection: Float(1 / (1 - pow(0.999, 3)).squareRoot()), epsilon: 1e-8), context: context)
    }
    for (shape, expected) in zip(arena.shapes, expected) {
      #expect(compare(arena.value(shape.name), expected).passes(1e-6), "\(shape.name)")
    }
    // What lies between rows has stayed as it was.
    let used = arena.shapes.reduce(0) { $0 + $1.count }
    #expect((0..<arena.values.count).count { arena.values.base[$0] != 0 } <= used)
  }

  @Test func nonFiniteElementsAreCounted() {
    let x = Matrix(rows: 100, columns: 100)
    #expect(nonFiniteCount(x) == 0)
    x[0, 17] = .nan
    x[99, 99] = .infinity
    x[99, 98] = -.infinity
    x[0, 5] = .greatestFiniteMagnitude
    #expect(nonFiniteCount(x) == 3 && nonFiniteCount(x.rows(1..<99)) == 0 && nonFiniteCount(x.rows(1..<1)) == 0)
  }

  @Test func normalDrawsAreNormal() {
    let x = random(200, 501, 9)
    let values = x.elements.map(Double.init)
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
    let fourth = values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / Double(values.count)
    #expect(abs(mean) < 0.02 && abs(variance - 1) < 0.02 && abs(fourth - 3) < 0.15)
    // A row depends on its global index, not on its place in the buffer.
    let later = Matrix(rows: 3, columns: 501)
    fillNormal(later, RandomSource(seed: 5), .demoData, step: 9, firstRow: 50)
    #expect(later.elements == x.rows(50..<53).copied().elements)
  }

  /// Box–Muller of the same words in Double.
  @Test func normalDrawsAreBoxMuller() {
    let source = RandomSource(seed: 5)
    let x = random(300, 130, 9)
    var expected: [Double] = []
    for r in 0..<300 {
      for c in 0..<130 {
        let w = source.words(.demoData, step: 9, row: r, block: c / 4)
        let (first, second) = c % 4 < 2 ? (w.x, w.y) : (w.z, w.w)
        let radius = (-2 * log((Double(first) + 1) * 0x1p-32)).squareRoot()
        let angle = 2 * Double.pi * Double(second) * 0x1p-32
        expected.append(radius * (c % 2 == 0 ? cos(angle) : sin(angle)))
      }
    }
    // The uniform number has 24 bits: near 1, where ln is near 0, the radius is less exact, 2e-4 at its very least value.
    let errors = zip(x.elements, expected).map { abs(Double($0) - $1) }
    #expect(errors.allSatisfy { $0 < 2e-4 })
    #expect(compare(x, expected).passes(2e-6))
  }

  @Test func softmaxGradientSumsToZero() {
    let scores = random(5, 37, 12)
    let copy = scores.elements.map(Double.init)
    let losses = Matrix(rows: 1, columns: 5)
    let labels = [0, 36, 7, 7, 20]
    softmaxCrossEntropy(scores, labels: labels, temperature: 0.1, inverseBatch: 0.2, losses: losses)
    for r in 0..<5 {
      let row = copy[r * 37..<(r + 1) * 37].map { $0 / 0.1 }
      let top = row.max() ?? 0
      let total = row.reduce(0) { $0 + exp($1 - top) }
      #expect(abs(Double(losses[0, r]) - (log(total) + top - row[labels[r]])) < 1e-4)
      #expect(abs(scores.rows(r..<r + 1).elements.reduce(0, +)) < 1e-5)
    }
  }
}
