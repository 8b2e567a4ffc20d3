import Kernels
import Matrices
import TestSupport

/// Real and fake products of N rows, and what `criticSlopes` makes of them.
struct Slopes {
  let products: Matrix
  let alpha: Matrix
  let slopes: SlopeMatrix
  let scores: Matrix
  let weight: Matrix

  init(rows: Int, units: Int) {
    products = random(2 * rows, units, 1)
    alpha = Matrix(rows: 1, columns: rows)
    for r in 0..<rows { alpha[0, r] = Float(r % 7) / 6 }
    weight = random(1, units, 2)
    scores = Matrix(rows: 2, columns: rows)
    slopes = SlopeMatrix(words: Matrix(rows: rows, columns: SlopeMatrix.wordCount(units)), unitCount: units)
    // The class part is 0, so that a product is the pre-activation; the kink itself and −0 belong to the lower slope.
    products[0, 0] = 0
    products[rows, 0] = -0.0
    fill()
  }

  private func fill() {
    criticSlopes(
      slopes, products: products,
      ClassPart(
        base: Matrix(rows: 1, columns: slopes.unitCount), labels: Array(repeating: 0, count: slopes.rowCount)),
      alpha: alpha, weight: weight, scores: scores)
  }

  func set(real: Float, fake: Float, row: Int, unit: Int) {
    products[row, unit] = real
    products[slopes.rowCount + row, unit] = fake
    fill()
  }

  func preActivation(_ row: SlopeMatrix.Row, _ r: Int, _ k: Int) -> Float {
    let (real, fake) = (products[r, k], products[slopes.rowCount + r, k])
    switch row {
    case .real: return real
    case .fake: return fake
    case .interpolate: return fake + alpha[0, r] * (real - fake)
    }
  }

  func slope(_ row: SlopeMatrix.Row, _ r: Int, _ k: Int) -> Double { preActivation(row, r, k) > 0 ? 1 : 0.2 }
}

/// Columns of other units, as another rank would hold them.
func columns(_ slopes: SlopeMatrix, _ units: Range<Int>) -> SlopeMatrix {
  let words = SlopeMatrix.wordCount(units.lowerBound)..<SlopeMatrix.wordCount(units.upperBound)
  return SlopeMatrix(words: slopes.words.columns(words), unitCount: units.count)
}

func rows(_ slopes: SlopeMatrix, _ range: Range<Int>) -> SlopeMatrix {
  SlopeMatrix(words: slopes.words.rows(range), unitCount: slopes.unitCount)
}

/// M of real, fake and penalty rows, one behind the other.
func weightSums(
  into result: Matrix, _ slopes: SlopeMatrix, rows: Matrix, inverseBatch: Float, leafRows: Int? = nil,
  context: ProductContext = ProductContext()
) {
  let n = slopes.rowCount
  context.slopeWeightSums(
    into: result, slopes, rows: slopeRows(rows, 0..<n), inverseBatch: inverseBatch,
    leafRows: leafRows ?? BatchTree.automaticLeafRows(batchSize: n))
}

func slopeRows(_ rows: Matrix, _ range: Range<Int>) -> SlopeRows {
  let n = rows.rowCount / 3
  return SlopeRows(
    real: rows.rows(range), fake: rows.rows(n + range.lowerBound..<n + range.upperBound),
    penalty: PenaltyRows(rows.rows(2 * n + range.lowerBound..<2 * n + range.upperBound)))
}

/// N(0, 1), the same for the same step.
func random(_ rows: Int, _ columns: Int, _ step: Int) -> Matrix {
  let result = Matrix(rows: rows, columns: columns)
  fillNormal(result, RandomSource(seed: 5), .demoData, step: step, firstRow: 0)
  return result
}
