import Matrices

/// Sums of rows' losses over a batch, leaf by leaf, so that they too have the same bits on any number of ranks.
struct LossSums {
  let tree: BatchTree
  /// Terms one behind the other, a number for each leaf; zeros where other ranks' rows are.
  private(set) var values: [Double]

  init(terms: Int, tree: BatchTree) {
    self.tree = tree
    values = Array(repeating: 0, count: terms * tree.leafCount)
  }

  /// - Parameter row: of the global batch; rows come in order.
  mutating func add(_ value: Double, term: Int, row: Int) {
    values[term * tree.leafCount + row / tree.leafRows] += value
  }

  mutating func add(_ losses: Matrix, _ row: Int = 0, term: Int, rows: Range<Int>) {
    for (i, index) in rows.enumerated() { add(Double(losses[row, i]), term: term, row: index) }
  }

  /// - Parameter values: of all ranks.
  static func total(_ values: [Double], term: Int, tree: BatchTree) -> Double {
    tree.sum(Array(values[term * tree.leafCount..<(term + 1) * tree.leafCount]))
  }
}
