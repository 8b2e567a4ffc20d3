// B rows of the global batch, N of a rank, X feature, A descriptor, E noise, G generator width, D critic width, H embedding,
// Z projection, K comparator width. The order is that of CriticStep and GeneratorStep.
import Networks

/// One act of a rank in a step.
package enum Act: Sendable, Equatable {
  /// Multiplications for each of a rank's rows, or what takes their time.
  case compute(Double)
  /// The contrast of a rank's rows with all rows: so many products of all pairs. `during` names what arrives meanwhile, host by host.
  case contrast(Double, during: String?)
  /// Begins an exchange of floats; `id` is waited for later.
  case begin(id: String, floats: Double, kind: ExchangeKind)
  case wait(id: String)
  /// All ranks agree on the losses.
  case agree
}

package enum ExchangeKind: Sendable {
  /// Rows of all ranks, once to every host.
  case rows
  /// Sums of all hosts, each rank's units to that rank.
  case sums
  /// Each rank's units of the parameters, once to every host.
  case parameters
}

/// What a rank does in a critic and in a generator step.
package struct Schedule: Sendable {
  package let critic: [Act]
  package let generator: [Act]

  /// - Parameters:
  ///   - rows: B.
  ///   - isCut: whether a rank's rows pass in several groups: their first half passes twice.
  ///   - blockRows: projections that are gathered at once; sets of more rows are gathered twice.
  package init(sizes: ModelSizes, classCount: Int, rows: Int, isCut: Bool, blockRows: Int) {
    let w = Widths(sizes, classCount: Double(classCount))
    let b = Double(rows)
    critic = Self.criticStep(w, b, isCut: isCut, passes: rows > blockRows ? 2 : 1)
    generator = Self.generatorStep(w, b, isCut: isCut, passes: 2 * rows > blockRows ? 2 : 1)
  }

  /// Multiplications for each row of one iteration of one group: what a measured iteration of as many rows makes.
  package static func work(sizes: ModelSizes, criticIterations: Int) -> Double {
    let one = Schedule(sizes: sizes, classCount: 0, rows: 1, isCut: false, blockRows: 2)
    func work(_ acts: [Act]) -> Double {
      acts.reduce(0) { if case .compute(let work) = $1 { $0 + work } else { $0 } }
    }
    return Double(criticIterations) * work(one.critic) + work(one.generator)
  }

  /// Products of all pairs of a rank's rows with a batch: similarities, similarities again, and gradients; the generator step's of two
  /// sets with two, and of one with two.
  private static let criticProducts = (first: 1.0, second: 2.0)
  private static let generatorProducts = (first: 4.0, second: 4.0)

  /// Of an iteration.
  package static func contrastProducts(criticIterations: Int) -> Double {
    Double(criticIterations) * (criticProducts.first + criticProducts.second) + generatorProducts.first
      + generatorProducts.second
  }

  private static func contrast(_ products: (first: Double, second: Double), _ rows: Double, passes: Double) -> [Act] {
    // Rows that are gathered twice come in order.
    let first: [Act] =
      passes > 1
      ? wait("z") + [.contrast(products.first, during: nil)]
      : [.contrast(products.first, during: "z")]
    return first + exchange("z", rows, .rows) + wait("z") + [.contrast(products.second, during: nil)]
  }

  private static func exchange(_ id: String, _ floats: Double, _ kind: ExchangeKind) -> [Act] {
    floats > 0 ? [.begin(id: id, floats: floats, kind: kind)] : []
  }

  private static func wait(_ ids: String...) -> [Act] { ids.map { .wait(id: $0) } }

  private static func criticStep(_ w: Widths, _ b: Double, isCut: Bool, passes: Double) -> [Act] {
    var acts: [Act] = []
    if w.z > 0 {
      acts += wait("embedding", "projection") + [.compute(w.x * w.h + w.h * w.z)]
      acts += exchange("z", b * passes * w.z, .rows)
    }
    acts += wait("critic", "generator")
    acts += [.compute(w.e * w.g + w.g * w.x + (2 + Widths.lookup) * w.d * w.x + 3 * Widths.lookup * w.x * w.d)]
    acts += exchange("critic sums", w.critic, .sums)
    if w.z > 0 { acts += contrast(Self.criticProducts, b, passes: passes) }
    if w.z == 0 || isCut { acts += wait("embedding") + [.compute(w.x * w.h)] }
    acts += [.compute(w.h * w.z)] + wait("comparator") + [.compute(2 * w.h * w.k + w.x * w.h)]
    acts += exchange("embedding sums", w.embedding, .sums)
    acts += [.compute(w.h * w.k)] + exchange("comparator sums", w.comparator, .sums)
    acts += [.compute(w.h * w.z)] + exchange("projection sums", w.projection, .sums)
    acts += wait("critic sums", "projection sums", "comparator sums", "embedding sums") + [.agree]
    acts += exchange("embedding", w.embeddingValues, .parameters)
    acts += exchange("projection", w.projection, .parameters)
    acts += exchange("critic", w.criticValues, .parameters)
    return acts + exchange("comparator", w.comparatorValues, .parameters)
  }

  private static func generatorStep(_ w: Widths, _ b: Double, isCut: Bool, passes: Double) -> [Act] {
    let fakes = w.e * w.g + w.g * w.x
    var acts: [Act] = wait("generator") + [.compute(fakes)]
    if w.z > 0 {
      // Real rows are embedded as well, as the contrast's other half.
      acts += wait("embedding", "projection") + [.compute(2 * w.x * w.h + 2 * w.h * w.z)]
      acts += exchange("z", 2 * b * passes * w.z, .rows)
    }
    acts += wait("critic") + [.compute((1 + Widths.lookup) * w.d * w.x + (isCut && w.z > 0 ? fakes : 0))]
    if w.z > 0 { acts += contrast(Self.generatorProducts, 2 * b, passes: passes) }
    if w.z == 0 || isCut { acts += wait("embedding") + [.compute(w.x * w.h)] }
    acts += [.compute(w.h * w.z)] + wait("comparator") + [.compute(2 * w.h * w.k + w.x * w.h)]
    acts += [.compute(w.g * w.x)] + exchange("second sums", w.generatorSecond, .sums)
    acts += [.compute(w.g * w.x + w.e * w.g)] + exchange("first sums", w.generatorFirst, .sums)
    acts += wait("second sums", "first sums") + [.agree]
    return acts + exchange("generator", w.generatorSecond + w.generatorFirstValues, .parameters)
  }
}

/// Layers' widths, 0 where the model has no such layer; floats of their sums and of their parameters.
private struct Widths {
  /// What a look-up takes of the time of the multiplication that it stands for (`benchmark --profile`).
  static let lookup = 0.3

  let (x, e, g, d): (Double, Double, Double, Double)
  let (h, z, k): (Double, Double, Double)
  let critic, criticValues, embedding, embeddingValues, projection, comparator, comparatorValues: Double
  let generatorSecond, generatorFirst, generatorFirstValues: Double

  /// Class sums travel in the place of a layer's weights for descriptors, and class terms with its parameters.
  init(_ sizes: ModelSizes, classCount: Double) {
    let (x, a, e) = (Double(sizes.feature), Double(sizes.attribute), Double(sizes.noise))
    let (g, d) = (Double(sizes.generatorWidth), Double(sizes.criticWidth))
    let h = sizes.kind == .none ? 0 : Double(sizes.classifierInput)
    let z = sizes.kind.hasProjection ? Double(sizes.projection) : 0
    let k = sizes.kind.hasComparator ? Double(sizes.comparatorWidth) : 0
    (self.x, self.e, self.g, self.d, self.h, self.z, self.k) = (x, e, g, d, h, z, k)
    critic = d * (x + classCount)
    criticValues = d * (x + a + 2 + classCount)
    embedding = h * (x + 1)
    embeddingValues = embedding
    projection = z * (h + 1)
    comparator = k * (h + classCount + 2)
    comparatorValues = k * (h + a + 2 + classCount)
    generatorSecond = x * (g + 1)
    generatorFirst = g * (e + classCount)
    generatorFirstValues = g * (e + a + 1 + classCount)
  }
}
