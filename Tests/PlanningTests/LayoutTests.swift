import Collectives
import Networks
import Testing
import Training

@testable import Planning

/// A batch and its ranks, from a seed.
private func layout(_ seed: UInt64) -> Layout {
  var state = seed
  func draw(_ range: ClosedRange<Int>) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return range.lowerBound + Int(state >> 33) % (range.upperBound - range.lowerBound + 1)
  }
  var configuration = Configuration()
  configuration.batchSize = 1 << draw(0...16) + draw(0...200)
  configuration.leafRows = draw(0...3) == 0 ? 0 : 1 << draw(0...7)
  configuration.microBatchSize = draw(0...1) * draw(1...configuration.batchSize)
  configuration.projectionMemory = draw(0...1) * 32
  configuration.criticIterations = draw(1...7)
  let network = Network(linkBandwidth: 1, linkLatency: 0, ranksPerHost: draw(1...4), messageSecondsPerByte: 0)
  let ranks = draw(1...min(40, configuration.batchTree.leafCount))
  return Layout(
    configuration, sizes: configuration.modelSizes(feature: 2048, attribute: 85), classCount: 40,
    hosts: network.hosts(ranks: ranks), rank: draw(0...ranks - 1))
}

@Suite struct LayoutTests {
  /// What a rank exchanges when depends on the nodes of its rows and of its host's, on groups, fakes ahead, and blocks.
  @Test func aShrunkBatchIsExchangedAlike() {
    for seed in 0..<2000 {
      let real = layout(UInt64(seed))
      let (small, place) = (real.shrunk, "seed \(seed): \(real)")
      #expect(small.hosts == real.hosts && small.rank == real.rank)
      func nodes(_ layout: Layout, _ ranks: Range<Int>) -> Int {
        let leaves = ranks.map { layout.tree.leaves(rank: $0, rankCount: layout.rankCount) }
        return layout.tree.nodes(covering: leaves[0].lowerBound..<leaves[ranks.count - 1].upperBound).count
      }
      for host in real.hosts.ranks {
        #expect(nodes(real, host) == nodes(small, host), "\(place)")
        for rank in host { #expect(nodes(real, rank..<rank + 1) == nodes(small, rank..<rank + 1), "\(place)") }
      }
      let (own, few) = (real.rankRows, small.rankRows)
      #expect(few.rows.count <= 16 && !few.rows.isEmpty)
      #expect((own.groupCount == 1) == (few.groupCount == 1) && few.groupCount <= 8, "\(place)")
      func steps(_ layout: Layout, _ rows: RankRows) -> Int {
        FakesAhead.stepCount(
          rowCount: rows.largestGroup, mostSteps: layout.criticIterations + 1, mostRows: layout.mostRowsAhead)
      }
      if own.groupCount == 1 { #expect(steps(real, own) == steps(small, few), "\(place)") }
      // Of one set and of two. Few rows are no more blocks than rows.
      for sets in [1, 2] {
        func blocks(_ layout: Layout) -> Double {
          let rows = Double(sets * layout.batchSize)
          return max(1, rows / Double(layout.gatheredRows ?? 2 * layout.batchSize))
        }
        let (many, some) = (blocks(real), blocks(small))
        #expect((many > 1) == (some > 1) && some < 1.3 * many, "\(place), \(sets) sets: \(many), \(some)")
      }
    }
  }

  @Test func thousandsOfHostsBecomeATraceableNumber() {
    var configuration = Configuration()
    configuration.batchSize = 1 << 22
    let network = Network(linkBandwidth: 1, linkLatency: 0, ranksPerHost: 2, messageSecondsPerByte: 0)
    let real = Layout(
      configuration, sizes: configuration.modelSizes(feature: 2048, attribute: 85), classCount: 40,
      hosts: network.hosts(ranks: 8192))
    let small = real.shrunk
    #expect(small.hosts.count == 1024 && small.rankCount == 2048)
    #expect(small.rankRows.rows.count == 8 && small.tree.leafCount == 4 * 2048)
  }
}
