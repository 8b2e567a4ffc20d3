import Foundation
import Losses
import Matrices
import TestSupport
import Testing

/// The softmax's cross-entropy by its definition in Double.
@Suite struct ClassificationLossTests {
  /// Up to temperatures where one class has all the probability, or all have the same.
  @Test(arguments: 1...10, [Float(30), 1, 0.1, 0.01]) func isItsDefinition(seed: Int, temperature: Float) {
    let draws = Draws(seed: UInt64(seed))
    let (rows, classes, weight, batchSize) = (draws.integer(1...11), draws.integer(1...40), 0.25, 17)
    // Scores of any size, far from 0 too: a softmax knows differences only.
    let scores = draws.matrix(rows, classes, size: 3)
    for r in 0..<rows { for c in 0..<classes { scores[r, c] += Float(r) * 20 } }
    let labels = draws.labels(rows, below: classes)
    let before = doubles(scores)
    let losses = Matrix(rows: 1, columns: rows)
    let delta = classificationLoss(
      scores, labels: labels, temperature: temperature, weight: Float(weight), batchSize: batchSize, losses: losses
    ).matrix
    for r in 0..<rows {
      let place = "seed \(seed), τ = \(temperature), row \(r) of \(rows)×\(classes)"
      let logits = before[r].map { $0 / Double(temperature) }
      let top = logits.max() ?? 0
      let exponentials = logits.map { exp($0 - top) }
      let total = exponentials.reduce(0, +)
      let loss = log(total) + top - logits[labels[r]]
      // A logit of up to 200/τ has lost as many 2⁻²⁴.
      let size = max(1, abs(top), abs(logits.min() ?? 0))
      #expect(abs(Double(losses[0, r]) - loss) <= 1e-6 * size, "\(place)")
      for c in 0..<classes {
        let probability = exponentials[c] / total
        let expected = (probability - (c == labels[r] ? 1 : 0)) * weight / Double(batchSize) / Double(temperature)
        let unit = weight / Double(batchSize) / Double(temperature)
        #expect(abs(Double(delta[r, c]) - expected) <= 1e-6 * size * unit, "\(place), class \(c)")
      }
    }
  }

  /// Where a row is all but sure, loss and gradient are small, and as precise as elsewhere: the largest class may be the label or another.
  @Test(arguments: [Float(0), 1, 8, 14, 17, 30, 80], [0, 1, 7, 19])
  func isPreciseWhereARowIsSure(lead: Float, label: Int) {
    let (classes, labels) = (20, [label, (label + 3) % 20])
    let scores = Matrix(rows: 2, columns: classes)
    // Scores whose differences have no rounding.
    for r in 0..<2 { for c in 0..<classes { scores[r, c] = Float(c % 4) / 8 + (c == label ? lead : 0) } }
    let before = doubles(scores)
    let losses = Matrix(rows: 1, columns: 2)
    let delta = classificationLoss(scores, labels: labels, temperature: 1, weight: 1, batchSize: 1, losses: losses)
      .matrix
    for r in 0..<2 {
      let exponentials = before[r].map { exp($0 - before[r][labels[r]]) }
      let others = exponentials.indices.reduce(0) { $0 + ($1 == labels[r] ? 0 : exponentials[$1]) }
      #expect(abs(Double(losses[0, r]) / log1p(others) - 1) < 1e-5, "lead \(lead), row \(r)")
      for c in 0..<classes {
        let expected = (c == labels[r] ? -others : exponentials[c]) / (1 + others)
        #expect(
          abs(Double(delta[r, c]) - expected) <= 1e-5 * abs(expected), "lead \(lead), row \(r), class \(c)")
      }
    }
  }

  /// The one class there is has all the probability.
  @Test func oneClassOnlyHasNeitherLossNorGradient() {
    let scores = Matrix(rows: 4, columns: 1, elements: [0, 5, -1000, 1e6])
    let losses = Matrix(rows: 1, columns: 4)
    let delta = classificationLoss(
      scores, labels: [0, 0, 0, 0], temperature: 0.1, weight: 1, batchSize: 4, losses: losses)
    #expect(losses.elements == [0, 0, 0, 0] && delta.matrix.elements.allSatisfy { $0 == 0 })
  }
}

/// The semantic baseline's loss by its definition in Double, with central differences.
@Suite struct RankingLossTests {
  private func term(_ row: [Double], _ own: [Double], _ other: [Double], margin: Double) -> Double {
    max(0, row.indices.reduce(margin) { $0 + row[$1] * (other[$1] - own[$1]) })
  }

  @Test(arguments: 1...10, [Float(0), 0.3, 5]) func isItsDefinition(seed: Int, margin: Float) {
    let draws = Draws(seed: UInt64(seed))
    let (rows, width, classes) = (draws.integer(1...9), draws.integer(1...19), draws.integer(2...6))
    let (embedded, descriptors) = (draws.matrix(rows, width), draws.matrix(classes, width))
    let labels = draws.labels(rows, below: classes)
    let negatives = labels.map { ($0 + draws.integer(1...classes - 1)) % classes }
    let gradient = draws.empty(rows, width)
    let loss = RankingLoss(margin: margin, weight: 0.5, batchSize: 21)
    let terms = loss.terms(embedded: embedded, descriptors: descriptors, labels: labels, negatives: negatives)
    loss.gradient(
      into: gradient, accumulate: false, terms: terms, descriptors: descriptors, labels: labels, negatives: negatives)
    let twice = gradient.copied()
    loss.gradient(
      into: twice, accumulate: true, terms: terms, descriptors: descriptors, labels: labels, negatives: negatives)
    #expect(twice.elements == gradient.elements.map { 2 * $0 })
    let (x, a) = (doubles(embedded), doubles(descriptors))
    for r in 0..<rows {
      let (own, other) = (a[labels[r]], a[negatives[r]])
      let place = "seed \(seed), margin \(margin), row \(r)"
      #expect(abs(terms[r] - term(x[r], own, other, margin: Double(margin))) < 1e-12, "\(place)")
      for c in 0..<width {
        func moved(_ shift: Double) -> Double {
          var row = x[r]
          row[c] += shift
          return term(row, own, other, margin: Double(margin))
        }
        let expected = 0.5 / 21 * (moved(1e-6) - moved(-1e-6)) / 2e-6
        #expect(abs(Double(gradient[r, c]) - expected) < 1e-7, "\(place), column \(c)")
      }
    }
  }

  /// A row that is beyond the margin, and one that is just at it, have no gradient.
  @Test func whatIsRankedRightRests() {
    let descriptors = Matrix(rows: 2, columns: 2, elements: [1, 0, 0, 1])
    let embedded = Matrix(rows: 3, columns: 2, elements: [3, 0, 1, 0, 0.5, 0])
    let gradient = Matrix(rows: 3, columns: 2)
    let loss = RankingLoss(margin: 1, weight: 1, batchSize: 1)
    let (labels, negatives) = ([0, 0, 0], [1, 1, 1])
    let terms = loss.terms(embedded: embedded, descriptors: descriptors, labels: labels, negatives: negatives)
    loss.gradient(
      into: gradient, accumulate: false, terms: terms, descriptors: descriptors, labels: labels, negatives: negatives)
    #expect(terms == [0, 0, 0.5])
    #expect(gradient.elements == [0, 0, 0, 0, -1, 1])
  }
}

/// WGAN with gradient penalty by its definition in Double, with central differences.
@Suite struct AdversarialLossTests {
  @Test(arguments: 1...10) func thePenaltysGradientIsItsDefinition(seed: Int) {
    let draws = Draws(seed: UInt64(seed))
    let (rows, width, batchSize, weight) = (draws.integer(1...9), draws.integer(1...40), 23, 7.0)
    let g = draws.matrix(rows, width, size: 0.5)
    let before = doubles(g)
    let deviations = Matrix(rows: 1, columns: rows)
    let loss = AdversarialLoss(penaltyWeight: Float(weight), batchSize: batchSize)
    let rowsOfPenalty = loss.penaltyGradient(g, deviations: deviations).matrix
    func deviation(_ row: [Double]) -> Double {
      let excess = row.reduce(0) { $0 + $1 * $1 }.squareRoot() - 1
      return excess * excess
    }
    #expect(compare(deviations, before.map(deviation)).passes(1e-5), "seed \(seed)")
    let expected = before.flatMap { row in
      row.indices.map { c in
        func moved(_ shift: Double) -> Double {
          var other = row
          other[c] += shift
          return weight / Double(batchSize) * deviation(other)
        }
        return (moved(1e-5) - moved(-1e-5)) / 2e-5
      }
    }
    let result = compare(rowsOfPenalty.copied(), expected)
    #expect(result.passes(1e-5), "\(result), seed \(seed)")
    // The mean over the batch, λ included.
    let sum = before.map(deviation).reduce(0, +)
    #expect(abs(loss.means(wasserstein: 0, deviations: sum).penalty - weight * sum / Double(batchSize)) < 1e-12)
  }

  /// A norm of 1 is what the penalty wants; at 0 there is no direction.
  @Test func rowsAtOneAndAtZeroRest() {
    let deviations = Matrix(rows: 1, columns: 3)
    let g = AdversarialLoss(penaltyWeight: 10, batchSize: 2).penaltyGradient(
      Matrix(rows: 3, columns: 2, elements: [0.6, 0.8, 0, 0, 3, 4]), deviations: deviations
    ).matrix
    #expect(abs(deviations[0, 0]) < 1e-12 && deviations[0, 1] == 1 && deviations[0, 2] == 16)
    #expect(abs(g[0, 0]) < 1e-5 && abs(g[0, 1]) < 1e-5 && g[1, 0] == 0 && g[1, 1] == 0)
    // 2·10·(5 − 1)/(2·5) of the row.
    #expect(compare(g.rows(2..<3), [24, 32]).passes(1e-6))
  }

  @Test func means() {
    let loss = AdversarialLoss(penaltyWeight: 10, batchSize: 4)
    let scores = Matrix(rows: 2, columns: 3, elements: [1, 2, 3, 0.5, -1, 7])
    #expect((0..<3).map { loss.wasserstein(scores, row: $0) } == [0.5, 3, -4])
    let (wasserstein, penalty) = loss.means(wasserstein: -0.5, deviations: 2)
    #expect(wasserstein == -0.125 && penalty == 5)
  }
}
