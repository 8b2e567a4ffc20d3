import Kernels
import Matrices

/// Descriptors in the order of the labels, joined by name where both sides have names.
///
/// `sent_splits.mat` of CUB lists its classes seen-first while the labels run in numeric order; joined by position, every
/// class would get another one's descriptor.
struct ClassJoin {
  /// C×A, row c belongs to label c.
  let descriptors: Matrix
  let names: [String]
  let notes: [String]
  let problems: [String]

  init(descriptors: Matrix, descriptorNames: [String]?, labelNames: [String]?, file: String) {
    let madeUp = (0..<descriptors.rowCount).map { "class \($0 + 1)" }
    guard let labelNames, let descriptorNames, descriptorNames.count == descriptors.rowCount else {
      self.descriptors = descriptors
      names = descriptorNames ?? labelNames ?? madeUp
      notes =
        descriptorNames == nil
        ? ["\(file) has no class names: descriptors belong to labels by position, which cannot be checked"] : []
      problems = []
      return
    }
    let place = Dictionary(descriptorNames.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let missing = labelNames.filter { place[$0] == nil }
    let surplus = Set(descriptorNames).subtracting(labelNames).sorted()
    guard missing.isEmpty, surplus.isEmpty else {
      self.descriptors = descriptors
      names = descriptorNames
      notes = []
      problems = [
        "\(file) names other classes than the labels: without descriptor: \(Self.list(missing)); without label: "
          + "\(Self.list(surplus)). Give the descriptor file of this data set, or make the names equal"
      ]
      return
    }
    let order = labelNames.map { place[$0] ?? 0 }
    let joined = Matrix(rows: order.count, columns: descriptors.columnCount)
    gatherRows(joined, from: descriptors, order[...])
    self.descriptors = joined
    names = labelNames
    problems = []
    notes =
      order == Array(order.indices)
      ? [] : ["\(file) lists its classes in another order than the labels; descriptors were joined by class name"]
  }

  private static func list(_ names: [String]) -> String {
    names.isEmpty ? "none" : names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
  }
}
