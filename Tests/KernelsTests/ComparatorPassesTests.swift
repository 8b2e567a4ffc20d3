import Kernels
import Matrices
import TestSupport
import Testing

/// u [N×K], v [S×K], w [1×K] and c [N×S], whose rows sum to 0 as those of a softmax's gradient do.
private struct Pairs {
  let u, v, weight, c: Matrix

  init(rows: Int, classes: Int, units: Int) {
    func padded(_ rows: Int, _ step: Int) -> Matrix {
      let result = paddedMatrix(rows: rows, columns: units)
      fillNormal(result, RandomSource(seed: 11), .demoData, step: step, firstRow: 0)
      return result
    }
    (u, v, weight) = (padded(rows, 1), padded(classes, 2), padded(1, 3))
    c = Matrix(rows: rows, columns: classes)
    fillNormal(c, RandomSource(seed: 11), .demoData, step: 4, firstRow: 0)
    for i in 0..<rows { c[i, i % classes] -= (0..<classes).reduce(0) { $0 + c[i, $1] } }
  }

  func leaky(_ i: Int, _ s: Int, _ k: Int) -> Double {
    let t = Double(u[i, k]) + Double(v[s, k])
    return t > 0 ? t : 0.2 * t
  }

  func slope(_ i: Int, _ s: Int, _ k: Int) -> Double { Double(u[i, k]) + Double(v[s, k]) > 0 ? 1 : 0.2 }
}

/// What the passes make of pairs: du, dv, dw, and du from the pass of the rows alone.
private struct Gradients {
  let du, dv, dWeight, rowsAlone: Matrix

  init(_ pairs: Pairs, leafRows: Int = 64, ranks: Int = 1) {
    func copy(_ x: Matrix) -> Matrix {
      let result = paddedMatrix(rows: x.rowCount, columns: x.columnCount)
      result.copy(from: x)
      return result
    }
    let (classes, units) = (pairs.v.rowCount, pairs.u.columnCount)
    (du, rowsAlone) = (copy(pairs.u), copy(pairs.u))
    (dv, dWeight) = (Matrix(rows: classes, columns: units), Matrix(rows: 1, columns: units))
    // Node by node of the batch's tree, as ranks compute them; then added up.
    let tree = BatchTree(rowCount: pairs.u.rowCount, leafRows: leafRows)
    let nodes = (0..<ranks).flatMap { tree.nodes(covering: tree.leaves(rank: $0, rankCount: ranks)) }
    let parts = nodes.map { node in
      let (sums, products) = (Matrix(rows: classes, columns: units), Matrix(rows: 1, columns: units))
      let rows = tree.rows(node)
      comparatorBackward(
        u: du.rows(rows), v: pairs.v, weight: pairs.weight, c: pairs.c.rows(rows),
        into: ComparatorSums(classes: sums, rowProducts: products), order: tree.order)
      return (sums, products)
    }
    let merges = tree.additions(nodes).merges
    addNodes(parts.map(\.0), merges: merges, into: [dv])
    addNodes(parts.map(\.1), merges: merges, into: [dWeight])
    finishComparator(classSums: dv, v: pairs.v, weight: pairs.weight, dWeight: dWeight)
    comparatorRowGradient(u: rowsAlone, v: pairs.v, weight: pairs.weight, c: pairs.c)
  }
}

@Suite struct ComparatorPassesTests {
  /// Numbers of rows, classes and units beside the blocks that are worked on at once.
  static let shapes = [(1, 1, 1), (2, 3, 16), (3, 4, 31), (4, 5, 33), (5, 9, 70), (9, 2, 64), (33, 40, 100)]

  @Test(arguments: shapes)
  func scoresAreThoseOfPairsUpToATermOfTheRow(_ rows: Int, _ classes: Int, _ units: Int) {
    let pairs = Pairs(rows: rows, classes: classes, units: units)
    let (scores, linear) = (Matrix(rows: rows, columns: classes), Matrix(rows: 1, columns: classes))
    let packed = Matrix(rows: 1, columns: (classes + 3) / 4 * 4 * ((units + 31) / 32 * 32))
    comparatorLinearPart(linear, v: pairs.v, weight: pairs.weight)
    comparatorScores(scores, u: pairs.u, v: pairs.v, weight: pairs.weight, linear: linear, packed: packed)
    for i in 0..<rows {
      let expected = (0..<classes).map { s in
        (0..<units).reduce(0.0) { $0 + Double(pairs.weight[0, $1]) * pairs.leaky(i, s, $1) }
      }
      let shift = expected[0] - Double(scores[i, 0])
      for s in 0..<classes { #expect(abs(Double(scores[i, s]) + shift - expected[s]) < 2e-5, "row \(i), class \(s)") }
    }
  }

  @Test(arguments: shapes)
  func gradientsMatchPlainLoops(_ rows: Int, _ classes: Int, _ units: Int) {
    let pairs = Pairs(rows: rows, classes: classes, units: units)
    let made = Gradients(pairs)
    let (w, c) = (pairs.weight, pairs.c)
    func sum(_ count: Int, _ term: (Int) -> Double) -> Double { (0..<count).reduce(0.0) { $0 + term($1) } }
    let du = (0..<rows).flatMap { i in
      (0..<units).map { k in sum(classes) { Double(w[0, k]) * Double(c[i, $0]) * pairs.slope(i, $0, k) } }
    }
    let dv = (0..<classes).flatMap { s in
      (0..<units).map { k in sum(rows) { Double(w[0, k]) * Double(c[$0, s]) * pairs.slope($0, s, k) } }
    }
    let dWeight = (0..<units).map { k in
      sum(rows) { i in sum(classes) { Double(c[i, $0]) * pairs.leaky(i, $0, k) } }
    }
    // With one class every c is 0, and so is all that follows.
    if classes == 1 {
      #expect([made.du, made.dv, made.dWeight].allSatisfy { $0.copied().elements.allSatisfy { $0 == 0 } })
    } else {
      #expect(compare(made.du.copied(), du).passes(2e-6))
      #expect(compare(made.dv.copied(), dv).passes(2e-6))
      #expect(compare(made.dWeight, dWeight).passes(2e-6))
    }
    #expect(made.rowsAlone.copied().elements == made.du.copied().elements)
    // Several leaves: other sums to rounding, and the same bits whichever rank has which of them.
    let leaves = Gradients(pairs, leafRows: 4)
    if classes > 1 {
      #expect(compare(leaves.dv, dv).passes(2e-6) && compare(leaves.dWeight, dWeight).passes(2e-6))
    }
    for ranks in [2, 3, 5] {
      let shared = Gradients(pairs, leafRows: 4, ranks: ranks)
      #expect(shared.dv.elements == leaves.dv.elements && shared.dWeight.elements == leaves.dWeight.elements)
      #expect(shared.du.copied().elements == made.du.copied().elements)
    }
  }

  /// A unit that is above its kink for all classes, or below, gets exactly nothing: Adam would blow up what rounding leaves.
  @Test(arguments: [Float(100), -100]) func unitsOnOneSideGetExactlyZero(_ offset: Float) {
    let pairs = Pairs(rows: 7, classes: 40, units: 20)
    for i in 0..<7 { for k in 0..<20 { pairs.u[i, k] += offset } }
    let made = Gradients(pairs)
    #expect(made.du.copied().elements.allSatisfy { $0 == 0 } && made.rowsAlone.copied().elements.allSatisfy { $0 == 0 })
  }

  /// A class of probability 10⁻⁷, alone on its side, beside the label's c of −1: a sum that had the label's c in it would keep no
  /// digit of the gradient.
  @Test func aSmallProbabilityKeepsItsDigits() {
    let pairs = Pairs(rows: 1, classes: 5, units: 1)
    let probabilities: [Float] = [0.3, 0, 0.2, 0.1, 1e-7]
    for (s, p) in probabilities.enumerated() { pairs.c[0, s] = p }
    pairs.c[0, 1] = -probabilities.reduce(0, +)
    (pairs.u[0, 0], pairs.weight[0, 0]) = (1, 1)
    for s in 0..<5 { pairs.v[s, 0] = s == 4 ? -2 : 0.01 }
    // Σ_s c·slope with Σ_s c = 0 is −0.8 times the c of the class below.
    #expect(compare(Gradients(pairs).du.copied(), [-0.8e-7]).passes(1e-5))
  }
}
