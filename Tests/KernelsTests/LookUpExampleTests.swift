import Kernels
import Matrices
import TestSupport
import Testing

/// The example of `Sources/Training/Training.docc/LookUps.md`.
@Suite struct LookUpExampleTests {
  /// Slopes at 1 of the triples 0 … 5: real, fake, interpolate.
  private static let triples: [[Bool]] = [
    [false, false, false], [true, false, false], [false, true, false], [true, false, true], [false, true, true],
    [true, true, true],
  ]

  /// Sums of units over rows by look-up, one feature, in Double: what the program does sixteen features at a time.
  ///
  /// - Parameters:
  ///   - members: −x/B, x̃/B and c·g of every row; an even number of rows.
  ///   - triples: of every unit, its triple in every row.
  private func sums(members: [[Double]], triples: [[Int]]) -> [Double] {
    func sum(_ row: Int, _ triple: Int) -> Double {
      zip(members[row], Self.triples[triple]).reduce(0) { $0 + $1.0 * ($1.1 ? 1 : 0.2) }
    }
    var result = [Double](repeating: 0, count: triples.count)
    for row in stride(from: 0, to: members.count, by: 2) {
      let table = (0..<36).map { sum(row, $0 % 6) + sum(row + 1, $0 / 6) }
      for unit in triples.indices { result[unit] += table[triples[unit][row] + 6 * triples[unit][row + 1]] }
    }
    return result
  }

  @Test func theTableOfThePage() {
    let members: [[Double]] = [[-3, 2, 0.5], [-1, 4, -1]]
    for (row, expected) in [[-0.1, -2.5, 1.5, -2.1, 1.9, -0.5], [0.4, -0.4, 3.6, -1.2, 2.8, 2]].enumerated() {
      let column = Self.triples.map { slopes in
        zip(members[row], slopes).reduce(0) { $0 + $1.0 * ($1.1 ? 1 : 0.2) }
      }
      #expect(compare(column, expected).passes(1e-12))
    }
    #expect(compare(sums(members: members, triples: [[3, 0], [5, 2]]), [-1.7, 3.1]).passes(1e-12))
  }

  /// The program, from pre-activations that have these slopes.
  @Test func theProgramFindsTheSame() {
    // Real rows, then fake ones; two units. α = 0.7 puts the interpolate on the side of the larger.
    let products = Matrix(rows: 4, columns: 2, elements: [1, 1, -1, -1, -1, 1, -1, 1])
    let alpha = Matrix(rows: 1, columns: 2, elements: [0.7, 0.7])
    let slopes = SlopeMatrix(words: Matrix(rows: 2, columns: 1), unitCount: 2)
    criticSlopes(
      slopes, products: products, ClassPart(base: Matrix(rows: 1, columns: 2), labels: [0, 0]), alpha: alpha,
      weight: Matrix(rows: 1, columns: 2), scores: Matrix(rows: 2, columns: 2))
    func rows(_ values: [Float]) -> Matrix { Matrix(rows: 2, columns: 1, elements: values) }
    let result = Matrix(rows: 2, columns: 1)
    ProductContext().slopeWeightSums(
      into: result, slopes,
      rows: SlopeRows(real: rows([3, 1]), fake: rows([2, 4]), penalty: PenaltyRows(rows([0.5, -1]))),
      inverseBatch: 1, leafRows: 2)
    #expect(compare(result, [-1.7, 3.1]).passes(1e-6))
  }
}
