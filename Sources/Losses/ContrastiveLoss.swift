// Instance-level contrastive loss (paper eq. 5; Method.md, identity 6), in tiles. B global rows, N local rows, Z projection.
import Kernels
import Matrices

/// Rows of the contrasted set, N×Z unit rows, and the global index of the first.
package struct ContrastRows: Sendable {
  package let z: Matrix
  package let firstIndex: Int

  package init(_ z: Matrix, firstIndex: Int) {
    self.z = z
    self.firstIndex = firstIndex
  }

  fileprivate func indices(_ part: Range<Int>) -> Range<Int> {
    firstIndex + part.lowerBound..<firstIndex + part.upperBound
  }
}

/// L_ins = −(1/N) Σ_kept (1/|P(i)|) Σ_{p∈P(i)} log[exp(z_i·z_p/τ) / Σ_{k≠i} exp(z_i·z_k/τ)], N the kept anchors of the whole
/// set. With no anchor kept, loss and gradient are 0. Knows no ranks: it sees its own rows, all rows, and the log-sum-exp
/// of all rows, which is all that the exact gradient of the one global loss needs.
package struct ContrastiveLoss: Sendable {
  package let temperature: Float
  private let context: ProductContext
  /// One tile of similarities; the B×B matrix never exists.
  private let tile: Matrix
  private static let tileRows = 512
  package static let tileColumns = 1024
  package let tileColumns: Int

  /// - Parameters:
  ///   - temperature: τ > 0.
  ///   - context: of the products, see `keepRows`.
  ///   - tileColumns: the order of sums follows from them, so that training has no others than these.
  package init(temperature: Float, context: ProductContext, tileColumns: Int = Self.tileColumns) {
    self.context = context
    precondition(temperature > 0 && tileColumns >= 1, "a temperature of \(temperature), tiles of \(tileColumns)")
    self.temperature = temperature
    self.tileColumns = tileColumns
    tile = Matrix(rows: Self.tileRows, columns: tileColumns)
  }

  /// Rows are unit, so |s| ≤ 1/τ and the constant 1/τ can stand for the row maximum while exp(−2/τ) is a normal float.
  private var needsOnlineMaximum: Bool { 1 / temperature > 40 }

  /// Where a row's sums start.
  package var emptySums: AnchorSums {
    AnchorSums(shift: needsOnlineMaximum ? -.greatestFiniteMagnitude : 1 / temperature)
  }

  /// Rows that will be part of many tiles and do not change meanwhile: in bfloat16 they are rounded once. See
  /// `ProductContext.forgetRounded`.
  package func keepRows(_ rows: Matrix) { context.keepRounded(rows) }

  /// Whether the blocks of pass 1 have to come in global order for the bits to be the same; else in any.
  package var needsOrder: Bool { needsOnlineMaximum }

  /// Pass 1: adds a block of the global set to the sums of some rows. Blocks are whole tiles.
  ///
  /// - Parameters:
  ///   - sums: N, from `emptySums`.
  ///   - rows: N.
  ///   - block: M.
  /// - Returns: the tile whose similarities were computed last, for pass 2; nil: none was.
  @discardableResult
  package func addSums(
    _ sums: inout [AnchorSums], rows: ContrastRows, block: ContrastRows, anchors: ContrastiveAnchors
  ) -> ContrastiveTile? {
    var last: ContrastiveTile?
    for part in parts(rows.z.rowCount, Self.tileRows) {
      var partSums = Array(sums[part])
      for columns in parts(block.z.rowCount, tileColumns) {
        let place = ContrastiveTile(rowIndices: rows.indices(part), columnIndices: block.indices(columns))
        contrastiveSums(
          &partSums, similarities: similarityTile(rows.z.rows(part), block.z.rows(columns)), tile: place,
          scale: 1 / temperature, anchors, online: needsOnlineMaximum)
        last = place
      }
      sums.replaceSubrange(part, with: partSums)
    }
    return last
  }

  /// After the last block: the log-sum-exp, less 1/τ, of a row (+∞ for a dropped anchor), and its part of Σ_kept (…); the loss is the
  /// sum of all parts divided by `anchors.keptCount`.
  ///
  /// - Parameter index: of the row in the set.
  package func logSumExp(_ sum: AnchorSums, index: Int, anchors: ContrastiveAnchors) -> (logSumExp: Float, loss: Double)
  {
    let inverseCount = Double(anchors.inverseCounts[index])
    guard inverseCount > 0 else { return (.infinity, 0) }
    let reference = 1 / temperature
    let logSumExp = sum.logSumExp(relativeTo: reference)
    return (Float(logSumExp), logSumExp + Double(reference) - sum.positives.value * inverseCount)
  }

  /// Pass 2: dz [N×Z] ← weight · ∂L_ins/∂z_i for some rows, a block's share of it; blocks as in pass 1, in order: all but the first are
  /// added to what is there.
  ///
  /// - Parameters:
  ///   - logSumExps: pass 1's, of all rows of the set.
  ///   - computed: what pass 1 returned last, if nothing else was asked of this loss since and z are the same: a first tile that is this
  ///     one is not multiplied again.
  package func addGradient(
    into dz: Matrix, rows: ContrastRows, block: ContrastRows, anchors: ContrastiveAnchors, logSumExps: [Float],
    weight: Float, computed: ContrastiveTile? = nil
  ) {
    guard anchors.keptCount > 0 else { return dz.fill(0) }
    let factor = weight / (temperature * Float(anchors.keptCount))
    var computed = computed
    for part in parts(rows.z.rowCount, Self.tileRows) {
      for columns in parts(block.z.rowCount, tileColumns) {
        let place = ContrastiveTile(rowIndices: rows.indices(part), columnIndices: block.indices(columns))
        let weights =
          place == computed
          ? tile(rows: part.count, columns: columns.count)
          : similarityTile(rows.z.rows(part), block.z.rows(columns))
        computed = nil
        contrastiveWeights(
          weights, tile: place, scale: 1 / temperature, anchors, logSumExps: logSumExps, factor: factor)
        context.multiply(
          into: dz.rows(part), weights, block.z.rows(columns),
          accumulate: block.firstIndex + columns.lowerBound > 0)
      }
    }
  }

  private func similarityTile(_ rows: Matrix, _ columns: Matrix) -> Matrix {
    let result = tile(rows: rows.rowCount, columns: columns.rowCount)
    context.multiply(into: result, rows, columns.transposed)
    return result
  }

  private func tile(rows: Int, columns: Int) -> Matrix {
    Matrix(storage: tile.storage, offset: 0, rowCount: rows, columnCount: columns, rowStride: tileColumns)
  }

  private func parts(_ count: Int, _ size: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }
}
