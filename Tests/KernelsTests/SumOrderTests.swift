import Kernels
import Matrices
import Testing
import WideLoops

extension VectorLoops {
  /// The wide loops, compiled for a processor without AVX-512.
  static let emulatedWide = VectorLoops(
    name: "avx512 on avx2", panelWidth: WideLoops.panelWidth,
    multiplyStrips: WideLoops.multiplyStrips(_:stripCount:_:terms:stacks:keptSlots:passing:segments:firstTerm:),
    lookUps: LookUps(
      tabulateGroups: WideLoops.tabulateGroups(_:tableSize:_:groupCount:areTriples:),
      addTiles: WideLoops.addTiles(_:slotStride:_:tileCount:_:tableSize:_:indexStride:),
      tabulateNarrow: WideLoops.tabulateNarrow,
      addNarrowTiles: WideLoops.addNarrowTiles(_:tileCount:_:tableSize:_:groupCount:)))

  static let all = available + [emulatedWide]
}

/// The order of sums as `SumOrder` defines it, term by term and level by level; shares nothing with `SumPlan`.
private func sum(_ a: [Float], _ b: [Float], _ order: SumOrder, from start: Float) -> Float {
  func chain(_ terms: Range<Int>, from start: Float) -> Float {
    terms.reduce(start) { $0.addingProduct(a[$1], b[$1]) }
  }
  guard case .batch(let leafRows) = order else { return chain(0..<a.count, from: start) }
  var level = stride(from: 0, to: a.count, by: leafRows).map {
    chain($0..<min($0 + leafRows, a.count), from: 0)
  }
  while level.count > 1 {
    level = stride(from: 0, to: level.count, by: 2).map { $0 + 1 < level.count ? level[$0] + level[$0 + 1] : level[$0] }
  }
  return level[0]
}

/// A product of random shape, strides and kinds; everything follows from the seed.
private struct RandomProduct {
  let m, k, n: Int
  let leftIsTransposed, rightIsTransposed, accumulates: Bool
  let order: SumOrder
  let left, right, start: Matrix
  let labels: [Int]
  let finishNumber: Int

  init(seed: Int) {
    let source = RandomSource(seed: UInt64(seed))
    var draws = 0
    func draw(_ below: Int) -> Int {
      draws += 1
      return source.integer(below: below, .demoData, step: 0, row: draws)
    }
    /// From 1 to 700; one time in three below 20.
    func size() -> Int { draw(3) == 0 ? 1 + draw(19) : 1 + draw(700) }
    (m, k, n) = (size(), size(), size())
    (leftIsTransposed, rightIsTransposed) = (draw(2) == 0, draw(2) == 0)
    order = draw(2) == 0 ? .chain : .batch(leafRows: [1, 2, 3, 5, 16, 64, 100, 600][draw(8)])
    accumulates = order == .chain && draw(3) == 0
    func matrix(_ rows: Int, _ columns: Int, _ step: Int) -> Matrix {
      let (gap, offset) = (draw(4) * 7, draw(3))
      let whole = Matrix(rows: rows, columns: offset + columns + gap)
      fillNormal(whole, source, .demoData, step: step, firstRow: 0)
      return whole.columns(offset..<offset + columns)
    }
    left = leftIsTransposed ? matrix(k, m, 1) : matrix(m, k, 1)
    right = rightIsTransposed ? matrix(n, k, 2) : matrix(k, n, 2)
    start = matrix(m, n, 3)
    labels = (0..<m).map { _ in draw(3) }
    finishNumber = draw(6)
  }

  /// The last step, and what it makes of a sum at a place of the result.
  var finish: (ProductFinish, (Float, Int, Int) -> Float) {
    let other = Matrix(rows: max(m, 3), columns: n)
    fillNormal(other, RandomSource(seed: 3), .demoData, step: 4, firstRow: 0)
    let own = other.rows(0..<m)
    func leaky(_ x: Float) -> Float { x * (x > 0 ? 1 : 0.2) }
    switch finishNumber {
    case 0: return (.bias(other.rows(0..<1)), { x, _, c in x + other[0, c] })
    case 1: return (.biasReLU(other.rows(0..<1)), { x, _, c in max(x + other[0, c], 0) })
    case 2:
      return (
        .classLeakyReLU(base: other.rows(0..<3), labels: labels), { x, r, c in leaky(x + other[labels[r], c]) }
      )
    case 3: return (.reluBackward(output: own), { x, r, c in own[r, c] > 0 ? x : 0 })
    case 4: return (.leakyReLUBackward(output: own), { x, r, c in x * (own[r, c] > 0 ? 1 : 0.2) })
    default: return (.none, { x, _, _ in x })
    }
  }

  func run(_ loops: VectorLoops, threads: Int, finish: ProductFinish) -> Matrix {
    let before = ThreadPool.threadCount
    ThreadPool.setThreadCount(threads)
    defer { ThreadPool.setThreadCount(before) }
    // A block of a larger matrix, whose other elements stay as they are.
    let whole = Matrix(rows: m + 1, columns: n + 3)
    whole.fill(7)
    let result = whole.rows(0..<m).columns(1..<n + 1)
    if accumulates { result.copy(from: start) }
    switch (leftIsTransposed, rightIsTransposed) {
    case (false, false): multiply(left, right)
    case (false, true): multiply(left, right.transposed)
    case (true, false): multiply(left.transposed, right)
    case (true, true): multiply(left.transposed, right.transposed)
    }
    func multiply(_ a: some ProductOperand, _ b: some ProductOperand) {
      ProductContext(loops: loops).multiply(
        into: result, a, b, accumulate: accumulates, order: order, finish: finish)
    }
    #expect(
      whole.rows(m..<m + 1).elements.allSatisfy { $0 == 7 }
        && (0..<m).allSatisfy { whole[$0, 0] == 7 && whole[$0, n + 1] == 7 && whole[$0, n + 2] == 7 })
    return result.copied()
  }

  /// The element's factors.
  func factors(_ r: Int, _ c: Int) -> ([Float], [Float]) {
    (
      (0..<k).map { leftIsTransposed ? left[$0, r] : left[r, $0] },
      (0..<k).map { rightIsTransposed ? right[c, $0] : right[$0, c] }
    )
  }
}

@Suite struct SumOrderTests {
  /// Hundreds of random products on one to four threads and with all loops: the whole results have the same bits, and elements at
  /// random places and in all corners are those of the definition.
  @Test(arguments: 0..<300) func productsFollowTheDefinition(seed: Int) {
    let product = RandomProduct(seed: seed)
    let (finish, finished) = product.finish
    let (m, n) = (product.m, product.n)
    let result = product.run(.avx2, threads: 1 + seed % 4, finish: finish)
    for (number, loops) in VectorLoops.all.enumerated() {
      let other = product.run(loops, threads: 1 + (seed + number + 1) % 4, finish: finish)
      let isSame = zip(result.elements, other.elements).allSatisfy { $0.bitPattern == $1.bitPattern }
      #expect(isSame, "seed \(seed): \(loops.name) has other bits")
    }
    var places = [(0, 0), (m - 1, n - 1), (m - 1, 0), (0, n - 1)]
    for i in 0..<40 { places.append(((i * 7919 + seed) % m, (i * 104_729 + seed) % n)) }
    for (r, c) in places {
      let (a, b) = product.factors(r, c)
      let expected = finished(sum(a, b, product.order, from: product.accumulates ? product.start[r, c] : 0), r, c)
      let isSame = result[r, c] == expected && expected.isFinite
      #expect(isSame, "seed \(seed): element (\(r), \(c)) is \(result[r, c]), not \(expected)")
      if !isSame { return }
    }
    #expect(m * n < 20 || result.elements.contains { $0 != 0 })
  }

  /// A row of a product does not depend on the rows beside it, and neither does a unit of a weight gradient.
  @Test(arguments: [(1600, 2080, 512), (1100, 800, 1030), (257, 40, 333)])
  func slicesHaveTheBitsOfTheWhole(_ m: Int, _ k: Int, _ n: Int) {
    let source = RandomSource(seed: 11)
    let (a, b) = (Matrix(rows: m, columns: k), Matrix(rows: n, columns: k))
    fillNormal(a, source, .demoData, step: 3, firstRow: 0)
    fillNormal(b, source, .demoData, step: 4, firstRow: 0)
    let (whole, gradient) = (Matrix(rows: m, columns: n), Matrix(rows: k, columns: n))
    let context = ProductContext()
    context.multiply(into: whole, a, b.transposed)
    context.multiply(into: gradient, a.transposed, whole, order: BatchTree(rowCount: m).order)
    for parts in [2, 3, 7, 40] {
      let (pieces, shared) = (Matrix(rows: m, columns: n), Matrix(rows: k, columns: n))
      for slice in RowPartition(rowCount: m, rankCount: parts).slices {
        context.multiply(into: pieces.rows(slice), a.rows(slice), b.transposed)
      }
      for units in RowPartition(rowCount: k, rankCount: parts).slices where !units.isEmpty {
        context.multiply(
          into: shared.rows(units), a.columns(units).transposed, whole, order: BatchTree(rowCount: m).order)
      }
      let isSame = pieces.elements == whole.elements && shared.elements == gradient.elements
      #expect(isSame, "\(parts) slices")
    }
  }

  /// Every term is in one segment, blocks follow one another, and the last segment leaves one sum.
  @Test func plansCoverTheirTerms() {
    for terms in [1, 2, 63, 64, 65, 384, 385, 512, 513, 1000, 2048, 4097] {
      for order in [.chain] + [1, 64, 100, 900].map(SumOrder.batch(leafRows:)) {
        let plan = SumPlan(order, termCount: terms, accumulate: false, blockTerms: 384)
        var next = 0
        for segment in plan.segments {
          #expect(segment.first == next && segment.count > 0)
          #expect(segment.slot < plan.keptSlots + plan.passingSlots && segment.merges <= segment.slot)
          next += segment.count
        }
        #expect(next == terms && plan.segments.last.map { $0.slot - $0.merges } == 0)
        let (ends, segmentEnds) = (plan.blocks.map(\.terms), plan.blocks.map(\.segments))
        #expect(ends.reduce(0) { $1.lowerBound == $0 && $1.count <= 384 ? $1.upperBound : -1 } == terms)
        #expect(segmentEnds.reduce(0) { $1.lowerBound == $0 ? $1.upperBound : -1 } == plan.segments.count)
      }
    }
  }

  /// Look-ups are sums and additions in both widths.
  @Test func lookUpsHaveTheSameBits() {
    let members = Matrix(rows: 4 * 6, columns: 16)
    fillNormal(members, RandomSource(seed: 2), .demoData, step: 1, firstRow: 0)
    let indices = (0..<(4 * 48)).map { UInt8(($0 * 7) % 36) }
    let results = VectorLoops.all.map { loops in
      [false, true].map { areTriples in
        let size = (areTriples ? 36 : 64) * 16
        let (tables, sums) = (Matrix(rows: 1, columns: 4 * size), Matrix(rows: 48, columns: 16))
        loops.lookUps.tabulateGroups(tables.start, size, members.start, 4, areTriples)
        let segment = SumSegment(first: 0, count: 4, slot: 0, continues: true, merges: 0)
        indices.withUnsafeBufferPointer {
          loops.lookUps.addTiles(sums.start, 0, segment, 3, tables.start, size, $0.baseAddress!, 64)
        }
        return sums.elements
      }
    }
    #expect(results.allSatisfy { $0 == results[0] } && results[0][0].contains { $0 != 0 })
  }

  /// All tiles of a product, none twice, on any grid of threads.
  @Test func threadGridsCoverTheProduct() {
    for (strips, panels, threads) in [(1, 1, 4), (2, 3, 4), (86, 4, 16), (5, 100, 7), (171, 33, 2), (3, 1, 16)] {
      let grid = ThreadGrid(strips: strips, panels: panels, threads: threads)
      let chunks = grid.chunks(panels: panels, most: 8)
      var tiles = Set<Int>()
      var count = 0
      for row in 0..<grid.rows {
        let own = grid.strips(row * grid.columns, of: strips)
        for panel in chunks.slices.joined() { for s in own { tiles.insert(s * panels + panel) } }
        count += own.count * panels
      }
      #expect(grid.threadCount <= threads && tiles.count == strips * panels && count == tiles.count)
      #expect(chunks.largestSlice <= 8 && chunks.rankCount >= min(panels, grid.columns))
    }
  }
}
