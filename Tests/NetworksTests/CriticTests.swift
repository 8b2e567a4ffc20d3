import Kernels
import Matrices
import Networks
import TestSupport
import Testing

/// D, ∇D and the gradient penalty against their definition in Double.
@Suite struct CriticTests {
  private let penaltyWeight = 10.0

  /// D(x, a) in Double, without a tape.
  private struct PlainCritic {
    let first, second: [[Double]]
    let firstBias: [Double]

    init(_ critic: Critic) {
      (first, second) = (doubles(critic.first.weight), doubles(critic.second.weight))
      firstBias = critic.first.bias.elements.map(Double.init)
    }

    /// Less its last bias.
    func callAsFunction(_ input: [Double]) -> Double {
      zip(zip(first, firstBias), second[0]).reduce(0) { sum, unit in
        let t = zip(unit.0.0, input).reduce(unit.0.1) { $0 + $1.0 * $1.1 }
        return sum + unit.1 * (t > 0 ? t : 0.2 * t)
      }
    }

    /// By central differences. D is linear between its kinks, so that nothing but rounding stands between them and ∇D.
    func gradient(_ x: [Double], _ descriptor: [Double]) -> [Double] {
      x.indices.map { i in
        var (above, below) = (x, x)
        above[i] += 1e-6
        below[i] -= 1e-6
        return (self(above + descriptor) - self(below + descriptor)) / 2e-6
      }
    }
  }

  /// The critic's side of a small model: random rows, and D of them.
  private struct Step {
    let small: SmallModel
    let workspace: CriticWorkspace
    let base, alpha: Matrix
    let real, fake, descriptors: [[Double]]

    init(seed: Int) {
      small = SmallModel(seed: seed)
      let (draws, sizes, rows, critic) = (small.draws, small.sizes, small.rowCount, small.model.critic)
      workspace = CriticWorkspace(rowCount: rows, sizes: sizes, pool: MatrixPool())
      workspace.rows.copy(from: draws.matrix(3 * rows, sizes.feature))
      base = draws.empty(small.classCount, sizes.criticWidth)
      for units in small.shares(sizes.criticWidth) {
        critic.classBase(into: base, units: units, descriptors: small.descriptors)
      }
      alpha = Matrix(rows: 1, columns: rows)
      for r in 0..<rows { alpha[0, r] = Float(abs(draws.number())) }
      critic.forward(workspace, base: base, labels: small.labels, alpha: alpha)
      let all = doubles(workspace.rows)
      (real, fake) = (Array(all[..<rows]), Array(all[rows..<2 * rows]))
      descriptors = small.labels.map { [small] in doubles(small.descriptors)[$0] }
    }

    /// α·x + (1 − α)·x̃.
    var mixed: [[Double]] {
      real.indices.map { i in
        zip(real[i], fake[i]).map { Double(alpha[0, i]) * $0 + (1 - Double(alpha[0, i])) * $1 }
      }
    }
  }

  @Test(arguments: 1...16) func scoresAndTheGradientOfTheInputAreDs(seed: Int) {
    let step = Step(seed: seed)
    let plain = PlainCritic(step.small.model.critic)
    let expected = [step.real, step.fake].flatMap { zip($0, step.descriptors).map { plain($0 + $1) } }
    let scores = compare(step.workspace.scores, expected)
    #expect(scores.passes(1e-5), "\(scores), \(step.small.place)")
    // That this is ∇D, no closed form says here.
    let found = step.small.model.critic.interpolateGradient(step.workspace)
    let gradients = zip(step.mixed, step.descriptors).flatMap { plain.gradient($0, $1) }
    let result = compare(found.copied(), gradients)
    #expect(result.passes(1e-5), "\(result), \(step.small.place)")
  }

  /// −mean D(x) + mean D(x̃) + λ·mean (‖∇D(x̂)‖ − 1)².
  @Test(arguments: 1...16) func gradientsAreThoseOfTheLoss(seed: Int) {
    let step = Step(seed: seed)
    let (small, critic, layers) = (step.small, step.small.model.critic, step.small.layers)
    let (sizes, rows) = (small.sizes, small.rowCount)
    let (first, second) = (layers["critic.fc1.weight"], layers["critic.fc2.weight"])
    func units(_ x: [Double], _ i: Int) -> [Scalar] {
      layers.linear("critic.fc1", small.input(layers.constants(x), label: small.labels[i]))
    }
    func score(_ x: [Double], _ i: Int) -> Scalar { layers.dot(second, units(x, i).map(\.leaky)) }
    let width = sizes.feature + sizes.attribute
    let gradients = step.mixed.enumerated().map { i, x in
      let slopes = units(x, i).map { $0.value > 0 ? 1 : 0.2 }
      return (0..<sizes.feature).map { c in
        layers.sum(slopes.indices.map { second[$0] * slopes[$0] * first[$0 * width + c] })
      }
    }
    let norms = gradients.map { layers.sum($0.map { $0 * $0 }).root }
    let terms = (0..<rows).map { i in
      score(step.fake[i], i) - score(step.real[i], i)
        + (norms[i] + -1) * (norms[i] + -1) * penaltyWeight
    }
    let loss = layers.sum(terms) * (1 / Double(rows))

    // The penalty's gradient with respect to ∇D.
    let penalty = PenaltyRows(small.draws.empty(rows, sizes.feature))
    for (r, (gradient, norm)) in zip(gradients, norms).enumerated() {
      let factor = norm.value > 0 ? 2 * penaltyWeight * (norm.value - 1) / (Double(rows) * norm.value) : 0
      for c in 0..<sizes.feature { penalty.matrix[r, c] = Float(factor * gradient[c].value) }
    }
    let sums = small.emptySums(sizes.criticGroupShapes + sizes.criticClassShapes(classCount: small.classCount))
    critic.sums(
      step.workspace, penalty: penalty, rows: 0..<rows, labels: small.labels, tree: small.tree, into: sums)
    for units in small.shares(sizes.criticWidth) {
      critic.finish(sums, units: units, base: step.base, descriptors: small.descriptors, batchSize: rows)
    }
    for name in ["critic.fc1.weight", "critic.fc1.bias", "critic.fc2.weight"] {
      let result = compare(sums[name], layers.gradient(of: loss, name))
      #expect(result.passes(2e-5), "\(name): \(result), \(small.place)")
    }
    #expect(sums["critic.fc2.bias"][0, 0].isNaN, "b₂ has no gradient and is left alone")
  }

  /// What G gets back: the gradient of −mean D(x̃) with respect to x̃.
  @Test(arguments: 1...16) func fakesGetTheGradientOfMinusTheirMean(seed: Int) {
    let step = Step(seed: seed)
    let (small, plain) = (step.small, PlainCritic(step.small.model.critic))
    let (rows, draws) = (small.rowCount, small.draws)
    let (dFake, fake) = (draws.empty(rows, small.sizes.feature), draws.matrix(rows, small.sizes.feature))
    small.model.critic.generatorBackward(
      step.workspace, base: step.base, dFake: dFake, fake: fake, labels: small.labels, batchSize: 3 * rows)
    let expected = zip(doubles(fake), step.descriptors).flatMap { x, descriptor in
      plain.gradient(x, descriptor).map { -$0 / Double(3 * rows) }
    }
    let result = compare(dFake.copied(), expected)
    #expect(result.passes(1e-5), "\(result), \(small.place)")
    let scores = zip(doubles(fake), step.descriptors).map { plain($0 + $1) }
    #expect(compare(step.workspace.scores.rows(0..<1), scores).passes(1e-5), "\(small.place)")
  }
}
