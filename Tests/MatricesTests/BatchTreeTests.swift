import Matrices
import Testing

/// The sum of a batch by its definition: level by level, neighbours together, a last one without a neighbour as it is.
private func sumByLevels(_ leaves: [Double]) -> Double {
  var level = leaves
  while level.count > 1 {
    var next: [Double] = []
    for i in stride(from: 0, to: level.count, by: 2) {
      next.append(i + 1 < level.count ? level[i] + level[i + 1] : level[i])
    }
    level = next
  }
  return level[0]
}

@Suite struct BatchTreeTests {
  /// At least eight leaves wherever there are as many rows, and never more than 128 rows.
  @Test func leavesFollowFromTheBatch() {
    for rows in 1...5000 {
      let tree = BatchTree(rowCount: rows)
      #expect(tree.leafRows <= 128 && tree.leafCount >= min(8, rows), "\(rows) rows")
    }
    #expect(BatchTree(rowCount: 512).leafRows == 64 && BatchTree(rowCount: 100).leafRows == 8)
    #expect(BatchTree(rowCount: 1 << 18).leafRows == 128)
  }

  /// Random trees and random cuts of them: whoever adds up which leaves, and in groups of whatever size, the sum has the bits of the
  /// definition. The numbers are such that another order gives other bits.
  @Test func anyCutGivesTheSameSum() {
    let seed = UInt64.random(in: 0...UInt64.max)
    let source = RandomSource(seed: seed)
    for trial in 0..<400 {
      func draw(_ bound: Int, _ row: Int) -> Int { source.integer(below: bound, .demoData, step: trial, row: row) }
      let leafRows = 1 + draw(9, 0)
      let rows = 1 + draw(700, 1)
      let tree = BatchTree(rowCount: rows, leafRows: leafRows)
      let leaves = (0..<tree.leafCount).map { leaf in
        Double(source.uniform(.demoData, step: trial, row: 10 + leaf)) * (leaf % 3 == 0 ? 1e9 : 1e-3) - 0.3
      }
      let expected = sumByLevels(leaves)
      #expect(tree.sum(leaves) == expected, "seed \(seed), trial \(trial)")
      // Ranks cut at random places; a rank may be without leaves.
      var cuts = [0, tree.leafCount] + (0..<draw(7, 2)).map { draw(tree.leafCount + 1, 3 + $0) }
      cuts.sort()
      let mostLeaves = 1 + draw(tree.leafCount, 9)
      var sums: [(node: BatchTree.Node, sum: Double)] = []
      for (first, last) in zip(cuts, cuts.dropFirst()) {
        for node in tree.nodes(covering: first..<last) {
          // A rank's node, in parts of at most so many leaves.
          let parts = tree.nodes(covering: node, mostLeaves: mostLeaves)
          #expect(parts.allSatisfy { $0.count <= mostLeaves })
          sums.append((node, add(parts.map { ($0, sumByLevels(Array(leaves[$0]))) }, tree)))
        }
      }
      #expect(sums.flatMap { Array($0.node) } == Array(0..<tree.leafCount))
      #expect(
        add(sums, tree) == expected, "seed \(seed), trial \(trial): \(rows) rows, leaves of \(leafRows), cuts \(cuts)")
    }
  }

  /// As the ranks add: one stack, and in the end one sum.
  private func add(_ sums: [(node: BatchTree.Node, sum: Double)], _ tree: BatchTree) -> Double {
    let (merges, results) = tree.additions(sums.map(\.node))
    var stack: [Double] = []
    for ((_, sum), merges) in zip(sums, merges) {
      stack.append(sum)
      for _ in 0..<merges {
        let last = stack.removeLast()
        stack[stack.count - 1] += last
      }
    }
    #expect(results.count == 1 && stack.count == 1)
    return stack[0]
  }

  @Test(arguments: [1, 2, 3, 4, 5, 7, 16, 100]) func ranksCoverTheBatch(_ ranks: Int) {
    for rows in [1, 3, 8, 100, 512, 1000, 4096] {
      let tree = BatchTree(rowCount: rows)
      let parts = tree.partition(rankCount: ranks)
      #expect(parts.flatMap(Array.init) == Array(0..<rows))
      let counts = (0..<ranks).map { tree.leaves(rank: $0, rankCount: ranks).count }
      // A rank's share is uneven by at most a quarter, or a leaf.
      let even = Double(tree.leafCount) / Double(ranks)
      #expect(counts.allSatisfy { Double($0) <= max(even.rounded(.up), 1.25 * even) })
      if tree.leafCount >= ranks { #expect(counts.allSatisfy { $0 > 0 }) }
      // A power of two of ranks has one node each.
      if ranks & (ranks - 1) == 0 && tree.leafCount % ranks == 0 && tree.leafCount & (tree.leafCount - 1) == 0 {
        #expect((0..<ranks).allSatisfy { tree.nodes(covering: tree.leaves(rank: $0, rankCount: ranks)).count == 1 })
      }
    }
  }
}

extension BatchTreeTests {
  /// Whatever is put on the stack of sums: two become one only where the tree has a node over exactly these two.
  @Test func onlySiblingsHaveAParent() {
    for leafCount in 1...33 {
      let tree = BatchTree(rowCount: leafCount, leafRows: 1)
      // Level by level, as the tree is defined.
      var siblings: Set<[Int]> = []
      var level = (0..<leafCount).map { $0..<$0 + 1 }
      while level.count > 1 {
        level = stride(from: 0, to: level.count, by: 2).map { i in
          guard i + 1 < level.count else { return level[i] }
          siblings.insert([level[i].lowerBound, level[i].upperBound, level[i + 1].upperBound])
          return level[i].lowerBound..<level[i + 1].upperBound
        }
      }
      var wrong: [[Int]] = []
      for first in 0..<leafCount {
        for middle in first + 1..<max(first + 1, leafCount) {
          for end in middle + 1...leafCount {
            let parent = tree.parent(first..<middle, middle..<end)
            let expected = siblings.contains([first, middle, end]) ? first..<end : nil
            if parent != expected { wrong.append([first, middle, end]) }
          }
        }
      }
      #expect(wrong.isEmpty, "\(leafCount) leaves")
    }
  }
}
