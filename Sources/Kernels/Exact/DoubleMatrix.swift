// Small exact algebra in Double: class means, Gram matrices, ridge regressions. Every element is a sum in an order that does not depend
// on the threads.
import Matrices

/// A row-major matrix of Doubles; a value, unlike `Matrix`.
package struct DoubleMatrix: Sendable, Equatable {
  package let rowCount: Int
  package let columnCount: Int
  /// Row by row.
  package var elements: [Double]

  /// Zeros.
  package init(rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0)
    rowCount = rows
    columnCount = columns
    elements = [Double](repeating: 0, count: rows * columns)
  }

  package init(rows: Int, columns: Int, elements: [Double]) {
    precondition(elements.count == rows * columns, "\(elements.count) elements do not fill \(rows)×\(columns)")
    rowCount = rows
    columnCount = columns
    self.elements = elements
  }

  package init(_ matrix: Matrix) {
    self.init(rows: matrix.rowCount, columns: matrix.columnCount, elements: matrix.elements.map(Double.init))
  }

  package subscript(row: Int, column: Int) -> Double {
    get {
      precondition(column >= 0 && column < columnCount)
      return elements[row * columnCount + column]
    }
    set {
      precondition(column >= 0 && column < columnCount)
      elements[row * columnCount + column] = newValue
    }
  }

  package func row(_ r: Int) -> ArraySlice<Double> { elements[r * columnCount..<(r + 1) * columnCount] }

  package var transposed: DoubleMatrix {
    var result = DoubleMatrix(rows: columnCount, columns: rowCount)
    for r in 0..<rowCount {
      for c in 0..<columnCount { result.elements[c * rowCount + r] = elements[r * columnCount + c] }
    }
    return result
  }

  /// Rounded to Float.
  package var rounded: Matrix { Matrix(rows: rowCount, columns: columnCount, elements: elements.map(Float.init)) }

  /// Rows by their numbers.
  package func rows(_ numbers: [Int]) -> DoubleMatrix {
    DoubleMatrix(rows: numbers.count, columns: columnCount, elements: numbers.flatMap { row($0) })
  }

  /// Mean of the rows, as many elements as there are columns; 0 without rows.
  package var columnMeans: [Double] {
    var sums = [Double](repeating: 0, count: columnCount)
    for r in 0..<rowCount { for c in 0..<columnCount { sums[c] += elements[r * columnCount + c] } }
    return sums.map { $0 / Double(max(rowCount, 1)) }
  }

  /// Each row less a vector.
  package func subtracting(_ vector: [Double]) -> DoubleMatrix {
    precondition(vector.count == columnCount)
    var result = self
    for r in 0..<rowCount { for c in 0..<columnCount { result.elements[r * columnCount + c] -= vector[c] } }
    return result
  }

  /// Rows divided by their norms; a zero row stays zero.
  package var unitRows: DoubleMatrix {
    var result = self
    for r in 0..<rowCount {
      let norm = row(r).reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard norm > 0 else { continue }
      for c in 0..<columnCount { result.elements[r * columnCount + c] /= norm }
    }
    return result
  }

  /// self · other.
  package func multiplied(by other: DoubleMatrix) -> DoubleMatrix {
    precondition(
      columnCount == other.rowCount, "\(rowCount)×\(columnCount) times \(other.rowCount)×\(other.columnCount)")
    var result = DoubleMatrix(rows: rowCount, columns: other.columnCount)
    let (inner, width) = (columnCount, other.columnCount)
    result.elements.withUnsafeMutableBufferPointer { output in
      guard let output = output.baseAddress else { return }
      elements.withUnsafeBufferPointer { a in
        other.elements.withUnsafeBufferPointer { b in
          guard let a = a.baseAddress, let b = b.baseAddress else { return }
          let target = Shared(output)
          fork(rowCount, grain: max(1, 65536 / max(inner * width, 1))) { rows in
            for r in rows {
              for k in 0..<inner { addScaled(target.address + r * width, b + k * width, a[r * inner + k], width) }
            }
          }
        }
      }
    }
    return result
  }
}

/// An address that threads share; each writes its own part.
struct Shared: @unchecked Sendable {
  let address: UnsafeMutablePointer<Double>
  init(_ address: UnsafeMutablePointer<Double>) { self.address = address }
}

/// y [count] ← y + factor · x.
@inline(__always)
func addScaled(_ y: UnsafeMutablePointer<Double>, _ x: UnsafePointer<Double>, _ factor: Double, _ count: Int) {
  for c in 0..<count { y[c] += factor * x[c] }
}
