import Kernels
import Testing

@Suite struct ExactSumTests {
  /// Terms of any size, in any order; what is not finite stays so.
  @Test func exactSumsAreExact() {
    let terms = [1e9, 3e-20, -1e9, 0.1, 7e8, -3e-20, -7e8, 2.5e-13]
    func sum(_ terms: [Double]) -> Double {
      var sum = ExactSum()
      for term in terms { sum.add(term) }
      return sum.value
    }
    #expect(sum(terms) == sum(terms.reversed()))
    #expect(abs(sum(terms) - (0.1 + 2.5e-13)) < 1e-16)
    #expect(sum(terms + [.infinity]) == .infinity && sum([.nan, 1]).isNaN)
  }
}
