import Matrices
import TestSupport
import Testing

@testable import Collectives

@Suite struct MessageDigestTests {
  @Test func everyBitOfAMessageCountsAndNothingElseDoes() {
    let draws = Draws(seed: .random(in: 0...UInt64.max))
    for _ in 0..<20 {
      let wide = (0..<3).map { _ in Matrix(rows: draws.integer(1...4), columns: draws.integer(4...70)) }
      for matrix in wide {
        for r in 0..<matrix.rowCount { for c in 0..<matrix.columnCount { matrix[r, c] = Float(draws.integer(-9...9)) } }
      }
      // Columns 1 and on travel, the first stays.
      let message = wide.map { $0.columns(1..<$0.columnCount) } + [Matrix(rows: 0, columns: 5)]
      let digest = messageDigest(message)
      #expect(digest != 0 && messageDigest(wide.map { $0.columns(1..<$0.columnCount).copied() }) == digest)
      for matrix in wide { matrix[0, 0] += 1 }
      #expect(messageDigest(message) == digest, "seed \(draws.seed)")
      for matrix in message.dropLast() {
        for _ in 0..<40 {
          let (r, c) = (draws.integer(0...matrix.rowCount - 1), draws.integer(0...matrix.columnCount - 1))
          let before = matrix[r, c]
          matrix[r, c] = Float(bitPattern: before.bitPattern ^ 1 << UInt32(draws.integer(0...31)))
          #expect(messageDigest(message) != digest, "seed \(draws.seed), \(r), \(c)")
          matrix[r, c] = before
        }
      }
      #expect(messageDigest(message) == digest)
      message[0][0, 0] = 1
      message[0][0, 1] = 2
      let ordered = messageDigest(message)
      message[0][0, 0] = 2
      message[0][0, 1] = 1
      #expect(messageDigest(message) != ordered, "floats changed places; seed \(draws.seed)")
    }
  }
}
