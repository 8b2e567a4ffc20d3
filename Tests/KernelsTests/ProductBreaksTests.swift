import Foundation
import Kernels
import Matrices
import Testing

/// Messages move on within products: without breaks training is right, but slow, and no other test would tell.
@Suite struct ProductBreaksTests {
  private final class Count {
    var value = 0
    var breaks: ProductBreaks {
      ProductBreaks { [self] in
        value += 1
        return true
      }
    }
  }

  private func product(_ context: ProductContext) {
    let (a, b) = (Matrix(rows: 256, columns: 512), Matrix(rows: 512, columns: 4096))
    context.multiply(into: Matrix(rows: 256, columns: 4096), a, b)
  }

  private func lookUp(_ context: ProductContext) {
    let slopes = SlopeMatrix(words: Matrix(rows: 512, columns: SlopeMatrix.wordCount(512)), unitCount: 512)
    let weight = Matrix(rows: 1, columns: 512)
    context.slopeInputGradient(
      into: Matrix(rows: 512, columns: 1024), slopes, .real, weight: weight, matrix: Matrix(rows: 512, columns: 1024),
      factor: 1)
  }

  @Test func largeProductsTakeSeveral() {
    // Only the driving thread takes breaks, and others may leave it little of a product.
    let threads = ThreadPool.threadCount
    ThreadPool.setThreadCount(1)
    defer { ThreadPool.setThreadCount(threads) }
    let context = ProductContext()
    for work in [product, lookUp] {
      let count = Count()
      context.during(count.breaks) { work(context) }
      #expect(count.value >= 3)
    }
  }

  @Test func onlyWhatIsWithinTakesThem() {
    let (context, other) = (ProductContext(precision: .bfloat16), ProductContext())
    let (outer, inner) = (Count(), Count())
    product(context.float32)
    context.during(outer.breaks) {
      context.during(inner.breaks) { product(context.float32) }
      #expect(outer.value == 0 && inner.value > 0)
      context.during(nil) { product(context.float32) }
      #expect(outer.value == 0)
      // Another replica's products are not this one's.
      product(other)
      #expect(outer.value == 0)
      product(context.float32)
      #expect(outer.value > 0)
    }
    let taken = outer.value
    product(context.float32)
    #expect(outer.value == taken)
  }
}
