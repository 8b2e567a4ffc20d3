import Matrices

/// Outcome of comparing a tensor with what was expected of it. The `#expect` stays in the test.
package struct Comparison: Sendable, CustomStringConvertible {
  /// ‖actual − expected‖ / ‖expected‖; the absolute norm of the difference when nothing but zeros is expected.
  package let relativeError: Double
  /// Position of the largest difference in row-major order.
  package let worstIndex: Int
  /// Why the comparison fails whatever the tolerance: a NaN, a wrong count, an all-zero actual.
  package let refusal: String?

  package func passes(_ tolerance: Double) -> Bool { refusal == nil && relativeError <= tolerance }
  package var description: String { refusal ?? "relative error \(relativeError), worst at \(worstIndex)" }
}

/// Compares two tensors, element by element in row-major order. Refuses counts that differ, values that are not finite,
/// and an all-zero `actual` where something else is expected.
package func compare(_ actual: [Double], _ expected: [Double]) -> Comparison {
  func refuse(_ why: String) -> Comparison { Comparison(relativeError: .infinity, worstIndex: 0, refusal: why) }
  guard actual.count == expected.count else {
    return refuse("\(actual.count) elements instead of \(expected.count)")
  }
  if let bad = actual.firstIndex(where: { !$0.isFinite }) { return refuse("element \(bad) is \(actual[bad])") }
  if let bad = expected.firstIndex(where: { !$0.isFinite }) { return refuse("expected \(bad) is \(expected[bad])") }
  let size = expected.reduce(0) { $0 + $1 * $1 }.squareRoot()
  if size > 0, !actual.isEmpty, actual.allSatisfy({ $0 == 0 }) { return refuse("all zero instead of norm \(size)") }
  var squares = 0.0
  var worst = (index: 0, difference: -1.0)
  for i in actual.indices {
    let difference = abs(actual[i] - expected[i])
    squares += difference * difference
    if difference > worst.difference { worst = (i, difference) }
  }
  let norm = squares.squareRoot()
  return Comparison(relativeError: size > 0 ? norm / size : norm, worstIndex: worst.index, refusal: nil)
}

package func compare(_ actual: Matrix, _ expected: [Double]) -> Comparison {
  compare(actual.elements.map(Double.init), expected)
}

package func compare(_ actual: Matrix, _ expected: Matrix) -> Comparison {
  guard actual.rowCount == expected.rowCount, actual.columnCount == expected.columnCount else {
    return Comparison(
      relativeError: .infinity, worstIndex: 0,
      refusal: "\(actual.rowCount)×\(actual.columnCount) instead of \(expected.rowCount)×\(expected.columnCount)")
  }
  return compare(actual.elements.map(Double.init), expected.elements.map(Double.init))
}
