// N rows of the data set, X features.
import Kernels
import Matrices

/// Min-max scaling fitted on the training rows: (x − minimum) / range / maximum.
package struct FeatureScaling: Sendable {
  /// 1×X; a range of 0 counts as 1.
  package let minimum: Matrix
  package let range: Matrix
  /// The largest value of the training rows after the division by `range`.
  package let maximum: Float
  /// Whether no column of the rows varied at all; false where nothing was fitted here.
  let isFlat: Bool

  package init(features: Matrix, rows: [Int]) {
    let (low, high) = Self.range(features: features, rows: rows)
    self.init(minimum: low, maximum: high)
  }

  /// Smallest and largest value of each column over some rows, 1×X each.
  static func range(features: Matrix, rows: [Int]) -> (minimum: Matrix, maximum: Matrix) {
    columnRange(of: features, rows: rows)
  }

  /// - Parameters:
  ///   - low: 1×X, smallest value of each column over the training rows.
  ///   - high: 1×X, largest.
  init(minimum low: Matrix, maximum high: Matrix) {
    let range = Matrix(rows: 1, columns: low.columnCount)
    var top: Float = 0
    for c in 0..<low.columnCount {
      let width = high[0, c] - low[0, c]
      range[0, c] = width > 0 ? width : 1
      top = max(top, width / range[0, c])
    }
    minimum = low
    self.range = range
    maximum = top > 0 ? top : 1
    isFlat = top == 0
  }

  /// What was fitted before.
  ///
  /// - Parameters:
  ///   - minimum: 1×X.
  ///   - range: 1×X, above 0.
  ///   - maximum: above 0.
  package init(minimum: Matrix, range: Matrix, maximum: Float) {
    precondition(minimum.columnCount == range.columnCount && maximum > 0)
    self.minimum = minimum
    self.range = range
    self.maximum = maximum
    isFlat = false
  }

  package var featureSize: Int { minimum.columnCount }

  /// x [N×X] ← scaled features, as `FeatureTable.gather` makes them; raw is N×X.
  package func scale(_ raw: Matrix, into x: Matrix) {
    gatherScaledRows(
      x, from: raw, Array(0..<raw.rowCount)[...], minimum: minimum, range: range, maximum: maximum)
  }

  /// x [N×X], scaled features, becomes features as the data set has them.
  package func unscale(_ x: Matrix) { unscaleRows(x, minimum: minimum, range: range, maximum: maximum) }
}

/// All features of a data set as its file has them, and the scaling that every reader gets. The rows may lie in a mapped
/// file, larger than memory and shared by the ranks of a node; so nothing is ever written to them.
package struct FeatureTable: Sendable {
  /// N×X, unscaled, read-only.
  let rows: Matrix
  package let scaling: FeatureScaling

  package init(rows: Matrix, scaling: FeatureScaling) {
    self.rows = rows
    self.scaling = scaling
  }

  package var rowCount: Int { rows.rowCount }
  package var featureSize: Int { rows.columnCount }

  /// x [M×X] ← the scaled features at `indices`.
  package func gather(into x: Matrix, _ indices: ArraySlice<Int>) {
    gatherScaledRows(
      x, from: rows, indices, minimum: scaling.minimum, range: scaling.range, maximum: scaling.maximum)
  }
}
