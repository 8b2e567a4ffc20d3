import Foundation
import Kernels
import Matrices
import TestSupport
import Testing

@testable import Reports

@Suite struct EmbeddingMapTests {
  /// Points with known principal axes: a rectangle of independent coordinates, turned into five dimensions.
  @Test func thePlaneIsThatOfTheTwoLargestComponents() {
    let count = 60
    let (a, b, c): ([Double], [Double], [Double]) = (
      (0..<count).map { 3 * cos(2 * .pi * Double($0) / Double(count)) },
      (0..<count).map { 2 * cos(4 * .pi * Double($0) / Double(count)) },
      (0..<count).map { 0.5 * cos(6 * .pi * Double($0) / Double(count)) }
    )
    // Orthonormal.
    let axes: [[Double]] = [[0.5, 0.5, 0.5, 0.5, 0], [0.5, -0.5, 0.5, -0.5, 0], [0, 0, 0, 0, 1]]
    let h = Matrix(rows: count, columns: 5)
    for r in 0..<count {
      for k in 0..<5 { h[r, k] = Float(7 + a[r] * axes[0][k] + b[r] * axes[1][k] + c[r] * axes[2][k]) }
    }
    let plane = PrincipalPlane(h)
    let total = 9 + 4 + 0.25
    #expect(abs(plane.shares[0] - 9 / total) < 1e-4 && abs(plane.shares[1] - 4 / total) < 1e-4)
    let (first, second) = (plane.points[0].x * a[0] < 0 ? -1.0 : 1, plane.points[0].y * b[0] < 0 ? -1.0 : 1)
    for r in 0..<count {
      #expect(abs(first * plane.points[r].x - a[r]) < 2e-3 && abs(second * plane.points[r].y - b[r]) < 2e-3)
    }
    #expect(plane.points.map(\.x).max { abs($0) < abs($1) }! > 0)
  }

  @Test func equalPointsAreOnePlace() {
    let h = Matrix(rows: 4, columns: 3)
    h.fill(2)
    let plane = PrincipalPlane(h)
    #expect(plane.points.allSatisfy { $0.x == 0 && $0.y == 0 } && plane.shares == [0, 0])
  }
}
