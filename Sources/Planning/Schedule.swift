// B rows of the global batch, M of a micro-batch, X feature, A attribute, E noise, G generator width, D critic width, H embedding,
// Z projection, F comparator width, S seen classes. The order is that of CriticStep, GeneratorStep and MicroBatchedIteration.
import Matrices
import Networks

/// One act of a rank in a step.
package enum Act: Sendable, Equatable {
  /// Multiplications for each of a rank's rows of a micro-batch, or what takes their time.
  case compute(Double)
  /// Begins an exchange of floats that all ranks together make; `id` is waited for later.
  case begin(id: String, floats: Double, kind: ExchangeKind)
  case wait(id: String)
}

package enum ExchangeKind: Sendable {
  /// Every rank gets all of it.
  case gather
  /// Every rank gets its share of it.
  case scatter
}

/// What a rank does in a critic and in a generator step, all micro-batches of it.
package struct Schedule: Sendable {
  package let critic: [Act]
  package let generator: [Act]

  /// - Parameters:
  ///   - microBatch: M; several micro-batches pass twice, first for their projections alone.
  ///   - parts: micro-batches of a batch.
  ///   - isStreaming: whether the projections of other ranks are not kept but gathered twice.
  package init(sizes: ModelSizes, microBatch: Int, parts: Int, isStreaming: Bool, classCount: Int, ranks: Int) {
    let widths = Widths(sizes, classCount: classCount, ranks: ranks)
    let m = Double(microBatch)
    guard parts > 1 else {
      critic = Self.criticPart(widths, m, withContrast: true)
      generator = Self.generatorPart(widths, m, withContrast: true)
      return
    }
    func step(firstPass: Double, rowSets: Double, part: [Act]) -> [Act] {
      let pass = Array(repeating: Act.compute(widths.z > 0 ? firstPass : 0), count: parts)
      let contrast = Self.contrast(widths, rows: rowSets * m * Double(parts), passes: isStreaming ? 2 : 1)
      return pass + contrast + Array(repeating: part, count: parts).joined()
    }
    let (e, g, x, h, z) = (widths.e, widths.g, widths.x, widths.h, widths.z)
    critic = step(
      firstPass: x * h + h * z, rowSets: 1, part: Self.criticPart(widths, m, withContrast: false))
    generator = step(
      firstPass: e * g + g * x + 2 * (x * h + h * z), rowSets: 2,
      part: Self.generatorPart(widths, m, withContrast: false))
  }

  /// Multiplications for each row of one iteration of one micro-batch: what a measured iteration of as many rows makes.
  package static func work(sizes: ModelSizes, classCount: Int, criticIterations: Int) -> Double {
    let one = Schedule(
      sizes: sizes, microBatch: 1, parts: 1, isStreaming: false, classCount: classCount, ranks: 1)
    func work(_ acts: [Act]) -> Double {
      acts.reduce(0) { if case .compute(let work) = $1 { $0 + work } else { $0 } }
    }
    return Double(criticIterations) * work(one.critic) + work(one.generator)
  }

  /// The projections of rows, and one number for each, gathered.
  private static func contrast(_ widths: Widths, rows: Double, passes: Double = 1) -> [Act] {
    widths.z > 0 ? exchange("z", rows * (passes * widths.z + 1), .gather) + [.wait(id: "z")] : []
  }

  private static func exchange(_ id: String, _ floats: Double, _ kind: ExchangeKind) -> [Act] {
    floats > 0 ? [.begin(id: id, floats: floats, kind: kind)] : []
  }

  private static func wait(_ ids: String...) -> [Act] { ids.map { .wait(id: $0) } }

  private static func criticPart(_ widths: Widths, _ m: Double, withContrast: Bool) -> [Act] {
    let (x, a, e, g, d) = (widths.x, widths.a, widths.e, widths.g, widths.d)
    let (h, z, f, s) = (widths.h, widths.z, widths.f, widths.s)
    var acts: [Act] = [.compute(e * g + g * x + (2 + Widths.lookup) * d * x)]
    acts += exchange("rows", 3 * m * x, .gather) + exchange("slopes", m * (d / 4).rounded(.up), .scatter)
    acts += [.compute(x * h)]
    acts += exchange("embedded", widths.hasHiddenEmbedding ? m * h : 0, .gather)
    acts += [.compute(h * z)]
    if withContrast { acts += contrast(widths, rows: m) }
    acts += [.compute(h * z)] + exchange("dz", m * z, .scatter)
    acts += [.compute(h * f)] + exchange("u", m * f, .scatter) + exchange("scores", f > 0 ? m * s : 0, .gather)
    acts += [.compute(h * f)] + exchange("dh", m * h, .scatter)
    acts += wait("rows", "slopes") + [widths.gradient(3 * Widths.lookup * x, units: d)]
    acts += exchange("critic", d * (x + a + 2), .gather)
    acts += wait("embedded", "dz") + [widths.gradient(h, units: z)] + exchange("projection", z * (h + 1), .gather)
    acts += wait("u", "scores") + [widths.gradient(h, units: f)]
    acts += exchange("comparator", f > 0 ? f * (h + a + 2) : 0, .gather)
    acts += wait("dh") + [widths.gradient(x, units: h)] + exchange("embedding", h * (x + 1), .gather)
    return acts + wait("critic", "projection", "comparator", "embedding")
  }

  private static func generatorPart(_ widths: Widths, _ m: Double, withContrast: Bool) -> [Act] {
    let (x, a, e, g, d) = (widths.x, widths.a, widths.e, widths.g, widths.d)
    let (h, z, f) = (widths.h, widths.z, widths.f)
    // Real rows are embedded as well, as the contrast's other half.
    var acts: [Act] = [.compute(e * g + g * x + (1 + Widths.lookup) * d * x + (z > 0 ? 2 : 1) * x * h + 2 * h * z)]
    if withContrast { acts += contrast(widths, rows: 2 * m) }
    acts += [.compute(h * z + 2 * h * f + x * h + g * x)]
    acts += exchange("output delta", m * x, .scatter) + exchange("hidden", m * g, .gather)
    acts += exchange("hidden delta", m * g, .scatter) + exchange("noise", m * e, .gather)
    acts +=
      wait("output delta", "hidden") + [widths.gradient(g, units: x)] + exchange("second layer", x * (g + 1), .gather)
    acts +=
      wait("hidden delta", "noise") + [widths.gradient(e, units: g)] + exchange("first layer", g * (e + a + 1), .gather)
    return acts + wait("second layer", "first layer")
  }
}

/// Layers' widths, 0 where the model has no such layer; and how many ranks share out their units.
private struct Widths {
  /// What a look-up takes of the time of the multiplication that it stands for (`benchmark --profile`).
  static let lookup = 0.35

  let ranks: Int
  let (x, a, e, g, d): (Double, Double, Double, Double, Double)
  let (h, z, f, s): (Double, Double, Double, Double)
  let hasHiddenEmbedding: Bool

  init(_ sizes: ModelSizes, classCount: Int, ranks: Int) {
    self.ranks = ranks
    (x, a, e) = (Double(sizes.feature), Double(sizes.attribute), Double(sizes.noise))
    (g, d) = (Double(sizes.generatorWidth), Double(sizes.criticWidth))
    h = sizes.kind == .none ? 0 : Double(sizes.classifierInput)
    z = sizes.kind.hasProjection ? Double(sizes.projection) : 0
    f = sizes.kind.hasComparator ? Double(sizes.comparatorWidth) : 0
    s = Double(classCount)
    hasHiddenEmbedding = sizes.kind.hasHiddenEmbedding
  }

  /// A layer's weight gradient over the rows of all ranks, for each row of a rank: units are dealt out in blocks, so that beyond
  /// as many ranks as there are blocks it takes no less time.
  func gradient(_ inputs: Double, units: Double) -> Act {
    let largest = UnitPartition(unitCount: Int(units), rankCount: ranks).slices.map(\.count).max() ?? 0
    return .compute(inputs * Double(largest * ranks))
  }
}
