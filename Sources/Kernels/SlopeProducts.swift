// The critic's two products with its slopes (method.md items 4 and 5), by `subsetSums`. N rows, D units, X features.
import Matrices

/// g [N×X] ← factor · slopes · diag(w) · W: what D's input gets back, slope by slope.
///
/// - Parameters:
///   - slopes: N×D, of which the bits of one kind are taken.
///   - weight: 1×D, w.
///   - matrix: D×X, W.
///   - precision: of the tables, see `SubsetSums.swift` and `NarrowSums.swift`.
package func slopeInputGradient(
  into result: Matrix, _ slopes: SlopeMatrix, _ row: SlopeMatrix.Row, weight: Matrix, matrix: Matrix, factor: Float,
  precision: ProductPrecision = .float32
) {
  let unitCount = slopes.unitCount
  precondition(
    result.rowCount == slopes.rowCount && matrix.rowCount == unitCount && weight.columnCount == unitCount
      && result.columnCount == matrix.columnCount)
  let shape = SubsetShape(
    groups: .members, precision: precision, laneCount: result.rowCount, memberCount: unitCount,
    columnCount: result.columnCount)
  subsetSums(into: result, shape) { scratch in
    for k in 0..<unitCount { scratch.setMember(k, matrix.row(k), times: factor * weight.start[k]) }
    fork(shape.tileCount, grain: 1 + 2048 / max(shape.groupCount, 1)) { part in
      for tile in part {
        for lane in tile * SubsetShape.tile..<(tile + 1) * SubsetShape.tile {
          let bytes = lane < slopes.rowCount ? slopes.row(lane) : nil
          for chunk in (0..<shape.chunkCount).lazy.map(shape.chunk) {
            let indices = scratch.indices + (shape.place(chunk, tile: tile) &+ lane % SubsetShape.tile)
            for group in chunk {
              let first = group &* SubsetShape.groupSize
              indices[(group &- chunk.lowerBound) &* SubsetShape.tile] =
                bytes.map { bits($0 + first, unitCount &- first, row) } ?? 0
            }
          }
        }
      }
    }
  }
}

/// The bits of one kind of six units (fewer at the end) next to each other.
@inline(__always)
private func bits(_ bytes: UnsafePointer<UInt8>, _ remaining: Int, _ row: SlopeMatrix.Row) -> UInt8 {
  if remaining >= 8 {
    let eight = UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self)
    // A bit at 8i moves to 40 + i; no two meet.
    let product = ((eight &>> UInt64(row.rawValue)) & 0x0000_0101_0101_0101) &* 0x0000_0102_0408_1020
    return UInt8(truncatingIfNeeded: product &>> 40) & 63
  }
  var result: UInt8 = 0
  for i in 0..<min(remaining, SubsetShape.groupSize) { result |= ((bytes[i] &>> UInt8(row.rawValue)) & 1) &<< UInt8(i) }
  return result
}

/// dW_x [units×X] ← diag(w)·M and dw ← dw + ⟨W_x,k , M_k⟩, from D's one weight-gradient product
/// M = Σ_b (−m_real·x_b + m_fake·x̃_b)/B + m̂·(c·g)_b. (M holds the adversarial rows too; LeakyReLU(t) = m·t makes their share of dw
/// the same inner product, up to the class part of t.)
///
/// - Parameters:
///   - slopes: of all rows b, own units.
///   - rows: 3 for each of them: all real, all fake, all penalty rows; X columns.
///   - inverseBatch: 1/B.
///   - weight: 1×units, w.
///   - matrix: units×X, W_x.
///   - dWeight: 1×units, dw.
///   - precision: of the tables.
package func slopeWeightGradient(
  into result: Matrix, _ slopes: SlopeMatrix, rows: Matrix, inverseBatch: Float, weight: Matrix, matrix: Matrix,
  dWeight: Matrix, precision: ProductPrecision = .float32
) {
  let (rowCount, unitCount) = (slopes.rowCount, slopes.unitCount)
  precondition(
    rows.rowCount == 3 * rowCount && result.rowCount == unitCount && result.columnCount == rows.columnCount)
  precondition(
    weight.columnCount == unitCount && dWeight.columnCount == unitCount && matrix.rowCount == unitCount
      && matrix.columnCount == rows.columnCount)
  // Members in the order of the bits: real, fake and penalty row of b, then those of b + 1.
  let shape = SubsetShape(
    groups: .triples, precision: precision, laneCount: unitCount, memberCount: 3 * rowCount,
    columnCount: result.columnCount)
  let scaling = LaneScaling(factors: weight, partners: matrix, products: dWeight)
  subsetSums(into: result, shape, scaling: scaling) { scratch in
    for b in 0..<rowCount {
      scratch.setMember(3 * b, rows.row(b), times: -inverseBatch)
      scratch.setMember(3 * b + 1, rows.row(rowCount + b), times: inverseBatch)
      scratch.setMember(3 * b + 2, rows.row(2 * rowCount + b), times: 1)
    }
    scratch.withGroups { groups in
      fork(shape.chunkCount, grain: 1 + 8192 / max(unitCount, 1)) { part in
        for chunk in part {
          let areTriples = setIndices(scratch.indices, shape, chunk: chunk, slopes, triplesIndex)
          // In narrow tables such an interpolate takes the side of the other two.
          guard !areTriples && precision == .float32 else { continue }
          groups[chunk] = .members
          setIndices(scratch.indices, shape, chunk: chunk, slopes) { $0 | ($1 &<< SlopeBytes(repeating: 3)) }
        }
      }
    }
  }
}

/// The indices of all units in the tables of a chunk's groups, from the slopes of two rows each. Returns whether all interpolates
/// lie between the other two.
@discardableResult
@inline(__always)
private func setIndices(
  _ indices: UnsafeMutablePointer<UInt8>, _ shape: SubsetShape, chunk: Int, _ slopes: SlopeMatrix,
  _ index: (SlopeBytes, SlopeBytes) -> SlopeBytes
) -> Bool {
  let groups = shape.chunk(chunk)
  var outside = SlopeBytes()
  // Row by row: their bytes follow one another.
  for group in groups {
    // Behind the last row come zeros: any index will do.
    let (first, second) = (slopes.row(2 &* group), slopes.row(min(2 &* group &+ 1, slopes.rowCount &- 1)))
    for tile in 0..<shape.tileCount {
      let unit = tile &* SubsetShape.tile
      let own = loadBytes(first + unit, slopes.unitCount &- unit)
      let next = loadBytes(second + unit, slopes.unitCount &- unit)
      outside |= isOutside(own) | isOutside(next)
      storeBytes(
        index(own, next),
        indices + (shape.place(groups, tile: tile) &+ (group &- groups.lowerBound) &* SubsetShape.tile), vectorWidth)
    }
  }
  return outside == SlopeBytes()
}
