import Profiling
import Testing

@Suite struct ProductShapeTests {
  /// A multiply-add is two operations; the name says which factors lie the other way round.
  @Test func shapesAreNamedAndCounted() {
    let shape = ProductShape(m: 3, k: 5, n: 7, leftIsTransposed: true, rightIsTransposed: false, isBatchSum: true)
    #expect(shape.flops == 210 && shape.name == "3×5ᵀ · 5×7")
    let other = ProductShape(m: 1, k: 2, n: 1, leftIsTransposed: false, rightIsTransposed: true, isBatchSum: false)
    #expect(other.flops == 4 && other.name == "1×2 · 2×1ᵀ")
  }
}
