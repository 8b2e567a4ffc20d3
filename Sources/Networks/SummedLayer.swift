// What is summed over the rows of a global batch, layer by layer. Sums are linear in the rows, so they add up over leaves, micro-batches
// and ranks; from the sums over all rows, `finish` of a network makes the gradients.
import Matrices

/// A matrix of a layer's sums, and how its units lie in it.
package struct SummedBlock: Sendable {
  package enum Axis: Sendable { case rows, columns }

  package let name: String
  package let axis: Axis
  /// The part of a weight that is a sum over rows; nil: all columns. The rest is made from the class sums.
  package let columns: Range<Int>?

  package static func rows(_ name: String, columns: Range<Int>? = nil) -> SummedBlock {
    SummedBlock(name: name, axis: .rows, columns: columns)
  }

  package static func columns(_ name: String) -> SummedBlock { SummedBlock(name: name, axis: .columns, columns: nil) }

  /// Rows and columns of the sums of some units.
  package func shape(_ layout: MatrixLayout, units: Range<Int>) -> (rowCount: Int, columnCount: Int) {
    let whole = layout.shape(name)
    switch axis {
    case .rows: return (units.count, columns?.count ?? whole.columnCount)
    case .columns: return (whole.rowCount, units.count)
    }
  }

  /// The sums of some units.
  package func matrix(_ sums: NamedMatrices, units: Range<Int>) -> Matrix {
    let whole = sums[name]
    switch axis {
    case .rows: return columns.map { whole.rows(units).columns($0) } ?? whole.rows(units)
    case .columns: return whole.columns(units)
    }
  }
}

/// A layer, with the layer of one unit that follows it, if any: what is computed, travels and is updated together.
package struct SummedLayer: Sendable {
  package let name: String
  package let unitCount: Int
  package let blocks: [SummedBlock]
  /// Parameters that move with it, each with as many units.
  package let parameters: [String]

  /// The units that a rank sums, finishes and updates.
  package func units(rank: Int, rankCount: Int) -> Range<Int> {
    RowPartition(rowCount: unitCount, rankCount: rankCount).slice(of: rank)
  }
}

extension [SummedLayer] {
  /// A layer's place; nil where the model has no such layer.
  package func place(of name: String) -> Int? { firstIndex { $0.name == name } }
}
