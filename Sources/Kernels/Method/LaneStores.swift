// The way of finished sums (`SubsetSums.swift`) to the result [lanes×X]. A panel's sums lie block after block, a vector of sixteen
// columns for each lane.
import Matrices

/// The finished sums of a panel into the result.
func storePanel(_ result: Matrix, lanes: Range<Int>, columns: Range<Int>, _ sums: UnsafePointer<Float>) {
  let blockSize = SubsetShape.blockSize(lanes)
  var (row, sum) = (result.row(lanes.lowerBound), sums)
  for _ in lanes {
    var block = sum
    for column in stride(from: columns.lowerBound, to: columns.upperBound, by: vectorWidth) {
      store(load(block), row + column, columns.upperBound &- column)
      block += blockSize
    }
    row += result.rowStride
    sum += vectorWidth
  }
}
