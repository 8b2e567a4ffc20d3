import Kernels
import Matrices
import TestSupport
import Testing

/// Sums and systems of equations in Double against plain loops.
@Suite struct ExactTests {
  private func random(_ draws: Draws, _ rows: Int, _ columns: Int) -> DoubleMatrix {
    DoubleMatrix(rows: rows, columns: columns, elements: draws.numbers(rows * columns))
  }

  private func plainProduct(_ a: DoubleMatrix, _ b: DoubleMatrix) -> DoubleMatrix {
    var result = DoubleMatrix(rows: a.rowCount, columns: b.columnCount)
    for r in 0..<a.rowCount {
      for c in 0..<b.columnCount { result[r, c] = (0..<a.columnCount).reduce(0) { $0 + a[r, $1] * b[$1, c] } }
    }
    return result
  }

  private func distance(_ a: DoubleMatrix, _ b: DoubleMatrix) -> Double {
    guard a.rowCount == b.rowCount, a.columnCount == b.columnCount else { return .infinity }
    return zip(a.elements, b.elements).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  @Test(arguments: [1, 2, 15, 47, 48, 49, 130]) func systemsAreSolved(size: Int) throws {
    let draws = Draws(seed: UInt64(size))
    let a = random(draws, size, size + 3)
    var matrix = plainProduct(a, a.transposed)
    for i in 0..<size { matrix[i, i] += 0.5 }
    let b = random(draws, size, 5)
    let x = try #require(SymmetricSystem(matrix)).solve(b)
    #expect(distance(plainProduct(matrix, x), b) < 1e-10 && x.elements.contains { abs($0) > 1e-3 })
    // What lies above the diagonal is not looked at.
    var lower = matrix
    for r in 0..<size { for c in r + 1..<size { lower[r, c] = .nan } }
    #expect(try #require(SymmetricSystem(lower)).solve(b) == x)
  }

  @Test func whatIsNotPositiveDefiniteIsRefused() {
    var matrix = DoubleMatrix(rows: 60, columns: 60)
    for i in 0..<60 { matrix[i, i] = 1 }
    #expect(SymmetricSystem(matrix) != nil)
    for bad in [0, 1.0.nextDown - 2, Double.nan, .infinity] {
      var other = matrix
      other[55, 55] = bad
      #expect(SymmetricSystem(other) == nil, "\(bad)")
    }
  }

  @Test func products() {
    let draws = Draws(seed: 7)
    for (m, k, n) in [(1, 1, 1), (5, 17, 3), (64, 33, 70), (0, 3, 2), (3, 0, 2)] {
      let (a, b) = (random(draws, m, k), random(draws, k, n))
      #expect(distance(a.multiplied(by: b), plainProduct(a, b)) < 1e-12)
    }
    let x = random(draws, 4, 6)
    let centred = x.subtracting(x.columnMeans)
    #expect(centred.columnMeans.allSatisfy { abs($0) < 1e-15 })
    for r in 0..<4 { #expect(abs(x.unitRows.row(r).reduce(0) { $0 + $1 * $1 } - 1) < 1e-14) }
    #expect(DoubleMatrix(rows: 1, columns: 2).unitRows.elements == [0, 0])
  }

  @Test func groupsOfRows() {
    let draws = Draws(seed: 9)
    let (x, groups) = (draws.matrix(37, 70), draws.labels(37, below: 4))
    var sums = GroupedSums(groups: 5, columns: 70)
    sums.add(x.rows(0..<20), groups: Array(groups[0..<20]))
    sums.add(x.rows(20..<37), groups: Array(groups[20..<37]))
    let rows = doubles(x)
    for c in 0..<70 {
      let column = rows.map { $0[c] }
      let mean = column.reduce(0, +) / 37
      #expect(abs(sums.means[c] - mean) < 1e-14)
      let variance = column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 37
      #expect(abs(sums.deviations[c] - variance.squareRoot()) < 1e-13)
      for g in 0..<5 {
        let own = zip(groups, column).filter { $0.0 == g }.map(\.1)
        #expect(abs(sums.sums[g, c] - own.reduce(0, +)) < 1e-13 && sums.counts[g] == own.count)
      }
    }
  }

  @Test func crossProductsOfManyRows() {
    let draws = Draws(seed: 11)
    let (a, b) = (draws.matrix(600, 9), draws.matrix(600, 14))
    var sum = random(draws, 9, 14)
    let before = sum
    ProductContext().addCrossProduct(of: a, b, to: &sum)
    let plain = plainProduct(DoubleMatrix(a).transposed, DoubleMatrix(b))
    for k in sum.elements.indices { #expect(abs(sum.elements[k] - before.elements[k] - plain.elements[k]) < 2e-5) }
  }

  @Test func rowsAreStandardised() {
    let draws = Draws(seed: 13)
    let (x, z) = (draws.matrix(9, 21), draws.empty(9, 21))
    let (mean, deviation) = (draws.matrix(1, 21).copied(), Matrix(rows: 1, columns: 21))
    for c in 0..<21 { deviation[0, c] = 0.5 + abs(Float(draws.number())) }
    standardiseRows(x, into: z, mean: mean, deviation: deviation)
    let y = draws.matrix(9, 21)
    let before = y.copied()
    addScaled(x, 2.5, to: y)
    for r in 0..<9 {
      for c in 0..<21 {
        #expect(z[r, c] == (x[r, c] - mean[0, c]) / deviation[0, c])
        #expect(y[r, c] == before[r, c] + 2.5 * x[r, c])
      }
    }
  }
}
