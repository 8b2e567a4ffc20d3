import Collectives
import Foundation
import TestSupport
import Testing
import Training

/// The fixtures' expectations, made by automatic differentiation in Double (`Tests/Fixtures/make_parity.py`), on one rank: whole, in groups
/// of every size, and as ranks on threads.
@Suite struct ParityTests {
  static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/parity").path
  static let cases = [
    "basic", "some_anchors_without_positive", "no_anchor_has_a_positive", "one_class_only", "uneven_batch",
  ]

  @Test(arguments: cases) func agrees(_ name: String) throws {
    let parityCase = try ParityCase(path: Self.fixtures + "/\(name).safetensors")
    for size in [nil, 1, 2, 5] as [Int?] {
      let verdicts = parityCase.compare(try parityCase.run(SingleProcess(), microBatchSize: size))
      #expect(verdicts.count > 30)
      for verdict in verdicts { #expect(verdict.passes, "\(verdict.name): \(verdict.error), groups of \(size ?? 0)") }
    }
  }
}
