import Matrices
import TestSupport
import Testing

@Suite struct PhiloxTests {
  /// The known answers published with the Random123 library.
  @Test func knownAnswers() {
    let zero = Philox(seed: 0).words(SIMD4(0, 0, 0, 0))
    #expect(zero == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = Philox(seed: .max).words(SIMD4(repeating: .max))
    #expect(ones == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let pi = Philox(seed: 0x299f_31d0_a409_3822).words(SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344))
    #expect(pi == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func samplesAreDistinctAndSpread() {
    let source = RandomSource(seed: 3)
    var hits = [Int](repeating: 0, count: 50)
    for step in 0..<400 {
      let sample = source.sample(20, below: 50, .batch, step: step)
      #expect(Set(sample).count == 20)
      for i in sample { hits[i] += 1 }
    }
    // 160 expected, standard deviation below 10.
    #expect(hits.allSatisfy { $0 > 100 && $0 < 220 }, "\(hits)")
    #expect(Set(source.sample(50, below: 50, .batch, step: 1)) == Set(0..<50))
    #expect(source.sample(20, below: 50, .batch, step: 1) != source.sample(20, below: 50, .split, step: 1))
  }
}

@Suite struct PartitionTests {
  @Test(arguments: [(10, 3), (3, 5), (0, 2), (64, 1)]) func rowsAreCovered(_ rows: Int, _ ranks: Int) {
    let slices = RowPartition(rowCount: rows, rankCount: ranks).slices
    #expect(slices.flatMap(Array.init) == Array(0..<rows))
    #expect((slices.map(\.count).max() ?? 0) - (slices.map(\.count).min() ?? 0) <= 1)
  }

}

/// The comparator of all other tests must fail where it should.
@Suite struct ComparisonTests {
  @Test func refusals() {
    #expect(compare([1, 2], [1, 2]).passes(0))
    #expect(!compare([1, 2.1], [1, 2]).passes(1e-3))
    #expect(!compare([1, .nan], [1, 2]).passes(.infinity))
    #expect(!compare([1, 2], [1, .nan]).passes(.infinity))
    #expect(!compare([1], [1, 2]).passes(.infinity))
    #expect(!compare([0, 0], [1, 2]).passes(.infinity))
    #expect(compare([0, 0], [0, 0]).passes(0))
    #expect(!compare(Matrix(rows: 1, columns: 2), Matrix(rows: 2, columns: 1)).passes(.infinity))
  }
}
