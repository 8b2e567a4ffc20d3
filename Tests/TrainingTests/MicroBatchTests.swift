import Collectives
import Files
import Foundation
import Matrices
import TestSupport
import Testing
import Training

/// A batch that passes in micro-batches has the gradients of one that passes at once.
@Suite struct MicroBatchTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/parity").path
  static let cases = ["basic", "some_anchors_without_positive", "no_anchor_has_a_positive", "uneven_batch"]

  @Test(arguments: cases) func gradientsAreThoseOfTheWholeBatch(_ name: String) throws {
    let parityCase = try ParityCase(path: Self.fixtures + "/\(name).safetensors")
    let whole = try parityCase.run(SingleProcess())
    for size in [1, 2, 3, 5] {
      let parts = try parityCase.run(SingleProcess(), microBatchSize: size)
      #expect(parts.map(\.name) == whole.map(\.name))
      // The first step's figures come from the same parameters; later ones may differ by what Adam makes of a rounding.
      for (part, all) in zip(parts, whole) where part.name.hasPrefix("critic/0/") {
        let (actual, expected) = (elements(part), elements(all))
        if expected.allSatisfy({ $0 == 0 }) {
          #expect(actual.allSatisfy { $0 == 0 }, "\(part.name) in parts of \(size)")
        } else {
          let result = compare(actual, expected)
          #expect(result.passes(1e-5), "\(part.name) in parts of \(size): \(result)")
        }
      }
    }
  }

  /// Fakes of one step at a time, of two, three, … or of the whole iteration: the same bits.
  @Test(arguments: cases) func fakesAheadChangeNothing(_ name: String) throws {
    let parityCase = try ParityCase(path: Self.fixtures + "/\(name).safetensors")
    let together = try parityCase.run(SingleProcess())
    for steps in 1...4 {
      let apart = try parityCase.run(SingleProcess(), mostRowsAhead: steps * parityCase.batchSize)
      for (a, b) in zip(apart, together) {
        #expect(a.name == b.name && elements(a) == elements(b), "\(a.name), \(steps) steps ahead")
      }
    }
  }

  @Test func cutDependsOnTheBatchAlone() {
    for ranks in [1, 2, 3, 7] {
      let parts = MicroBatches(batchSize: 50, largest: 20, rankCount: ranks)
      #expect(parts.rows == [0..<17, 17..<34, 34..<50])
      let local = (0..<ranks).flatMap { rank in parts.rows.indices.flatMap { parts.localRows($0, rank: rank) } }
      #expect(local.sorted() == Array(0..<50))
    }
    #expect(MicroBatches(batchSize: 50, largest: 50, rankCount: 3).count == 1)
  }

  private func elements(_ tensor: Tensor) -> [Double] {
    switch tensor.data {
    case .matrix(let matrix): matrix.elements.map(Double.init)
    case .float64(let values): values
    default: [.nan]
    }
  }
}
