// Sums over many rows of Floats, in Double. N rows, X columns, G groups.
import Matrices

/// Sums of each group's rows, and of the squares of all rows' elements.
package struct GroupedSums: Sendable {
  /// G×X.
  package private(set) var sums: DoubleMatrix
  /// X.
  package private(set) var squares: [Double]
  /// G.
  package private(set) var counts: [Int]

  package init(groups: Int, columns: Int) {
    sums = DoubleMatrix(rows: groups, columns: columns)
    squares = [Double](repeating: 0, count: columns)
    counts = [Int](repeating: 0, count: groups)
  }

  /// - Parameter groups: of each row of x [N×X].
  package mutating func add(_ x: Matrix, groups: [Int]) {
    precondition(groups.count == x.rowCount && x.columnCount == sums.columnCount)
    precondition(groups.allSatisfy { (0..<counts.count).contains($0) })
    for group in groups { counts[group] += 1 }
    let width = x.columnCount
    sums.elements.withUnsafeMutableBufferPointer { sums in
      squares.withUnsafeMutableBufferPointer { squares in
        guard let sums = sums.baseAddress, let squares = squares.baseAddress else { return }
        let (sumTarget, squareTarget) = (Shared(sums), Shared(squares))
        parallelStripes(width, rowsHeld: 4, "exact sums", floats: x.count) { columns in
          for r in 0..<x.rowCount {
            let (row, group) = (x.row(r), sumTarget.address + groups[r] * width)
            for c in columns {
              let value = Double(row[c])
              group[c] += value
              squareTarget.address[c] += value * value
            }
          }
        }
      }
    }
  }

  package var rowCount: Int { counts.reduce(0, +) }

  /// Mean of each column over all rows; 0 without rows.
  package var means: [Double] {
    var totals = [Double](repeating: 0, count: sums.columnCount)
    for g in 0..<sums.rowCount { for (c, value) in sums.row(g).enumerated() { totals[c] += value } }
    return totals.map { $0 / Double(max(rowCount, 1)) }
  }

  /// Deviation of each column over all rows, as of a whole population.
  package var deviations: [Double] {
    zip(squares, means).map { max(0, $0 / Double(max(rowCount, 1)) - $1 * $1).squareRoot() }
  }
}

extension ProductContext {
  /// sum [A×B] ← sum + aᵀ·b, a is N×A, b is N×B: products of few rows in float32, added in Double.
  package func addCrossProduct(of a: Matrix, _ b: Matrix, to sum: inout DoubleMatrix) {
    precondition(a.rowCount == b.rowCount && sum.rowCount == a.columnCount && sum.columnCount == b.columnCount)
    let part = Matrix(rows: a.columnCount, columns: b.columnCount)
    // Few enough that rounding within a part is that of single floats.
    for first in stride(from: 0, to: a.rowCount, by: 256) {
      let rows = first..<min(first + 256, a.rowCount)
      float32.multiply(into: part, a.rows(rows).transposed, b.rows(rows))
      sum.elements.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        let target = Shared(base)
        parallel(part.rowCount, grain: max(1, 16384 / max(part.columnCount, 1)), "exact sums", floats: part.count) {
          for r in $0 {
            let (row, own) = (part.row(r), target.address + r * part.columnCount)
            for c in 0..<part.columnCount { own[c] += Double(row[c]) }
          }
        }
      }
    }
  }
}

/// z [N×X] ← (x − mean) / deviation.
///
/// - Parameters:
///   - mean, deviation: 1×X; deviations above 0. z may be x.
package func standardiseRows(_ x: Matrix, into z: Matrix, mean: Matrix, deviation: Matrix) {
  precondition(z.rowCount == x.rowCount && z.columnCount == x.columnCount && mean.columnCount == x.columnCount)
  precondition(deviation.columnCount == x.columnCount)
  parallel(x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1)), "scaling", floats: 2 * x.count) { part in
    for r in part {
      let (from, to) = (x.row(r), z.row(r))
      for c in 0..<x.columnCount { to[c] = (from[c] - mean.start[c]) / deviation.start[c] }
    }
  }
}

/// y [N×C] ← y + factor · x.
package func addScaled(_ x: Matrix, _ factor: Float, to y: Matrix) {
  precondition(x.rowCount == y.rowCount && x.columnCount == y.columnCount)
  parallel(x.rowCount, grain: max(1, 16384 / max(x.columnCount, 1)), "scaling", floats: 3 * x.count) { part in
    for r in part {
      let (from, to) = (x.row(r), y.row(r))
      for c in 0..<x.columnCount { to[c] += factor * from[c] }
    }
  }
}
