import Foundation
import Kernels
import Matrices
import TestSupport

@testable import Evaluation

typealias Rows = [[Double]]

/// `PrototypeClassifier` in plain Double, from the same draws.
struct PlainPrototypes {
  private let descriptors: Rows
  private var weight: Rows
  private var bias: [Double]
  private let source = RandomSource(seed: 5)

  init(world descriptors: Rows, inputSize: Int) {
    self.descriptors = descriptors
    let initial = Matrix(rows: inputSize, columns: descriptors[0].count)
    fillNormal(initial, source, .classifierWeights, step: 2, firstRow: 0, scale: 0.02)
    weight = doubles(initial)
    bias = [Double](repeating: 0, count: inputSize)
  }

  func raw(_ c: Int) -> [Double] {
    weight.indices.map { k in bias[k] + zip(weight[k], descriptors[c]).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  func prototype(_ c: Int) -> [Double] { raw(c) }

  mutating func train(_ x: Rows, _ labels: [Int], _ settings: ClassifierSettings) {
    let temperature = Double(PrototypeClassifier.temperature)
    let shares = descriptors.indices.map { c in
      Double(max(labels.count { $0 == c }, 1)) / Double(labels.count)
    }
    var moments = [String: (first: Double, second: Double)]()
    var step = 0
    func moved(_ value: Double, _ name: String, _ gradient: Double) -> Double {
      var own = moments[name] ?? (0, 0)
      own = (0.5 * own.first + 0.5 * gradient, 0.999 * own.second + 0.001 * gradient * gradient)
      moments[name] = own
      let power = { (base: Double) in (0..<step).reduce(1.0) { value, _ in value * base } }
      let (first, second) = (own.first / (1 - power(0.5)), own.second / (1 - power(0.999)))
      return value - settings.learningRate * first / (second.squareRoot() + 1e-8)
    }
    for epoch in 0..<settings.epochs {
      let order = source.sample(x.count, below: x.count, .classifierOrder, step: 2 * 65536 + epoch)
      for start in stride(from: 0, to: order.count, by: settings.batchSize) {
        let batch = order[start..<min(start + settings.batchSize, order.count)]
        let (dw, db) = gradients(batch.map { (x[$0], labels[$0]) }, shares, temperature)
        step += 1
        for k in weight.indices {
          for a in weight[k].indices { weight[k][a] = moved(weight[k][a], "\(k),\(a)", dw[k][a]) }
          bias[k] = moved(bias[k], "\(k)", db[k])
        }
      }
    }
  }

  private func gradients(_ rows: [([Double], Int)], _ shares: [Double], _ temperature: Double) -> (Rows, [Double]) {
    let raws = descriptors.indices.map { raw($0) }
    let norms = raws.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    var dw = weight.map { $0.map { _ in 0.0 } }
    var db = bias.map { _ in 0.0 }
    for (x, label) in rows {
      let cosines = raws.indices.map { c in zip(x, raws[c]).reduce(0) { $0 + $1.0 * $1.1 } / norms[c] }
      let powers = cosines.indices.map { shares[$0] * exp(cosines[$0] / temperature) }
      let total = powers.reduce(0, +)
      for c in raws.indices {
        let slope = (powers[c] / total - (c == label ? 1 : 0)) / temperature / Double(rows.count)
        for k in x.indices {
          // d cos / d p = (x − cos·p̂) / ‖p‖.
          let own = slope * (x[k] - cosines[c] * raws[c][k] / norms[c]) / norms[c]
          db[k] += own
          for a in descriptors[c].indices { dw[k][a] += own * descriptors[c][a] }
        }
      }
    }
    return (dw, db)
  }
}
