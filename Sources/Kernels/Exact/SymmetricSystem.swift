// K·x = b for symmetric, positive definite K, by Cholesky's factor in Double. N unknowns.
import Matrices

/// The factor L of a matrix K = L·Lᵀ [N×N].
package struct SymmetricSystem: Sendable {
  /// Row-major; what lies above the diagonal is not looked at.
  private let factor: [Double]
  package let size: Int

  /// Columns that are finished before the rows below them.
  private static let block = 48

  /// - Parameter matrix: symmetric; its lower triangle is read.
  /// - Returns: nil where it is not positive definite within rounding.
  package init?(_ matrix: DoubleMatrix) {
    precondition(matrix.rowCount == matrix.columnCount)
    let size = matrix.rowCount
    var factor = matrix.elements
    var isDefinite = true
    factor.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let target = Shared(base)
      for first in stride(from: 0, to: size, by: Self.block) where isDefinite {
        let last = min(first + Self.block, size)
        for j in first..<last {
          Self.finish(row: j, columns: first..<j, target.address, size)
          let pivot = base[j * size + j] - dot(base + j * size, base + j * size, j)
          isDefinite = isDefinite && pivot > 0 && pivot.isFinite
          base[j * size + j] = isDefinite ? pivot.squareRoot() : 1
        }
        guard isDefinite else { break }
        fork(size - last, grain: 4) { part in
          for r in part { Self.finish(row: last + r, columns: first..<last, target.address, size) }
        }
      }
    }
    guard isDefinite else { return nil }
    self.factor = factor
    self.size = size
  }

  /// Some elements of a row below the diagonal; the rows of the columns' numbers are finished.
  private static func finish(row: Int, columns: Range<Int>, _ base: UnsafeMutablePointer<Double>, _ size: Int) {
    let own = base + row * size
    for j in columns { own[j] = (own[j] - dot(own, base + j * size, j)) / base[j * size + j] }
  }

  /// x [N×M] of K·x = b.
  package func solve(_ b: DoubleMatrix) -> DoubleMatrix {
    precondition(b.rowCount == size)
    // Columns of b as rows, so that each is solved by dot products of what lies together, on a thread of its own.
    var columns = b.transposed
    let upper = DoubleMatrix(rows: size, columns: size, elements: factor).transposed
    columns.elements.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let target = Shared(base)
      factor.withUnsafeBufferPointer { lower in
        upper.elements.withUnsafeBufferPointer { upper in
          guard let lower = lower.baseAddress, let upper = upper.baseAddress else { return }
          fork(b.columnCount, grain: max(1, 65536 / max(size * size, 1))) { part in
            for m in part {
              let x = target.address + m * size
              for i in 0..<size { x[i] = (x[i] - dot(lower + i * size, x, i)) / lower[i * size + i] }
              for i in (0..<size).reversed() {
                let behind = i + 1
                x[i] = (x[i] - dot(upper + i * size + behind, x + behind, size - behind)) / upper[i * size + i]
              }
            }
          }
        }
      }
    }
    return columns.transposed
  }
}

/// The sum of products of two runs of Doubles, in four times four lanes.
@inline(__always)
func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
  typealias Lanes = SIMD4<Double>
  var (s0, s1, s2, s3) = (Lanes(), Lanes(), Lanes(), Lanes())
  @inline(__always) func lanes(_ p: UnsafePointer<Double>, _ k: Int) -> Lanes {
    UnsafeRawPointer(p + k).loadUnaligned(as: Lanes.self)
  }
  var k = 0
  while k &+ 16 <= count {
    s0.addProduct(lanes(a, k), lanes(b, k))
    s1.addProduct(lanes(a, k &+ 4), lanes(b, k &+ 4))
    s2.addProduct(lanes(a, k &+ 8), lanes(b, k &+ 8))
    s3.addProduct(lanes(a, k &+ 12), lanes(b, k &+ 12))
    k = k &+ 16
  }
  var sum = ((s0 + s1) + (s2 + s3)).sum()
  while k < count {
    sum += a[k] * b[k]
    k = k &+ 1
  }
  return sum
}
