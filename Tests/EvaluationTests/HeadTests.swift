import Collectives
import Foundation
import Kernels
import Matrices
import Networks
import TestSupport
import Testing

@testable import Datasets
@testable import Evaluation

/// Every head against its formula in plain Double.
@Suite struct HeadTests {
  // MARK: Heads

  @Test(arguments: [0.03, 0.3, 3]) func ridgeToMeans(penalty: Double) {
    let world = HeadWorld(seed: 1)
    let z = world.x.map(standardiser(Array(world.x[0..<40])))
    let means = world.task.seenClasses.map { c in
      let own = (0..<40).filter { world.labels[$0] == c }.map { z[$0] }
      return own[0].indices.map { k in own.reduce(0) { $0 + $1[k] } / Double(own.count) }
    }
    let d = world.task.seenClasses.map { world.centred[$0] }
    let gram = product(d, transposed(d))
    let shift = penalty * gram.indices.reduce(0) { $0 + gram[$1][$1] } / 4
    let w = product(transposed(d), solved(gram, shift: shift, means))
    let targets = product(world.centred, w)
    expect(world.fitting().term(.ridgeFeatures, TermConstants(penalty: penalty)), world.x) {
      cosine(z[$0], targets[$1])
    }
  }

  @Test(arguments: [0.03, 3]) func ridgeToDescriptors(penalty: Double) {
    let world = HeadWorld(seed: 2)
    let z = world.h.map(standardiser(Array(world.h[0..<40])))
    let own = Array(z[0..<40])
    let targets = (0..<40).map { world.centred[world.labels[$0]] }
    let b = solved(product(transposed(own), own), shift: 0.1 * penalty * 40, product(transposed(own), targets))
    let predictions = product(z, b)
    expect(world.fitting().term(.ridgeEmbedding, TermConstants(penalty: penalty)), world.h) {
      cosine(predictions[$0], world.centred[$1])
    }
  }

  @Test func prototypes() {
    let world = HeadWorld(seed: 3)
    let standardise = standardiser(Array(world.h[0..<40]))
    func mean(_ rows: Rows, _ place: Int) -> [Double] {
      let own = rows[5 * place..<5 * place + 5]
      return standardise(rows[0].indices.map { k in own.reduce(0) { $0 + $1[k] } / 5 })
    }
    let means = [
      0: mean(world.synthetic.seen, 0), 2: mean(world.synthetic.seen, 1), 3: mean(world.synthetic.seen, 2),
      5: mean(world.synthetic.seen, 3), 1: mean(world.synthetic.unseen, 0), 4: mean(world.synthetic.unseen, 1),
    ]
    expect(world.fitting().term(.prototype, TermConstants()), world.h) {
      cosine(standardise(world.h[$0]), means[$1] ?? [])
    }
  }

  /// Training in plain Double: cosines over the temperature plus logarithms of the classes' shares, cross-entropy, Adam.
  @Test func logitAdjustment() throws {
    let world = HeadWorld(seed: 4)
    let standardise = standardiser(Array(world.h[0..<40]))
    let candidates = [0, 1, 2, 3, 4, 5]
    let x = (world.h[0..<40] + world.synthetic.unseen).map { row in
      let z = standardise(row)
      return z.map { $0 / norm(z) }
    }
    let labels = world.labels[0..<40] + Array(repeating: 1, count: 5) + Array(repeating: 4, count: 5)
    let units = candidates.map { c in world.descriptors[c].map { $0 / norm(world.descriptors[c]) } }
    let settings = ClassifierSettings(epochs: 3, learningRate: 0.01, batchSize: 8)
    var trained = PlainPrototypes(world: units, inputSize: 6)
    trained.train(x, Array(labels), settings)
    expect(world.fitting(settings).term(.zla, TermConstants()), world.h) { row, c in
      cosine(standardise(world.h[row]), trained.prototype(c))
    }
  }

  /// The sum of a head is that of its parts, and what is no candidate stays out.
  @Test func stackedScoresAreWeightedSums() {
    let world = HeadWorld(seed: 6)
    let fitting = world.fitting()
    let draws = Draws(seed: 7)
    let (weight, bias) = (draws.matrix(7, 6).copied(), draws.matrix(1, 7).copied())
    bias[0, 6] = -.infinity
    let layer = FinalLayer(weight: weight, bias: bias)
    let terms = [(HeadPart.ridgeFeatures, 20.0), (.ridgeEmbedding, 5)].map {
      fitting.term($0.0, TermConstants(penalty: 0.3)).weighing($0.1)
    }
    let head = FinalClassifiers(generalized: layer.scaled(by: 0.25), unseenOnly: layer, epoch: 1, terms: terms)
    let (x, h) = (matrix(world.x), matrix(world.h))
    let (scores, first, second) = (
      Matrix(rows: 60, columns: 7), Matrix(rows: 60, columns: 7), Matrix(rows: 60, columns: 7)
    )
    head.scores(into: scores, features: x, h: h, amongUnseen: false, context: ProductContext())
    terms[0].scores(into: first, x, context: ProductContext())
    terms[1].scores(into: second, h, context: ProductContext())
    var largest = 0.0
    for r in 0..<60 {
      for c in 0..<6 {
        let linear = (0..<6).reduce(Double(bias[0, c])) { $0 + Double(weight[c, $1]) * world.h[r][$1] }
        let difference = abs(Double(scores[r, c]) - linear / 4 - 20 * Double(first[r, c]) - 5 * Double(second[r, c]))
        largest = difference < largest ? largest : difference
      }
      #expect(scores[r, 6] == -.infinity)
    }
    #expect(largest < 1e-4)
    #expect(head.needsFeatures && !FinalClassifiers(generalized: layer, unseenOnly: layer, epoch: 1).needsFeatures)
  }

  /// T1 of a sum: the same scores of unseen classes alone, where the sum's weights were found for them.
  @Test func aSumAnswersUnseenClassesWithTheSameScores() throws {
    let world = HeadWorld(seed: 6)
    let tests = world.tests
    let making = HeadMaking(
      rows: world.rows, tests: tests, settings: ClassifierSettings(epochs: 3, learningRate: 0.01, batchSize: 8),
      source: RandomSource(seed: 5), iteration: 1, context: ProductContext())
    func scores(_ parts: [HeadConstants.Part]) throws -> (all: Matrix, unseen: Matrix) {
      let constants = HeadConstants(head: .stacked, parts: parts, gamma: nil)
      let head = try making.evaluate(.given(constants)).classifiers
      return (
        tests.scores(head, ofUnseen: true, amongUnseen: false, ProductContext()),
        tests.scores(head, ofUnseen: true, amongUnseen: true, ProductContext())
      )
    }
    let sum = try scores([.init(.softmax, weight: 0.5), .init(.prototype, weight: 3)])
    for r in 0..<12 {
      for c in 0..<7 { #expect(sum.unseen[r, c] == ([1, 4].contains(c) ? sum.all[r, c] : -.infinity)) }
    }
    // The softmax alone has one that was trained for them.
    let softmax = try scores([.init(.softmax)])
    #expect(softmax.unseen[0, 1] != softmax.all[0, 1] && softmax.unseen[0, 0] == -.infinity)
  }

  // MARK: Baselines

  @Test func baselinesWithoutAChoice() throws {
    let world = HeadWorld(seed: 8)
    let baselines = Baselines(world.dataset, withESZSL: true, context: ProductContext())
    let z = world.x.map(standardiser(Array(world.x[0..<40])))
    let units = world.descriptors.map { row in row.map { $0 / norm(row) } }
    let own = Array(z[0..<40])
    // ESZSL with γ = N and λ = mean diagonal.
    let y = (0..<40).map { r in world.task.seenClasses.map { $0 == world.labels[r] ? 1.0 : -1 } }
    let d = world.task.seenClasses.map { units[$0] }
    let products = product(transposed(d), d)
    let left = solved(product(transposed(own), own), shift: 40, product(product(transposed(own), y), d))
    let v = transposed(
      solved(products, shift: products.indices.reduce(0) { $0 + products[$1][$1] } / 4, transposed(left)))
    var method = world.fitting().eszsl()
    let map = method.map(ESZSL.Penalties(features: 1, descriptors: 1))
    for r in v.indices { for c in v[r].indices { #expect(abs(map[r, c] - v[r][c]) < 1e-5, "V[\(r), \(c)]") } }
    let scores = product(product(z, v), transposed(units))
    func table(_ rows: Range<Int>, among classes: [Int], _ scores: Rows) -> Double? {
      PerClassAccuracy(
        predictions: rows.map { r in classes.max { scores[r][$0] < scores[r][$1] } ?? -1 },
        labels: rows.map { world.labels[$0] }
      ).mean
    }
    let eszsl = try #require(baselines.eszsl).reached
    let all = [0, 1, 2, 3, 4, 5]
    #expect(eszsl.seen == table(40..<48, among: all, scores) && eszsl.unseen == table(48..<60, among: all, scores))
    #expect(eszsl.zsl == table(48..<60, among: [1, 4], scores) && eszsl.calibrated == nil)
    let means = (0..<6).map { c in
      let own = (0..<40).filter { world.labels[$0] == c }.map { z[$0] }
      return z[0].indices.map { k in own.reduce(0) { $0 + $1[k] } / Double(max(own.count, 1)) }
    }
    let nearest = z.map { row in means.map { norm($0) > 0 ? cosine(row, $0) : 0 } }
    #expect(baselines.nearestMeanSeen == table(40..<48, among: world.task.seenClasses, nearest))
    #expect(baselines.ridge.constants == TermConstants(penalty: 0.3) && baselines.headConstants[.ridge]?.gamma == nil)
    #expect(baselines.gaussian.constants == HeadPart.gaussianFeatures.usual)
  }
}
