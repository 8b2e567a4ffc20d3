import Foundation
import Kernels
import TestSupport
import Testing

@testable import Evaluation

/// Gaussian classes against their formulas in plain Double.
@Suite struct GaussianTests {
  /// Linear discriminant analysis of class means that are sums of seen ones.
  @Test(arguments: [
    TermConstants(penalty: 0.1, kernelWidth: 1, shrinkage: 0.3), TermConstants(penalty: 1, shrinkage: 0.1),
  ])
  func gaussians(constants: TermConstants) {
    let world = HeadWorld(seed: 9)
    for (part, input) in [(HeadPart.gaussianFeatures, world.x), (.gaussianEmbedding, world.h)] {
      let z = input.map(standardiser(Array(input[0..<40])))
      let own = world.task.seenClasses.map { c in (0..<40).filter { world.labels[$0] == c }.map { z[$0] } }
      let means = own.map { rows in rows[0].indices.map { k in rows.reduce(0) { $0 + $1[k] } / Double(rows.count) } }
      let mean = means[0].indices.map { k in means.reduce(0) { $0 + $1[k] } / 4 }
      let targets = combinations(world, constants).map { row in
        let rest = 1 - row.reduce(0, +)
        return mean.indices.map { k in row.indices.reduce(rest * mean[k]) { $0 + row[$1] * means[$1][k] } }
      }
      expect(
        world.fitting().term(part, constants), input, discriminants(own, means, targets, constants.shrinkage ?? 0, z))
    }
  }

  /// Those of a class's synthetic embeddings.
  @Test func gaussiansOfSyntheticMeans() {
    let world = HeadWorld(seed: 10)
    let standardise = standardiser(Array(world.h[0..<40]))
    let z = world.h.map(standardise)
    func mean(_ rows: [[Double]]) -> [Double] {
      rows[0].indices.map { k in rows.reduce(0) { $0 + $1[k] } / Double(rows.count) }
    }
    let own = world.task.seenClasses.map { c in (0..<40).filter { world.labels[$0] == c }.map { z[$0] } }
    let (seen, unseen) = world.synthetic
    func synthetic(_ rows: Rows, _ place: Int) -> [Double] { standardise(mean(Array(rows[5 * place..<5 * place + 5]))) }
    let targets = [
      synthetic(seen, 0), synthetic(unseen, 0), synthetic(seen, 1), synthetic(seen, 2), synthetic(unseen, 1),
      synthetic(seen, 3),
    ]
    expect(
      world.fitting().term(.gaussianPrototype, TermConstants(shrinkage: 0.6)), world.h,
      discriminants(own, own.map(mean), targets, 0.6, z))
  }

  /// What is compared for the choice is what the term says of every class that can be answered, for all constants.
  @Test func candidatesAreScoredAsTheirTerms() throws {
    let world = HeadWorld(seed: 11)
    let (fitting, tests) = (world.fitting(), world.tests)
    let candidates = CandidateScores(fitting, tests, ProductContext())
    for part in [HeadPart.gaussianFeatures, .gaussianEmbedding, .ridgeFeatures] {
      var largest = 0.0
      for constants in part.candidates {
        let own = candidates.scores(part, constants)
        let expected = tests.scores(fitting.term(part, constants), ProductContext())
        try #require(own.count == expected.count)
        let scale = Double(expected.map(abs).max() ?? 0)
        #expect(scale > 0)
        // Class 6 cannot be answered.
        for k in own.indices where k % 7 != 6 {
          let difference = abs(Double(own[k]) - Double(expected[k])) / scale
          largest = difference < largest ? largest : difference
        }
      }
      #expect(largest < 1e-5, "\(part)")
      let best = tests.choiceRows.best(part.candidates) { tests.scores(fitting.term(part, $0), ProductContext()) }
      #expect(candidates.best(part) == best)
    }
  }

  /// Coefficients of seen classes by kernel ridge regression, a row for each class.
  private func combinations(_ world: HeadWorld, _ constants: TermConstants) -> Rows {
    let (all, seen) = (world.centred, world.task.seenClasses.map { world.centred[$0] })
    func distance(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
    let pairs = seen.indices.flatMap { r in (0..<r).map { distance(seen[r], seen[$0]) } }.sorted()
    func kernel(_ a: [Double], _ b: [Double]) -> Double {
      guard let width = constants.kernelWidth else { return zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
      return exp(-distance(a, b) / width / pairs[pairs.count / 2])
    }
    let gram = seen.map { a in seen.map { kernel(a, $0) } }
    let shift = (constants.penalty ?? 0) * gram.indices.reduce(0) { $0 + gram[$1][$1] } / 4
    return transposed(solved(gram, shift: shift, seen.map { s in all.map { kernel($0, s) } }))
  }

  private func discriminants(
    _ own: [Rows], _ means: Rows, _ targets: Rows, _ shrinkage: Double, _ z: Rows
  ) -> (Int, Int) -> Double {
    let width = means[0].count
    var within = [[Double]](repeating: [Double](repeating: 0, count: width), count: width)
    for (rows, mean) in zip(own, means) {
      for row in rows {
        for i in 0..<width { for j in 0..<width { within[i][j] += (row[i] - mean[i]) * (row[j] - mean[j]) / 40 } }
      }
    }
    let scale = (0..<width).reduce(0) { $0 + within[$1][$1] } / Double(width)
    let weights = transposed(
      solved(within.map { $0.map { (1 - shrinkage) * $0 } }, shift: shrinkage * scale, transposed(targets)))
    return { row, c in
      let (first, second) = (0..<width).reduce((0, 0)) {
        ($0.0 + z[row][$1] * weights[c][$1], $0.1 + targets[c][$1] * weights[c][$1])
      }
      return (first - second / 2) / Double(width)
    }
  }
}
