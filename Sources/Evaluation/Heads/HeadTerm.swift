// A summand of scores that is a cosine. N rows, I input, K width of the comparison, C classes.
import Kernels
import Matrices

/// scores += weight · cos(z·map, target of the class), z = (input − mean) / deviation.
package struct CosineTerm: Sendable {
  package enum Input: String, Sendable, Codable {
    /// Scaled features, as the networks take them.
    case features
    /// What the embedding makes of them.
    case embedding
  }

  package let part: HeadPart
  /// 1×I; deviations are above 0.
  package let mean: Matrix
  package let deviation: Matrix
  /// I×K; nil: K is I, and nothing is mapped.
  package let map: Matrix?
  /// C×K, rows of unit length; zero for classes that are no candidates.
  package let targets: Matrix
  package let weight: Float

  /// Rows that are standardised at a time; rows do not depend on one another.
  private static let block = 1024

  package init(
    _ part: HeadPart, standardisation: (mean: Matrix, deviation: Matrix), map: Matrix? = nil, targets: Matrix,
    weight: Float = 1
  ) {
    (mean, deviation) = standardisation
    precondition(
      mean.columnCount == deviation.columnCount && targets.columnCount == map?.columnCount ?? mean.columnCount)
    precondition(map == nil || map?.rowCount == mean.columnCount)
    self.part = part
    self.map = map
    self.targets = targets
    self.weight = weight
  }

  var isFinite: Bool { targets.elements.allSatisfy(\.isFinite) && map?.elements.allSatisfy(\.isFinite) ?? true }

  package var input: Input { part.input }
  package var inputSize: Int { mean.columnCount }

  /// The same with another weight.
  package func weighing(_ weight: Double) -> CosineTerm {
    CosineTerm(
      part, standardisation: (mean, deviation), map: map, targets: targets, weight: Float(weight))
  }

  /// cosines [N×C] ← of inputs x [N×I] with the targets, without the weight.
  package func cosines(into cosines: Matrix, _ x: Matrix, context: ProductContext) {
    precondition(
      x.columnCount == inputSize && cosines.rowCount == x.rowCount && cosines.columnCount == targets.rowCount)
    let rows = min(x.rowCount, Self.block)
    let (standardised, norms) = (Matrix(rows: rows, columns: inputSize), Matrix(rows: 1, columns: rows))
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
      normaliseRows(compared, norms: norms)
      context.float32.multiply(into: cosines.rows(range), compared, targets.transposed)
    }
  }

  /// scores [N×C] ← scores + weight · cosines; −∞ stays.
  package func add(to scores: Matrix, _ x: Matrix, context: ProductContext) {
    let cosines = Matrix(rows: x.rowCount, columns: targets.rowCount)
    self.cosines(into: cosines, x, context: context)
    addScaled(cosines, weight, to: scores)
  }
}
