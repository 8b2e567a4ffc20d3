// A summand of a head's scores. N rows, I input, A descriptor, C classes.
import Kernels
import Matrices
import Networks

/// scores += weight · (what z·map and a class's target have in common), z = (input − mean) / deviation.
package struct HeadTerm: Sendable {
  package enum Input: String, Sendable, Codable {
    /// Scaled features, as the networks take them.
    case features
    /// What the embedding makes of them.
    case embedding
  }

  package enum Comparison: Sendable {
    /// cos(z·map, target); targets are of unit length.
    case cosine
    /// z·map·target + bias; bias is 1×C.
    case linear(bias: Matrix)
  }

  package let part: HeadPart
  /// 1×I; deviations are above 0.
  package let mean: Matrix
  package let deviation: Matrix
  /// I×A; nil: nothing is mapped.
  package let map: Matrix?
  /// C×I, or C×A of mapped inputs; zero for classes that are no candidates.
  package let targets: Matrix
  package let comparison: Comparison
  package let weight: Float

  /// Rows that are standardised at a time; rows do not depend on one another.
  private static let block = 1024

  package init(
    _ part: HeadPart, standardisation: (mean: Matrix, deviation: Matrix), map: Matrix? = nil, targets: Matrix,
    comparison: Comparison = .cosine, weight: Float = 1
  ) {
    (mean, deviation) = standardisation
    precondition(
      mean.columnCount == deviation.columnCount && targets.columnCount == map?.columnCount ?? mean.columnCount)
    precondition(map == nil || map?.rowCount == mean.columnCount)
    self.part = part
    self.map = map
    self.targets = targets
    self.comparison = comparison
    self.weight = weight
    precondition(bias == nil || bias?.columnCount == targets.rowCount)
  }

  /// 1×C, of a linear comparison.
  package var bias: Matrix? {
    if case .linear(let bias) = comparison { bias } else { nil }
  }

  var isFinite: Bool {
    [targets, map, bias].allSatisfy { $0?.elements.allSatisfy(\.isFinite) ?? true }
  }

  package var input: Input { part.input }
  package var inputSize: Int { mean.columnCount }

  /// The same with another weight.
  package func weighing(_ weight: Double) -> HeadTerm {
    HeadTerm(
      part, standardisation: (mean, deviation), map: map, targets: targets, comparison: comparison,
      weight: Float(weight))
  }

  /// scores [N×C] ← of inputs x [N×I], without the weight; 0 for classes that are no candidates.
  package func scores(into scores: Matrix, _ x: Matrix, context: ProductContext) {
    precondition(
      x.columnCount == inputSize && scores.rowCount == x.rowCount && scores.columnCount == targets.rowCount)
    let rows = min(x.rowCount, Self.block)
    let standardised = Matrix(rows: rows, columns: inputSize)
    let mapped = map.map { Matrix(rows: rows, columns: $0.columnCount) }
    for first in stride(from: 0, to: x.rowCount, by: Self.block) {
      let range = first..<min(first + Self.block, x.rowCount)
      let z = standardised.rows(0..<range.count)
      standardiseRows(x.rows(range), into: z, mean: mean, deviation: deviation)
      var compared = z
      if let map, let mapped {
        compared = mapped.rows(0..<range.count)
        context.float32.multiply(into: compared, z, map)
      }
      compare(compared, into: scores.rows(range), context.float32)
    }
  }

  private func compare(_ z: Matrix, into scores: Matrix, _ context: ProductContext) {
    switch comparison {
    case .cosine:
      normaliseRows(z, norms: Matrix(rows: 1, columns: z.rowCount))
      context.multiply(into: scores, z, targets.transposed)
    case .linear(let bias):
      LinearLayer(weight: targets, bias: bias, context: context).forward(into: scores, x: z)
    }
  }

  /// scores [N×C] ← scores + weight · own scores; −∞ stays.
  package func add(to scores: Matrix, _ x: Matrix, context: ProductContext) {
    let own = Matrix(rows: x.rowCount, columns: targets.rowCount)
    self.scores(into: own, x, context: context)
    addScaled(own, weight, to: scores)
  }
}
