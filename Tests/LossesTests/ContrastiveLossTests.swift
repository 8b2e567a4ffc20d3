import Kernels
import Losses
import Matrices
import TestSupport
import Testing

/// L_ins by its definition in Double, anchor by anchor.
private struct Definition {
  let loss: Double
  /// B×Z.
  let gradient: [[Double]]

  init(z: [[Double]], labels: [Int], temperature: Double) {
    let tape = Tape()
    let layers = TapeLayers(tape, parameters: [:])
    let rows = z.map(layers.constants)
    var terms: [Scalar] = []
    for i in labels.indices {
      let others = labels.indices.filter { $0 != i }
      let positives = others.filter { labels[$0] == labels[i] }
      guard !positives.isEmpty else { continue }
      let similarities = others.map { layers.dot(rows[i], rows[$0]) * (1 / temperature) }
      let top = similarities.map(\.value).max() ?? 0
      let all = layers.sum(similarities.map { ($0 + -top).exponential }).logarithm + top
      let logs = positives.map { all - layers.dot(rows[i], rows[$0]) * (1 / temperature) }
      terms.append(layers.sum(logs) * (1 / Double(positives.count)))
    }
    let total = terms.isEmpty ? tape.variable(0) : layers.sum(terms) * (1 / Double(terms.count))
    loss = total.value
    gradient = rows.map { tape.gradient(of: total, $0) }
  }
}

/// A set of unit rows, and what the loss makes of them, a share of the rows at a time.
private struct Contrast {
  let z: Matrix
  let labels: [Int]

  init(_ draws: Draws, rows: Int, columns: Int, classes: Int) {
    let z = draws.matrix(rows, columns)
    for r in 0..<rows {
      let norm = (0..<columns).reduce(0.0) { $0 + Double(z[r, $1]) * Double(z[r, $1]) }.squareRoot()
      for c in 0..<columns { z[r, c] = Float(Double(z[r, c]) / norm) }
    }
    self.z = z
    labels = draws.labels(rows, below: classes)
  }

  /// - Parameters:
  ///   - shares: ranks that have the rows, some of them none.
  ///   - block: rows of the set that come at a time.
  func evaluate(_ loss: ContrastiveLoss, shares: Int, block: Int, weight: Float) -> (loss: Double, gradient: Matrix) {
    let anchors = ContrastiveAnchors(labels: labels)
    let slices = RowPartition(rowCount: labels.count, rankCount: shares).slices
    let blocks = stride(from: 0, to: labels.count, by: block).map { first in
      ContrastRows(z.rows(first..<min(first + block, labels.count)), firstIndex: first)
    }
    var (total, logSumExps): (Double, [Float]) = (0, [])
    for slice in slices {
      var sums = [AnchorSums](repeating: loss.emptySums, count: slice.count)
      for part in blocks {
        loss.addSums(
          &sums, rows: ContrastRows(z.rows(slice), firstIndex: slice.lowerBound), block: part, anchors: anchors)
      }
      for (sum, index) in zip(sums, slice) {
        let (value, part) = loss.logSumExp(sum, index: index, anchors: anchors)
        logSumExps.append(value)
        total += part
      }
    }
    let gradient = Matrix(rows: labels.count, columns: z.columnCount)
    gradient.fill(.nan)
    for slice in slices {
      for part in blocks {
        loss.addGradient(
          into: gradient.rows(slice), rows: ContrastRows(z.rows(slice), firstIndex: slice.lowerBound), block: part,
          anchors: anchors, logSumExps: logSumExps, weight: weight)
      }
    }
    return (anchors.keptCount > 0 ? total / Double(anchors.keptCount) : total, gradient)
  }
}

@Suite struct ContrastiveLossTests {
  /// From temperatures that make all rows alike to one that lets the nearest row decide; on both sides of 1/40, where the pass changes.
  @Test(arguments: 1...12, [Float(20), 1, 0.1, 0.0251, 0.0249, 0.01, 0.001])
  func isItsDefinition(seed: Int, temperature: Float) {
    let draws = Draws(seed: UInt64(seed))
    let rows = draws.integer(1...29)
    // From one class to more classes than rows, most of which have no positive then.
    let contrast = Contrast(draws, rows: rows, columns: draws.integer(1...21), classes: draws.integer(1...2 * rows))
    let expected = Definition(z: doubles(contrast.z), labels: contrast.labels, temperature: Double(temperature))
    let loss = ContrastiveLoss(temperature: temperature, context: ProductContext())
    // A similarity has some 2⁻²⁴, and the exponentials 1/τ times that; where the nearest row decides, what is left is small.
    let tolerance = max(2e-5, 2e-6 / Double(temperature))
    for (shares, block) in [(1, rows), (3, rows), (40, rows)] {
      let actual = contrast.evaluate(loss, shares: shares, block: block, weight: 0.5)
      let place = "seed \(seed), τ = \(temperature), \(rows)×\(contrast.z.columnCount), labels \(contrast.labels)"
      #expect(abs(actual.loss - expected.loss) <= tolerance * max(1, expected.loss), "\(place)")
      let size = expected.gradient.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
      let differences = zip(actual.gradient.elements, expected.gradient.joined()).map { Double($0) - 0.5 * $1 }
      let distance = differences.reduce(0) { $0 + $1 * $1 }.squareRoot()
      // Weights are differences of probabilities, of which each is exact to the tolerance: of the order of 1/τ a kept anchor.
      let scale = max(size, 1 / Double(temperature) / Double(max(1, rows)).squareRoot())
      #expect(distance <= tolerance * scale, "\(place): \(distance) of \(size)")
    }
  }

  @Test func withoutAnyPositiveLossAndGradientAreExactlyZero() {
    let contrast = Contrast(Draws(seed: 3), rows: 9, columns: 5, classes: 1)
    let alone = ContrastiveAnchors(labels: Array(0..<9))
    #expect(alone.keptCount == 0 && alone.kept.allSatisfy { $0 == 0 } && alone.inverseCounts.allSatisfy { $0 == 0 })
    let loss = ContrastiveLoss(temperature: 0.1, context: ProductContext())
    let part = ContrastRows(contrast.z, firstIndex: 0)
    var sums = [AnchorSums](repeating: loss.emptySums, count: 9)
    loss.addSums(&sums, rows: part, block: part, anchors: alone)
    let found = sums.enumerated().map { loss.logSumExp($1, index: $0, anchors: alone) }
    #expect(found.allSatisfy { $0.logSumExp == .infinity && $0.loss == 0 })
    let gradient = Matrix(rows: 9, columns: 5)
    gradient.fill(.nan)
    loss.addGradient(
      into: gradient, rows: part, block: part, anchors: alone, logSumExps: found.map(\.logSumExp), weight: 1)
    #expect(gradient.elements.allSatisfy { $0 == 0 })
  }

  /// Dropped anchors get a gradient all the same: they push, and are pushed, as negatives of the others.
  @Test func anchorsWithoutAPositiveStayNegatives() {
    let draws = Draws(seed: 8)
    let pair = Contrast(draws, rows: 3, columns: 4, classes: 1)
    let labels = [0, 0, 1]
    let expected = Definition(z: doubles(pair.z), labels: labels, temperature: 0.5)
    #expect(expected.gradient[2].contains { abs($0) > 0.05 })
    let anchors = ContrastiveAnchors(labels: labels)
    #expect(anchors.kept == [1, 1, 0] && anchors.inverseCounts == [1, 1, 0] && anchors.keptCount == 2)
    let loss = ContrastiveLoss(temperature: 0.5, context: ProductContext())
    let part = ContrastRows(pair.z, firstIndex: 0)
    var sums = [AnchorSums](repeating: loss.emptySums, count: 3)
    loss.addSums(&sums, rows: part, block: part, anchors: anchors)
    let found = sums.enumerated().map { loss.logSumExp($1, index: $0, anchors: anchors) }
    let gradient = Matrix(rows: 3, columns: 4)
    loss.addGradient(
      into: gradient, rows: part, block: part, anchors: anchors, logSumExps: found.map(\.logSumExp), weight: 1)
    let result = compare(gradient, expected.gradient.flatMap { $0 })
    #expect(result.passes(1e-5), "\(result)")
    #expect(abs(found.reduce(0) { $0 + $1.loss } / 2 - expected.loss) < 1e-5)
  }

  /// Pass 2 takes the similarities that pass 1 computed last, where told that they are there: the bits of computing them again.
  @Test(arguments: [Float(0.1), 0.02]) func similaritiesOfTheFirstPassServeTheSecond(temperature: Float) {
    let contrast = Contrast(Draws(seed: 5), rows: 40, columns: 8, classes: 4)
    let anchors = ContrastiveAnchors(labels: contrast.labels)
    let loss = ContrastiveLoss(temperature: temperature, context: ProductContext())
    let part = ContrastRows(contrast.z, firstIndex: 0)
    var sums = [AnchorSums](repeating: loss.emptySums, count: 40)
    func pass1() -> ContrastiveTile? {
      sums = [AnchorSums](repeating: loss.emptySums, count: 40)
      return loss.addSums(&sums, rows: part, block: part, anchors: anchors)
    }
    func pass2(_ computed: ContrastiveTile?) -> [UInt32] {
      let found = sums.enumerated().map { loss.logSumExp($1, index: $0, anchors: anchors).logSumExp }
      let gradient = Matrix(rows: 40, columns: 8)
      loss.addGradient(
        into: gradient, rows: part, block: part, anchors: anchors, logSumExps: found, weight: 1, computed: computed)
      return gradient.elements.map(\.bitPattern)
    }
    let tile = pass1()
    let taken = pass2(tile)
    let again = pass2(nil)
    #expect(tile == ContrastiveTile(rowIndices: 0..<40, columnIndices: 0..<40))
    #expect(taken == again && again.contains { $0 << 1 != 0 })
    // The tile holds weights now: whoever says otherwise gets what he says. Where another tile is named than pass 2 needs first, it
    // computes its own.
    #expect(pass2(tile) != again)
    #expect(pass2(ContrastiveTile(rowIndices: 0..<40, columnIndices: 0..<39)) == again)
  }

  /// More rows than a tile has columns, in blocks of whole tiles, whoever has which of them: the bits of one rank that has all.
  @Test(arguments: [Float(0.1), 0.02]) func blocksAndSharesChangeNoBit(temperature: Float) {
    let tile = ContrastiveLoss.tileColumns
    let contrast = Contrast(Draws(seed: 4), rows: tile + 37, columns: 5, classes: 9)
    let loss = ContrastiveLoss(temperature: temperature, context: ProductContext())
    let whole = contrast.evaluate(loss, shares: 1, block: tile + 37, weight: 1)
    #expect(whole.gradient.elements.contains { $0 != 0 })
    for (shares, block) in [(1, tile), (7, tile), (2, 2 * tile)] {
      let parts = contrast.evaluate(loss, shares: shares, block: block, weight: 1)
      #expect(parts.loss == whole.loss)
      let isSame = parts.gradient.elements == whole.gradient.elements
      #expect(isSame, "\(shares) shares in blocks of \(block)")
    }
  }
}
