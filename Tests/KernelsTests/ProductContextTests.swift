import Foundation
import Kernels
import Matrices
import TestSupport
import Testing

/// Scratch and caches belong to a context: replicas that are threads of one process do not meet in them.
@Suite struct ProductContextTests {
  private static let isRounded = (try? ProductPrecision.bfloat16.requireSupport()) != nil

  /// A product, a sum over a batch and a look-up, of numbers of each replica's own, again and again: the bits that it gets alone.
  @Test(arguments: isRounded ? ProductPrecision.allCases : [.float32])
  func replicasAtOnceHaveTheBitsOfOneAlone(_ precision: ProductPrecision) throws {
    @Sendable func results(_ replica: Int, _ context: ProductContext) -> [[UInt32]] {
      let (m, k, n) = (90 + 7 * replica, 200 - 11 * replica, 150)
      let (a, b) = (random(m, k, replica), random(k, n, 100 + replica))
      context.keepRounded(b)
      defer { context.forgetRounded() }
      let (product, sum, looked) = (
        Matrix(rows: m, columns: n), Matrix(rows: k, columns: n), Matrix(rows: m, columns: n)
      )
      let slopes = SlopeMatrix(words: Matrix(rows: m, columns: SlopeMatrix.wordCount(k)), unitCount: k)
      context.multiply(into: product, a, b)
      context.multiply(into: sum, a.transposed, product, order: BatchTree(rowCount: m, leafRows: 16).order)
      context.slopeInputGradient(into: looked, slopes, .real, weight: random(1, k, 200), matrix: b, factor: 1)
      return [product, sum, looked].map { $0.elements.map(\.bitPattern) }
    }
    let expected = (0..<4).map { results($0, ProductContext(precision: precision)) }
    let agree = try onThreads(hosts: [4]) { communicator in
      let context = ProductContext(precision: precision)
      return (0..<25).allSatisfy { _ in results(communicator.rank, context) == expected[communicator.rank] }
    }
    #expect(agree == [true, true, true, true])
  }

  /// A copy that one replica keeps is not what another multiplies with.
  @Test(.enabled(if: isRounded)) func roundedCopiesAreOfOneContext() {
    let (mine, other) = (ProductContext(precision: .bfloat16), ProductContext(precision: .bfloat16))
    let (a, b) = (random(40, 50, 1), random(50, 60, 2))
    func product(_ context: ProductContext) -> [Float] {
      let result = Matrix(rows: 40, columns: 60)
      context.multiply(into: result, a, b)
      return result.elements
    }
    mine.keepRounded(b)
    let before = product(other)
    #expect(product(mine) == before)
    // Changed where the other's products are, with nothing to forget there.
    b.fill(0.5)
    let after = product(other)
    #expect(after != before)
    mine.keepRounded(b)
    #expect(product(mine) == after)
  }

  /// Products over classes: the model's place, float32's bits.
  @Test(.enabled(if: isRounded)) func float32StaysFloat32() {
    let context = ProductContext(precision: .bfloat16)
    let (a, b) = (random(40, 50, 1), random(50, 60, 2))
    func product(_ context: ProductContext) -> [Float] {
      let result = Matrix(rows: 40, columns: 60)
      context.multiply(into: result, a, b)
      return result.elements
    }
    context.keepRounded(b)
    #expect(product(context.float32) == product(ProductContext()))
    #expect(product(context.float32) != product(context))
  }

  /// Two products at once in one place would be wrong now and then; the program ends instead.
  @Test func aProductWithinAnotherTraps() async throws {
    let ended = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let context = ProductContext()
      let (a, b) = (Matrix(rows: 8, columns: 8), Matrix(rows: 8, columns: 8))
      let breaks = ProductBreaks {
        context.during(nil) { context.float32.multiply(into: Matrix(rows: 8, columns: 8), a, b) }
        return false
      }
      context.during(breaks) { context.multiply(into: Matrix(rows: 8, columns: 8), a, b) }
    }
    let said = String(decoding: try #require(ended).standardErrorContent, as: UTF8.self)
    #expect(said.contains("two products at once"))
  }
}
