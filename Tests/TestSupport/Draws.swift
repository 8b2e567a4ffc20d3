import Matrices

/// Draws that follow from a seed alone, one after the other. A property test makes one from a seed that it prints where it fails.
package final class Draws {
  package let seed: UInt64
  private let source: RandomSource
  private var count = 0

  package init(seed: UInt64) {
    self.seed = seed
    source = RandomSource(seed: seed)
  }

  private func next() -> Int {
    count += 1
    return count
  }

  /// A uniform integer of the range.
  package func integer(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + source.integer(below: range.count, .demoData, step: 0, row: next())
  }

  /// A uniform number of −size..<size that a float holds exactly.
  package func number(size: Double = 1) -> Double {
    Double(Float((2 * Double(source.uniform(.demoData, step: 0, row: next())) - 1) * size))
  }

  package func numbers(_ count: Int, size: Double = 1) -> [Double] { (0..<count).map { _ in number(size: size) } }

  /// A matrix of such numbers within a wider one, from some column on, so that rows have gaps between them and begin anywhere. The
  /// gaps are NaN: what reads them is found out.
  package func matrix(_ rows: Int, _ columns: Int, size: Double = 1) -> Matrix {
    let result = empty(rows, columns)
    for r in 0..<rows { for c in 0..<columns { result[r, c] = Float(number(size: size)) } }
    return result
  }

  /// The same, all NaN: for what is to be overwritten.
  package func empty(_ rows: Int, _ columns: Int) -> Matrix {
    let (before, behind) = (integer(0...3), integer(0...5))
    let whole = Matrix(rows: rows, columns: before + columns + behind)
    whole.fill(.nan)
    return whole.columns(before..<before + columns)
  }

  package func labels(_ count: Int, below classes: Int) -> [Int] { (0..<count).map { _ in integer(0...classes - 1) } }
}

/// The elements, row by row.
package func doubles(_ matrix: Matrix) -> [[Double]] {
  (0..<matrix.rowCount).map { matrix.rows($0..<$0 + 1).elements.map(Double.init) }
}

package func matrix(_ rows: [[Double]]) -> Matrix {
  Matrix(rows: rows.count, columns: rows.first?.count ?? 0, elements: rows.flatMap { $0.map { Float($0) } })
}
