// The critic's two products with its slopes (Method.md, identities 4 and 5), by `subsetSums`. N rows, D units, X features.
import Matrices

/// The rows that D's weight gradient is a sum of, N×X each.
package struct SlopeRows {
  package let real, fake, penalty: Matrix

  package init(real: Matrix, fake: Matrix, penalty: PenaltyRows) {
    self.real = real
    self.fake = fake
    self.penalty = penalty.matrix
  }
}

/// The tables are as precise as the context, see `SubsetSums.swift` and `NarrowSums.swift`.
extension ProductContext {
  /// g [N×X] ← factor · slopes · diag(w) · W: what D's input gets back, slope by slope.
  ///
  /// - Parameters:
  ///   - slopes: N×D, of which the bits of one kind are taken.
  ///   - weight: 1×D, w.
  ///   - matrix: D×X, W.
  package func slopeInputGradient(
    into result: Matrix, _ slopes: SlopeMatrix, _ row: SlopeMatrix.Row, weight: Matrix, matrix: Matrix, factor: Float
  ) {
    let unitCount = slopes.unitCount
    precondition(
      result.rowCount == slopes.rowCount && matrix.rowCount == unitCount && weight.columnCount == unitCount
        && result.columnCount == matrix.columnCount)
    let shape = SubsetShape(
      groups: .members, precision: precision, laneCount: result.rowCount,
      groupCount: (unitCount + SubsetShape.groupSize - 1) / SubsetShape.groupSize, leafGroups: nil,
      columnCount: result.columnCount)
    subsetSums(into: result, shape) { scratch in
      for k in 0..<unitCount { scratch.setMember(k, matrix.row(k), times: factor * weight.start[k]) }
      for k in unitCount..<shape.memberCount { scratch.setMember(k, scratch.zeros, times: 0) }
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

  /// M [units×X] ← Σ_b (−m_real·x_b + m_fake·x̃_b)/B + m̂·(c·g)_b over some rows b of a batch: D's one weight-gradient product, of
  /// which `scaleByUnit` makes dW_x.
  ///
  /// - Parameters:
  ///   - slopes: N×units.
  ///   - inverseBatch: 1/B.
  ///   - leafRows: of the batch's leaves; the first row begins one.
  package func slopeWeightSums(
    into result: Matrix, _ slopes: SlopeMatrix, rows: SlopeRows, inverseBatch: Float, leafRows: Int
  ) {
    let (rowCount, unitCount) = (slopes.rowCount, slopes.unitCount)
    precondition(
      rows.real.rowCount == rowCount && rows.fake.rowCount == rowCount && rows.penalty.rowCount == rowCount
        && result.rowCount == unitCount && result.columnCount == rows.real.columnCount)
    let pairs = RowPairs(rowCount: rowCount, leafRows: leafRows)
    // Members in the order of the bits: real, fake and penalty row of the first row of a pair, then those of the second.
    let shape = SubsetShape(
      groups: .triples, precision: precision, laneCount: unitCount, groupCount: pairs.count,
      leafGroups: pairs.perLeaf, columnCount: result.columnCount)
    subsetSums(into: result, shape) { scratch in
      for pair in 0..<pairs.count {
        let (first, second) = pairs[pair]
        for (place, row) in [(6 * pair, first), (6 * pair + 3, second)] {
          guard let row else {
            for i in 0..<3 { scratch.setMember(place + i, scratch.zeros, times: 0) }
            continue
          }
          scratch.setMember(place, rows.real.row(row), times: -inverseBatch)
          scratch.setMember(place + 1, rows.fake.row(row), times: inverseBatch)
          scratch.setMember(place + 2, rows.penalty.row(row), times: 1)
        }
      }
      scratch.withGroups { groups in
        fork(shape.chunkCount, grain: 1 + 8192 / max(unitCount, 1)) { part in
          for chunk in part {
            let areTriples = setIndices(scratch.indices, shape, chunk: chunk, slopes, pairs, triplesIndex)
            // In narrow tables such an interpolate takes the side of the other two.
            guard !areTriples && precision == .float32 else { continue }
            groups[chunk] = .members
            setIndices(scratch.indices, shape, chunk: chunk, slopes, pairs) { $0 | ($1 &<< SlopeBytes(repeating: 3)) }
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

/// The rows of a batch in pairs, leaf by leaf: where a leaf has an odd number of rows, its last pair is one row.
private struct RowPairs {
  let rowCount, leafRows: Int
  var perLeaf: Int { (leafRows + 1) / 2 }
  var count: Int { rowCount / leafRows * perLeaf + (rowCount % leafRows + 1) / 2 }

  @inline(__always)
  subscript(pair: Int) -> (first: Int, second: Int?) {
    let leaf = pair / perLeaf
    let first = leaf &* leafRows &+ 2 &* (pair &- leaf &* perLeaf)
    let isLast = first &+ 1 == min((leaf &+ 1) &* leafRows, rowCount)
    return (first, isLast ? nil : first &+ 1)
  }
}

/// M [units×X] becomes dW_x = diag(w)·M, and dw ← dw + ⟨W_x,k , M_k⟩ (LeakyReLU(t) = m·t makes the adversarial rows' share of dw the
/// same inner product, up to the class part of t).
///
/// - Parameters:
///   - weight: 1×units, w.
///   - matrix: units×X, W_x.
///   - dWeight: 1×units.
package func scaleByUnit(_ sums: Matrix, weight: Matrix, matrix: Matrix, dWeight: Matrix) {
  precondition(weight.columnCount == sums.rowCount && dWeight.columnCount == sums.rowCount)
  precondition(matrix.rowCount == sums.rowCount && matrix.columnCount == sums.columnCount)
  parallel(sums.rowCount, grain: max(1, 16384 / max(sums.columnCount, 1)), "unit scaling", floats: 3 * sums.count) {
    for k in $0 {
      let (row, partner) = (sums.row(k), matrix.row(k))
      let factor = Vector(repeating: weight.start[k])
      var total = dWeight.start[k]
      for panel in stride(from: 0, to: sums.columnCount, by: 64) {
        var dot = Vector()
        for c in stride(from: panel, to: min(panel &+ 64, sums.columnCount), by: vectorWidth) {
          let left = sums.columnCount &- c
          let value = load(row + c, left)
          dot.addProduct(value, load(partner + c, left))
          store(value * factor, row + c, left)
        }
        total += laneSum(dot)
      }
      dWeight.start[k] = total
    }
  }
}

/// The indices of all units in the tables of a chunk's groups, from the slopes of two rows each. Returns whether all interpolates
/// lie between the other two.
@discardableResult
@inline(__always)
private func setIndices(
  _ indices: UnsafeMutablePointer<UInt8>, _ shape: SubsetShape, chunk: Int, _ slopes: SlopeMatrix, _ pairs: RowPairs,
  _ index: (SlopeBytes, SlopeBytes) -> SlopeBytes
) -> Bool {
  let groups = shape.chunk(chunk)
  var outside = SlopeBytes()
  // Row by row: their bytes follow one another.
  for group in groups {
    let pair = pairs[group]
    // A row that is not there counts as zeros: any index will do.
    let (first, second) = (slopes.row(pair.first), slopes.row(pair.second ?? pair.first))
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
