// Row normalisation of the projection, z = p / max(‖p‖, 1e-12). N rows, U columns.
import Matrices

/// The sum of squares of a row of `count` floats.
@inline(__always)
func squaredNorm(_ row: UnsafePointer<Float>, _ count: Int) -> Float {
  var sum = Vector()
  for c in stride(from: 0, to: count, by: vectorWidth) {
    let value = load(row + c, count &- c)
    sum.addProduct(value, value)
  }
  return laneSum(sum)
}

/// p [N×U] ← its rows divided by their norms; `norms` [1×N] keeps ‖p‖ for the backward pass. A zero row stays zero.
package func normaliseRows(_ p: Matrix, norms: Matrix) {
  precondition(norms.columnCount >= p.rowCount)
  parallel(p.rowCount, grain: max(1, 16384 / max(p.columnCount, 1)), "normalisation", floats: 2 * p.count) { part in
    for r in part {
      let row = p.row(r)
      let norm = squaredNorm(row, p.columnCount).squareRoot()
      norms.start[r] = norm
      let inverse = Vector(repeating: 1 / max(norm, 1e-12))
      for c in stride(from: 0, to: p.columnCount, by: vectorWidth) {
        let left = p.columnCount &- c
        store(load(row + c, left) * inverse, row + c, left)
      }
    }
  }
}

/// dz [N×U] ← (dz − (dz·z) z) / ‖p‖ per row, and 0 where ‖p‖ = 0 (autograd's clamp would give dz/1e-12 there).
package func normaliseRowsBackward(_ dz: Matrix, z: Matrix, norms: Matrix) {
  precondition(dz.rowCount == z.rowCount && dz.columnCount == z.columnCount)
  parallel(
    dz.rowCount, grain: max(1, 16384 / max(dz.columnCount, 1)), "normalisation backward", floats: 3 * dz.count
  ) { part in
    for r in part {
      let (gradient, unit) = (dz.row(r), z.row(r))
      let norm = norms.start[r]
      var sum = Vector()
      for c in stride(from: 0, to: dz.columnCount, by: vectorWidth) {
        let left = dz.columnCount &- c
        sum.addProduct(load(gradient + c, left), load(unit + c, left))
      }
      let along = Vector(repeating: laneSum(sum))
      let inverse = Vector(repeating: norm > 0 ? 1 / norm : 0)
      for c in stride(from: 0, to: dz.columnCount, by: vectorWidth) {
        let left = dz.columnCount &- c
        store((load(gradient + c, left) - along * load(unit + c, left)) * inverse, gradient + c, left)
      }
    }
  }
}
