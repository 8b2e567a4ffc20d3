import Foundation
import Kernels
import Matrices
import Testing

/// Messages move on within products: without breaks training is right, but slow, and no other test would tell.
@Suite struct ProductBreaksTests {
  private final class Count: @unchecked Sendable {
    var value = 0
    var breaks: ProductBreaks {
      ProductBreaks { [self] in
        value += 1
        return true
      }
    }
  }

  private func product() {
    let (a, b) = (Matrix(rows: 256, columns: 512), Matrix(rows: 512, columns: 4096))
    multiply(into: Matrix(rows: 256, columns: 4096), a, b)
  }

  private func lookUp() {
    let slopes = SlopeMatrix(words: Matrix(rows: 512, columns: SlopeMatrix.wordCount(512)), unitCount: 512)
    let weight = Matrix(rows: 1, columns: 512)
    slopeInputGradient(
      into: Matrix(rows: 512, columns: 1024), slopes, .real, weight: weight, matrix: Matrix(rows: 512, columns: 1024),
      factor: 1)
  }

  @Test func largeProductsTakeSeveral() {
    for work in [product, lookUp] {
      let count = Count()
      ProductBreaks.during(count.breaks, work)
      #expect(count.value >= 3)
    }
  }

  @Test func onlyWhatIsWithinTakesThem() {
    let (outer, inner) = (Count(), Count())
    product()
    ProductBreaks.during(outer.breaks) {
      ProductBreaks.during(inner.breaks, product)
      #expect(outer.value == 0 && inner.value > 0)
      ProductBreaks.during(nil, product)
      #expect(outer.value == 0)
      // Another thread's products are not this one's.
      let other = Thread { product() }
      other.start()
      while !other.isFinished { usleep(1000) }
      #expect(outer.value == 0)
      product()
      #expect(outer.value > 0)
    }
    let taken = outer.value
    product()
    #expect(outer.value == taken)
  }
}
