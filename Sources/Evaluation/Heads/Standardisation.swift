// Means and deviations of training rows, and their classes' means. N rows, I input, S seen classes.
import Kernels
import Matrices

/// What training rows say of a kind of input.
struct Standardisation {
  /// 1×I; deviations of columns that do not vary count as 1.
  let mean: Matrix
  let deviation: Matrix
  /// S×I, class means of standardised rows.
  let classMeans: DoubleMatrix

  init(_ sums: GroupedSums) {
    let (means, deviations) = (sums.means, sums.deviations)
    // A deviation that is rounding noise of the mean is none.
    let usable = zip(means, deviations).map { $1 > 1e-6 * abs($0) ? $1 : 1 }
    let width = means.count
    mean = Matrix(rows: 1, columns: width, elements: means.map(Float.init))
    deviation = Matrix(rows: 1, columns: width, elements: usable.map { Float($0) > 0 ? Float($0) : 1 })
    // Of the rounded numbers, as rows are standardised with these.
    let (m, d) = (mean.elements.map(Double.init), deviation.elements.map(Double.init))
    var classes = sums.sums
    for g in 0..<classes.rowCount {
      for c in 0..<width { classes[g, c] = (classes[g, c] / Double(max(sums.counts[g], 1)) - m[c]) / d[c] }
    }
    classMeans = classes
  }

  var pair: (mean: Matrix, deviation: Matrix) { (mean, deviation) }

  /// z [N×I] ← standardised rows.
  func standardise(_ x: Matrix) -> Matrix {
    let z = Matrix(rows: x.rowCount, columns: x.columnCount)
    standardiseRows(x, into: z, mean: mean, deviation: deviation)
    return z
  }

  /// Rows of Doubles standardised, e.g. prototypes.
  func standardise(_ rows: DoubleMatrix) -> DoubleMatrix {
    let (m, d) = (mean.elements.map(Double.init), deviation.elements.map(Double.init))
    var result = rows
    for r in 0..<rows.rowCount { for c in 0..<rows.columnCount { result[r, c] = (rows[r, c] - m[c]) / d[c] } }
    return result
  }
}

/// Descriptors of a task's classes, of unit length and centred by the mean over its seen classes. A descriptor.
struct CentredDescriptors {
  /// C×A, of all classes of the data set.
  let all: DoubleMatrix
  /// S×A.
  let seen: DoubleMatrix

  init(_ descriptors: Matrix, seen classes: [Int]) {
    let units = DoubleMatrix(descriptors).unitRows
    all = units.subtracting(units.rows(classes).columnMeans)
    seen = all.rows(classes)
  }
}
