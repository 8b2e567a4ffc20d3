import Collectives
import Files
import Foundation
import Matrices
import TestSupport
import Testing
import Training

/// A batch whose rows pass in groups has the bits of one that passes at once: losses, gradients and parameters of a whole iteration.
@Suite struct MicroBatchTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/parity").path
  static let cases = ["basic", "some_anchors_without_positive", "no_anchor_has_a_positive", "uneven_batch"]

  @Test(arguments: cases) func groupsChangeNothing(_ name: String) throws {
    let parityCase = try ParityCase(path: Self.fixtures + "/\(name).safetensors")
    let whole = try parityCase.run(SingleProcess())
    for size in [1, 2, 3, 5, 7] {
      let parts = try parityCase.run(SingleProcess(), microBatchSize: size)
      for (part, all) in zip(parts, whole) {
        #expect(part.name == all.name && elements(part) == elements(all), "\(part.name) in groups of \(size)")
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

  /// Every row is in one group, and a group is no larger than it may be, unless it is a leaf.
  @Test func groupsCoverTheRows() {
    for (rows, leafRows, ranks, most) in [
      (50, 4, 1, 20), (50, 4, 3, 20), (13, 1, 1, 3), (101, 8, 2, 1), (512, 64, 3, 512),
    ] {
      let tree = BatchTree(rowCount: rows, leafRows: leafRows)
      for rank in 0..<ranks {
        let own = RankRows(tree: tree, rank: rank, rankCount: ranks, groupRows: most, ranksOfHost: ranks)
        #expect(own.rows == tree.rows(tree.leaves(rank: rank, rankCount: ranks)))
        #expect(own.largestGroup <= max(leafRows, (most + ranks - 1) / ranks))
        #expect(own.groupCount >= 1)
      }
    }
    #expect(RankRows(tree: BatchTree(rowCount: 50), rank: 0, rankCount: 1, groupRows: 50).groupCount == 1)
  }

  private func elements(_ tensor: Tensor) -> [Double] {
    switch tensor.data {
    case .matrix(let matrix): matrix.elements.map(Double.init)
    case .float64(let values): values
    default: [.nan]
    }
  }
}
