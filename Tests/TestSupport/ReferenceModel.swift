// CE-GZSL by definition, in Double, pair by pair and row by row: the oracle for the fast code.
// B rows, X feature, A descriptor, Z noise, S seen classes.

/// Inputs and sizes of one small iteration, drawn from a linear congruential generator.
package struct ReferenceWorld {
  package let b, s, x, a, z, g, d, h, p, f: Int
  package let descriptors: [[Double]]
  package let features: [[Double]]
  package let noise: [[Double]]
  package let alpha: [Double]
  package let labels: [Int]
  /// Name → elements, weight [out, in] row-major; Float-exact values.
  package var parameters: [String: [Double]]
  package var penaltyWeight = 10.0
  package var instanceTemperature = 0.1
  package var classTemperature = 0.1
  package var instanceWeight = 0.3
  package var classWeight = 0.2
  /// Which losses of E there are: the contrastive ones, or the ranking loss of the semantic baseline, whose E is linear and as wide as a
  /// descriptor (h = a).
  package var hasInstance = true
  package var hasClass = true
  package var hasRanking = false
  package var margin = 1.0
  /// Another class for each row.
  package var negatives: [Int] { labels.map { ($0 + 1) % s } }

  package init(
    labels: [Int], s: Int, x: Int = 7, a: Int = 3, z: Int = 4, widths: [Int] = [9, 8, 6, 5, 7], seed: UInt64 = 1
  ) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func draw() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(Float(Double(state >> 40) * 0x1p-24 * 2 - 1))
    }
    func table(_ rows: Int, _ columns: Int) -> [[Double]] {
      (0..<rows).map { _ in (0..<columns).map { _ in draw() } }
    }
    (b, self.s, self.x, self.a, self.z) = (labels.count, s, x, a, z)
    (g, d, h, p, f) = (widths[0], widths[1], widths[2], widths[3], widths[4])
    descriptors = table(s, a)
    features = table(b, x).map { $0.map { abs($0) } }
    noise = table(b, z)
    alpha = (0..<b).map { _ in abs(draw()) }
    self.labels = labels
    parameters = [:]
    for (name, rows, columns) in [
      ("generator.fc1", g, z + a), ("generator.fc2", x, g), ("critic.fc1", d, x + a), ("critic.fc2", 1, d),
      ("embedding.fc", h, x), ("projection.fc", p, h), ("comparator.fc1", f, h + a), ("comparator.fc2", 1, f),
    ] {
      parameters[name + ".weight"] = (0..<rows * columns).map { _ in Double(Float(0.6 * draw())) }
      parameters[name + ".bias"] = (0..<rows).map { _ in Double(Float(0.1 * draw())) }
    }
  }
}

/// The losses on a tape, as functions of all parameters.
package struct ReferenceLosses {
  package let world: ReferenceWorld
  private let layers: TapeLayers

  package init(_ world: ReferenceWorld) {
    self.world = world
    layers = TapeLayers(Tape(), parameters: world.parameters)
  }

  package func gradient(of loss: Scalar, _ name: String) -> [Double] { layers.gradient(of: loss, name) }

  private var zero: Scalar { layers.tape.variable(0) }
  private func sum(_ terms: [Scalar]) -> Scalar { layers.sum(terms) }
  private func constants(_ values: [Double]) -> [Scalar] { layers.constants(values) }
  private func linear(_ name: String, _ input: [Scalar]) -> [Scalar] { layers.linear(name, input) }
  private func dot(_ a: [Scalar], _ b: [Scalar]) -> Scalar { layers.dot(a, b) }

  private func fake(_ i: Int) -> [Scalar] {
    let input = constants(world.noise[i] + world.descriptors[world.labels[i]])
    return linear("generator.fc2", linear("generator.fc1", input).map(\.leaky)).map(\.relu)
  }
  private func critic(_ x: [Scalar], _ i: Int) -> Scalar {
    let input = x + constants(world.descriptors[world.labels[i]])
    return linear("critic.fc2", linear("critic.fc1", input).map(\.leaky))[0]
  }
  private func hidden(_ x: [Scalar]) -> [Scalar] {
    world.hasRanking ? linear("embedding.fc", x) : linear("embedding.fc", x).map(\.relu)
  }
  private func unit(_ h: [Scalar]) -> [Scalar] { layers.unit(linear("projection.fc", h)) }

  /// λ·mean (‖∇D(x̂)‖ − 1)²; the slopes of LeakyReLU are locally constant, so ∇D(x̂) is Σ_k w_k slope_k W_k. (That this is ∇D is what the
  /// parity fixtures show, whose gradients are automatic differentiation's.)
  private func penalty() -> Scalar {
    let (first, second) = (layers["critic.fc1.weight"], layers["critic.fc2.weight"])
    let width = world.x + world.a
    let terms = (0..<world.b).map { i -> Scalar in
      let made = fake(i)
      let mixed = (0..<world.x).map { world.alpha[i] * world.features[i][$0] + (1 - world.alpha[i]) * made[$0].value }
      let pre = linear("critic.fc1", constants(mixed + world.descriptors[world.labels[i]]))
      let gradient = (0..<world.x).map { c in
        sum((0..<world.d).map { k in second[k] * (pre[k].value > 0 ? 1 : 0.2) * first[k * width + c] })
      }
      let deviation = sum(gradient.map { $0 * $0 }).root + -1
      return deviation * deviation
    }
    return sum(terms) * (world.penaltyWeight / Double(world.b))
  }

  private func contrastive(_ z: [[Scalar]], _ labels: [Int]) -> Scalar {
    var terms: [Scalar] = []
    for i in labels.indices {
      let positives = labels.indices.filter { $0 != i && labels[$0] == labels[i] }
      guard !positives.isEmpty else { continue }
      let others = labels.indices.filter { $0 != i }
      let total = sum(others.map { (dot(z[i], z[$0]) * (1 / world.instanceTemperature)).exponential })
      let logs = positives.map { total.logarithm - dot(z[i], z[$0]) * (1 / world.instanceTemperature) }
      terms.append(sum(logs) * (1 / Double(positives.count)))
    }
    return terms.isEmpty ? zero : sum(terms) * (1 / Double(terms.count))
  }

  private func classLevel(_ h: [[Scalar]]) -> Scalar {
    let terms = h.indices.map { i -> Scalar in
      let scores = world.descriptors.map { descriptor in
        linear("comparator.fc2", linear("comparator.fc1", h[i] + constants(descriptor)).map(\.leaky))[0]
          * (1 / world.classTemperature)
      }
      let top = scores.map(\.value).max() ?? 0
      return sum(scores.map { ($0 + -top).exponential }).logarithm + top - scores[world.labels[i]]
    }
    return sum(terms) * (1 / Double(world.b))
  }

  /// mean max(0, Δ − a_y·E(x) + a_{y'}·E(x)).
  private func ranking(_ h: [[Scalar]]) -> Scalar {
    let terms = h.indices.map { i -> Scalar in
      func score(_ label: Int) -> Scalar { dot(h[i], constants(world.descriptors[label])) }
      return (score(world.negatives[i]) - score(world.labels[i]) + world.margin).relu
    }
    return sum(terms) * (1 / Double(world.b))
  }

  /// L_ins of z with labels, and L_cls or the ranking loss of h; 0 where the world has none.
  private func losses(_ h: [[Scalar]], _ z: () -> [[Scalar]], _ labels: [Int]) -> (instance: Scalar, class: Scalar) {
    (
      world.hasInstance ? contrastive(z(), labels) : zero,
      world.hasRanking ? ranking(h) : world.hasClass ? classLevel(h) : zero
    )
  }

  /// wasserstein, penalty, instance, class, total.
  package func critic() -> [Scalar] {
    let real = world.features.map(constants)
    let made = (0..<world.b).map { fake($0).map { $0.value } }.map(constants)
    let scores = (0..<world.b).map { critic(real[$0], $0) - critic(made[$0], $0) }
    let wasserstein = sum(scores) * (1 / Double(world.b))
    let h = real.map(hidden)
    let penalty = penalty()
    let (instance, classLevel) = losses(h, { h.map(unit) }, world.labels)
    return [wasserstein, penalty, instance, classLevel, penalty - wasserstein + instance + classLevel]
  }

  /// adversarial, instance, class, total (weighted); only the generator's gradients are meaningful.
  package func generator() -> [Scalar] {
    let made = (0..<world.b).map(fake)
    let adversarial = sum((0..<world.b).map { critic(made[$0], $0) }) * (-1 / Double(world.b))
    let h = made.map(hidden)
    let (instance, classLevel) = losses(
      h,
      {
        h.map(unit) + world.features.map { unit(hidden(constants($0))).map { $0.value } }.map(constants)
      }, world.labels + world.labels)
    return [
      adversarial, instance, classLevel,
      adversarial + instance * world.instanceWeight + classLevel * world.classWeight,
    ]
  }
}
