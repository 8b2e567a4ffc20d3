import Kernels
import Losses
import Matrices
import Testing

/// What lets the projections of hosts be contrasted in the order in which they arrive.
@Suite struct ContrastOrderTests {
  @Test func sumsOfTheContrastDoNotDependOnTheOrderOfTiles() {
    let (rows, own) = (5000, 300)
    let z = Matrix(rows: rows, columns: 8)
    fillNormal(z, RandomSource(seed: 3), .demoData, step: 0, firstRow: 0)
    normaliseRows(z, norms: Matrix(rows: 1, columns: rows))
    let loss = ContrastiveLoss(temperature: 0.1, context: ProductContext())
    let anchors = ContrastiveAnchors(labels: (0..<rows).map { $0 % 7 })
    let tile = ContrastiveLoss.tileColumns
    let starts = Array(stride(from: 0, to: rows, by: tile))
    func sums(_ order: [Int]) -> [UInt64] {
      var sums = [AnchorSums](repeating: loss.emptySums, count: own)
      for first in order {
        loss.addSums(
          &sums, rows: ContrastRows(z.rows(0..<own), firstIndex: 0),
          block: ContrastRows(z.rows(first..<min(first + tile, rows)), firstIndex: first), anchors: anchors)
      }
      return sums.flatMap { [$0.exponentials.value.bitPattern, $0.positives.value.bitPattern] }
    }
    let inOrder = sums(starts)
    #expect(inOrder.contains { $0 != 0 })
    #expect(sums(starts.reversed()) == inOrder)
    #expect(sums(Array(starts[2...] + starts[..<2])) == inOrder)
  }
}
