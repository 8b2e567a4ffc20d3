import Evaluation
import Foundation
import Kernels
import Matrices
import TestSupport
import Testing

/// The final softmax in Double: cross-entropy by its definition, Adam by Kingma and Ba's.
private struct PlainSoftmax {
  /// C rows of H + 1: a class's weights, then its bias.
  private(set) var layer: [[Double]]
  private var first, second: [[Double]]
  private var stepCount = 0

  /// - Parameter weights: C×H, where training begins.
  init(_ weights: [[Double]]) {
    layer = weights.map { $0 + [0] }
    first = layer.map { $0.map { _ in 0 } }
    second = first
  }

  func scores(_ x: [Double]) -> [Double] { layer.map { zip($0, x + [1]).reduce(0) { $0 + $1.0 * $1.1 } } }

  /// One step of Adam (β₁ 0.5, β₂ 0.999) down the mean of some rows.
  mutating func step(_ rows: [[Double]], _ labels: [Int], learningRate: Double) {
    var gradient = layer.map { $0.map { _ in 0.0 } }
    for (x, label) in zip(rows, labels) {
      let scores = scores(x)
      let top = scores.max() ?? 0
      let exponentials = scores.map { exp($0 - top) }
      let total = exponentials.reduce(0, +)
      for c in layer.indices {
        let delta = (exponentials[c] / total - (c == label ? 1 : 0)) / Double(rows.count)
        for (k, value) in (x + [1]).enumerated() { gradient[c][k] += delta * value }
      }
    }
    stepCount += 1
    let (rest1, rest2) = (1 - pow(0.5, Double(stepCount)), 1 - pow(0.999, Double(stepCount)))
    for c in layer.indices {
      for k in layer[c].indices {
        first[c][k] = 0.5 * first[c][k] + 0.5 * gradient[c][k]
        second[c][k] = 0.999 * second[c][k] + 0.001 * gradient[c][k] * gradient[c][k]
        layer[c][k] -= learningRate * first[c][k] / rest1 / ((second[c][k] / rest2).squareRoot() + 1e-8)
      }
    }
  }
}

@Suite struct SoftmaxClassifierTests {
  /// Conventional zero-shot learning: candidates left out are never chosen, however well they fit.
  @Test func choosesAmongTheGivenCandidatesOnly() {
    let softmax = SoftmaxClassifier(
      inputSize: 3, classCount: 3, source: RandomSource(seed: 3), drawNumber: 0, context: ProductContext())
    let x = Matrix(rows: 3, columns: 3, elements: [1, 0, 0, 0, 1, 0, 0, 0.5, 1])
    softmax.train(
      x: x, labels: [0, 1, 2], settings: ClassifierSettings(epochs: 400, learningRate: 0.05, batchSize: 3))
    #expect(softmax.predictions(x) == [0, 1, 2])
    #expect(softmax.predictions(x, among: [0, 2]) == [0, 2, 2])
    #expect(softmax.predictions(x, among: [1]) == [1, 1, 1])
  }

  /// Epoch by epoch, with batches that do not divide the rows, and some larger than all of them.
  @Test(arguments: 1...12) func trainingIsItsDefinition(seed: Int) {
    let (draws, source) = (Draws(seed: UInt64(seed)), RandomSource(seed: UInt64(seed) << 32 | 77))
    let (inputs, classes, rows) = (draws.integer(1...21), draws.integer(1...6), draws.integer(1...60))
    let settings = ClassifierSettings(epochs: 6, learningRate: 0.02, batchSize: draws.integer(1...rows + 9))
    let place = "seed \(seed): \(rows)×\(inputs), \(classes) classes, batches of \(settings.batchSize)"
    let x = draws.matrix(rows, inputs, size: 2)
    let labels = draws.labels(rows, below: classes)

    // Where it begins and in which order rows come follows from the source and the draw number alone.
    let start = Matrix(rows: classes, columns: inputs)
    fillNormal(start, source, .classifierWeights, step: 5, firstRow: 0, scale: 0.02)
    var plain = PlainSoftmax(doubles(start))
    let softmax = SoftmaxClassifier(
      inputSize: inputs, classCount: classes, source: source, drawNumber: 5, context: ProductContext())
    let (probes, all) = (draws.matrix(500, inputs), doubles(x))
    var epochs: [Int] = []
    softmax.train(x: x, labels: labels, settings: settings) { epoch in
      epochs.append(epoch)
      let order = source.sample(rows, below: rows, .classifierOrder, step: 5 * 65536 + epoch - 1)
      for first in stride(from: 0, to: rows, by: settings.batchSize) {
        let batch = order[first..<min(first + settings.batchSize, rows)]
        plain.step(batch.map { all[$0] }, batch.map { labels[$0] }, learningRate: settings.learningRate)
      }
      for (probe, answer) in zip(doubles(probes), softmax.predictions(probes)) {
        // Two scores that float32 cannot tell apart may change places.
        let scores = plain.scores(probe)
        #expect((scores.max() ?? 0) - scores[answer] < 1e-4, "\(place), epoch \(epoch)")
      }
    }
    #expect(epochs == Array(1...6))
  }
}
