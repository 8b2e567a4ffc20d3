// The way of finished sums (`SubsetSums.swift`) to the result [lanes×X]: as they are, or scaled lane by lane with an inner product
// taken in passing. A panel's sums lie block after block, a vector of sixteen columns for each lane.
import CPrefetch
import Matrices

/// What finished sums go through on their way to the result.
struct LaneScaling {
  /// 1×lanes: a lane's sums are stored times its factor.
  let factors: Matrix
  /// lanes×X.
  let partners: Matrix
  /// 1×lanes, out: what ⟨partner, sums⟩ of each lane is added to.
  let products: Matrix
}

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

/// The finished sums of a panel, scaled, into the result; and their products with the partners into dots [lanes].
func storeScaled(
  _ result: Matrix, _ scaling: LaneScaling, lanes: Range<Int>, columns: Range<Int>, _ sums: UnsafePointer<Float>,
  dots: UnsafeMutablePointer<Float>
) {
  let blockSize = SubsetShape.blockSize(lanes)
  var (row, partner) = (result.row(lanes.lowerBound), scaling.partners.row(lanes.lowerBound))
  var sum = sums
  for lane in lanes {
    let factor = Vector(repeating: scaling.factors.start[lane])
    var (block, dot) = (sum, Vector())
    for column in stride(from: columns.lowerBound, to: columns.upperBound, by: vectorWidth) {
      let left = columns.upperBound &- column
      // Rows lie far apart: those of some lanes further on are asked for.
      cegzsl_prefetch(partner + scaling.partners.rowStride &* 24 + column)
      cegzsl_prefetch(row + result.rowStride &* 24 + column)
      let value = load(block)
      dot.addProduct(value, load(partner + column, left))
      store(value * factor, row + column, left)
      block += blockSize
    }
    dots[lane] = laneSum(dot)
    row += result.rowStride
    partner += scaling.partners.rowStride
    sum += vectorWidth
  }
}

/// products [1×lanes] ← products + the panels' dots [panels×lanes], panel after panel.
func addDots(_ dots: UnsafePointer<Float>, panels: Int, lanes: Int, to products: Matrix) {
  for lane in stride(from: 0, to: lanes, by: vectorWidth) {
    let left = lanes &- lane
    var sum = load(products.start + lane, left)
    for panel in 0..<panels { sum += load(dots + (panel &* lanes &+ lane), left) }
    store(sum, products.start + lane, left)
  }
}
