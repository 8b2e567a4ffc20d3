import Collectives
import Foundation
import Kernels
import Matrices
import TestSupport
import Testing

@testable import Datasets
@testable import Evaluation

// MARK: Plain algebra

func product(_ a: Rows, _ b: Rows) -> Rows {
  a.map { row in b[0].indices.map { c in row.indices.reduce(0) { $0 + row[$1] * b[$1][c] } } }
}

func transposed(_ a: Rows) -> Rows { a[0].indices.map { c in a.map { $0[c] } } }

func norm(_ row: [Double]) -> Double { row.reduce(0) { $0 + $1 * $1 }.squareRoot() }

func cosine(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / norm(a) / norm(b)
}

/// x of (a + shift·1)·x = b, by elimination.
func solved(_ a: Rows, shift: Double, _ b: Rows) -> Rows {
  var rows = a.indices.map { r in a[r].indices.map { a[r][$0] + ($0 == r ? shift : 0) } + b[r] }
  for p in rows.indices {
    let pivot = (p..<rows.count).max { abs(rows[$0][p]) < abs(rows[$1][p]) } ?? p
    rows.swapAt(p, pivot)
    for r in rows.indices where r != p {
      let factor = rows[r][p] / rows[p][p]
      for c in rows[r].indices { rows[r][c] -= factor * rows[p][c] }
    }
  }
  return rows.indices.map { r in rows[r].dropFirst(a.count).map { $0 / rows[r][r] } }
}

func standardiser(_ rows: Rows) -> ([Double]) -> [Double] {
  let count = Double(rows.count)
  let means = rows[0].indices.map { c in rows.reduce(0) { $0 + $1[c] } / count }
  let deviations = rows[0].indices.map { c in
    (rows.reduce(0) { $0 + ($1[c] - means[c]) * ($1[c] - means[c]) } / count).squareRoot()
  }
  return { row in row.indices.map { (row[$0] - means[$0]) / (deviations[$0] > 0 ? deviations[$0] : 1) } }
}

// MARK: A small world

/// Classes 0, 2, 3 and 5 are seen, 1 and 4 unseen, 6 is neither; features are not scaled.
struct HeadWorld {
  let dataset: GZSLDataset
  let x: Rows
  let labels: [Int]
  let descriptors: Rows
  let h: Rows
  let synthetic: (seen: Rows, unseen: Rows)
  let task: GZSLTask

  init(seed: UInt64) {
    let draws = Draws(seed: seed)
    let features = draws.matrix(60, 5).copied()
    // Classes have unlike counts, so that the mean of their means is not that of the rows.
    labels = (0..<60).map {
      $0 < 40 ? [0, 2, 3, 5, 0, 2, 0, 3][$0 % 8] : $0 < 48 ? [0, 2, 3, 5][$0 % 4] : [1, 4][$0 % 2]
    }
    // A column that does not vary.
    for r in 0..<60 { features[r, 3] = 0.75 }
    let attributes = draws.matrix(7, 4).copied()
    task = GZSLTask(
      seenClasses: [0, 2, 3, 5], unseenClasses: [1, 4], classifierRows: Array(0..<40), seenRows: Array(40..<48),
      unseenRows: Array(48..<60))
    dataset = GZSLDataset(random: features, labels: labels, descriptors: attributes, task: task)
    (x, descriptors) = (doubles(features), doubles(attributes))
    h = doubles(draws.matrix(60, 6))
    synthetic = (doubles(draws.matrix(20, 6)), doubles(draws.matrix(10, 6)))
  }

  var rows: HeadRows {
    HeadRows(
      dataset: dataset, task: task, real: matrix(Array(h[0..<40])), syntheticUnseen: matrix(synthetic.unseen),
      syntheticSeen: matrix(synthetic.seen))
  }

  var tests: TestRows {
    TestRows(dataset: dataset, task: task, seen: matrix(Array(h[40..<48])), unseen: matrix(Array(h[48..<60])))
  }

  func fitting(_ settings: ClassifierSettings = ClassifierSettings(epochs: 3, learningRate: 0.01, batchSize: 8))
    -> HeadFitting
  {
    HeadFitting(rows, settings: settings, source: RandomSource(seed: 5), drawNumber: 2, context: ProductContext())
  }

  /// Of unit length, centred by the mean over seen classes.
  var centred: Rows {
    let units = descriptors.map { row in row.map { $0 / row.reduce(0) { $0 + $1 * $1 }.squareRoot() } }
    return units.map { row in row.indices.map { c in row[c] - task.seenClasses.reduce(0) { $0 + units[$1][c] } / 4 } }
  }
}

func expect(_ term: HeadTerm, _ input: Rows, _ expected: (_ row: Int, _ classIndex: Int) -> Double) {
  let scores = Matrix(rows: input.count, columns: 7)
  term.scores(into: scores, matrix(input), context: ProductContext())
  for r in input.indices {
    for c in 0..<6 {
      let value = expected(r, c)
      #expect(abs(Double(scores[r, c]) - value) < 2e-5, "row \(r), class \(c): \(scores[r, c]) instead of \(value)")
    }
    #expect(scores[r, 6] == 0, "it is no candidate")
  }
}
