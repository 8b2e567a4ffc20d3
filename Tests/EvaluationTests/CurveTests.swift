import Evaluation
import Matrices
import TestSupport
import Testing

/// The seen-unseen curve, γ and confusion against counts for every γ.
@Suite struct CurveTests {
  /// Random scores with many ties, classes without rows, and rows of every class.
  private struct World {
    let scores: [Matrix]
    let labels: [[Int]]
    let seen = [0, 2, 3, 6]
    let unseen = [1, 5, 7]

    init(_ draws: Draws, rows: Int = 40) {
      scores = (0..<2).map { _ in
        let scores = Matrix(rows: rows, columns: 8)
        for r in 0..<rows { for c in 0..<8 { scores[r, c] = Float(draws.integer(-6...6)) / 4 } }
        return scores
      }
      labels = [draws.labels(rows, below: 3).map { [0, 2, 6][$0] }, draws.labels(rows, below: 2).map { [1, 7][$0] }]
    }

    var task: ScoredTask {
      func rows(_ k: Int) -> [ScoredRow] { scoredRows(scores[k], labels: labels[k], seen: seen, unseen: unseen) }
      return ScoredTask(seen: rows(0), unseen: rows(1))
    }

    /// The class with the highest score once γ is subtracted from seen ones; at a tie of both kinds an unseen one.
    func answers(_ k: Int, gamma: Float) -> [Int] {
      (0..<scores[k].rowCount).map { r in
        (unseen + seen).max { a, b in
          func key(_ c: Int) -> (Float, Int, Int) {
            let isSeen = seen.contains(c)
            return (scores[k][r, c] - (isSeen ? gamma : 0), isSeen ? 0 : 1, -c)
          }
          return key(a) < key(b)
        } ?? -1
      }
    }

    func accuracy(gamma: Float) -> GeneralizedAccuracy {
      let means = (0..<2).map { PerClassAccuracy(predictions: answers($0, gamma: gamma), labels: labels[$0]).mean }
      return GeneralizedAccuracy(unseen: means[1], seen: means[0])
    }
  }

  @Test func everyPointIsCounted() {
    let draws = Draws(seed: .random(in: 0...UInt64.max))
    for _ in 0..<40 {
      let world = World(draws)
      let task = world.task
      let curve = SeenUnseenCurve(task)
      // Margins are multiples of a quarter: every interval between them once, and both ends.
      let gammas = stride(from: Float(-3.625), through: 3.625, by: 0.25)
      var expected: [GeneralizedAccuracy] = []
      for gamma in gammas {
        let accuracy = world.accuracy(gamma: gamma)
        #expect(task.accuracy(gamma: Double(gamma)) == accuracy, "seed \(draws.seed)")
        if expected.last != accuracy { expected.append(accuracy) }
      }
      // An interval in which nothing changed has no point of its own.
      #expect(curve.points.count == expected.count, "seed \(draws.seed)")
      for (point, accuracy) in zip(curve.points, expected) {
        #expect(abs(point.unseen - (accuracy.unseen ?? 9)) < 1e-12 && abs(point.seen - (accuracy.seen ?? 9)) < 1e-12)
        let there = task.accuracy(gamma: point.gamma)
        #expect(abs(point.harmonic - (there.harmonic ?? 9)) < 1e-12, "γ is not in its interval; seed \(draws.seed)")
      }
      var area = 0.0
      for (a, b) in zip(expected, expected.dropFirst()) {
        area += ((a.seen ?? 0) - (b.seen ?? 0)) * ((a.unseen ?? 0) + (b.unseen ?? 0)) / 2
      }
      #expect(abs(curve.area - area) < 1e-12 && area > 0, "seed \(draws.seed)")
      #expect(abs(curve.best.harmonic - (expected.compactMap(\.harmonic).max() ?? 0)) < 1e-12)
      #expect(curve.points.first?.unseen == 0 && curve.points.last?.seen == 0)
    }
  }

  /// Each class's area is that of a task with its unseen rows alone, and their mean is AUSUC.
  @Test func areasOfClassesMakeTheWhole() throws {
    let draws = Draws(seed: .random(in: 0...UInt64.max))
    for _ in 0..<40 {
      let task = World(draws).task
      let areas = task.areasOfUnseenClasses
      let alone = [1, 7].map { label in
        SeenUnseenCurve(ScoredTask(seen: task.seen, unseen: task.unseen.filter { $0.label == label })).area
      }
      try #require(areas.count == 2)
      #expect(zip(areas, alone).allSatisfy { abs($0 - $1) < 1e-12 } && areas.contains { $0 > 0 }, "seed \(draws.seed)")
      #expect(abs((areas[0] + areas[1]) / 2 - (task.ausuc ?? 9)) < 1e-12, "seed \(draws.seed)")
      #expect(ScoredTask(seen: [], unseen: task.unseen).areasOfUnseenClasses == [])
    }
  }

  /// Without γ the answers are the highest scores, of equal ones the first, whatever their kind.
  @Test func plainAnswersAreTheHighestScores() {
    let world = World(Draws(seed: 3))
    let candidates = (world.seen + world.unseen).sorted()
    for (rows, scores) in zip([world.task.seen, world.task.unseen], world.scores) {
      #expect(rows.map { $0.answer(gamma: nil) } == highestScores(scores, among: candidates))
    }
    let answers = highestScores(world.scores[1], among: world.unseen)
    #expect(world.task.zsl == PerClassAccuracy(predictions: answers, labels: world.labels[1]).mean)
  }

  @Test func confusionCountsEveryRow() {
    let world = World(Draws(seed: 5))
    let gamma: Float = 0.375
    let cells = Confusion(world.task, gamma: Double(gamma)).cells
    #expect(cells.map(\.count).reduce(0, +) == 80 && cells.allSatisfy { $0.count > 0 })
    for cell in cells {
      let count = (0..<2).reduce(0) { sum, k in
        sum + zip(world.labels[k], world.answers(k, gamma: gamma)).count { $0 == cell.label && $1 == cell.answer }
      }
      #expect(cell.count == count)
    }
    #expect(
      cells.map { [$0.label, $0.answer] }
        == cells.map { [$0.label, $0.answer] }.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) })
  }

  /// A perfect method has area 1, one that never answers an unseen class right 0; halves may be missing.
  @Test func extremes() {
    func row(_ label: Int, _ seen: Int, _ unseen: Int, _ margin: Double) -> ScoredRow {
      let scores = Matrix(rows: 1, columns: 4, elements: [0, 0, 0, 0])
      scores[0, seen] = 1 + Float(margin)
      scores[0, unseen] = 1
      return scoredRows(scores, labels: [label], seen: [0, 1], unseen: [2, 3])[0]
    }
    let seen = [row(0, 0, 2, 0.5), row(1, 1, 3, 0.75)]
    #expect(SeenUnseenCurve(ScoredTask(seen: seen, unseen: [row(2, 0, 2, -0.5), row(3, 1, 3, 0.25)])).area == 1)
    let wrong = SeenUnseenCurve(ScoredTask(seen: seen, unseen: [row(2, 0, 3, -0.5)]))
    #expect(wrong.area == 0 && wrong.best.harmonic == 0)
    #expect(SeenUnseenCurve(ScoredTask(seen: [], unseen: [])).points.count == 1)
    #expect(SeenUnseenCurve(ScoredTask(seen: seen, unseen: [])).area == 0)
  }

  @Test func thinningKeepsBothEndsAndTheShape() {
    let curve = SeenUnseenCurve(World(Draws(seed: 8), rows: 400).task)
    let draws = Draws(seed: 4)
    let long = SeenUnseenCurve(
      ScoredTask(
        seen: (0..<3000).map { _ in noisy(draws, [0, 1]) }, unseen: (0..<3000).map { _ in noisy(draws, [2, 3]) }))
    #expect(curve.thinned(400) == curve.points && long.points.count > 2000)
    let thin = long.thinned(400)
    #expect(thin.count <= 400 && thin.count > 380 && thin.first == long.points.first && thin.last == long.points.last)
    #expect(zip(thin, thin.dropFirst()).allSatisfy { $0.gamma < $1.gamma })
    // No step is much longer than an even one.
    for (a, b) in zip(thin, thin.dropFirst()) { #expect(a.seen - b.seen + b.unseen - a.unseen < 0.02) }
  }

  private func noisy(_ draws: Draws, _ classes: [Int]) -> ScoredRow {
    let scores = Matrix(rows: 1, columns: 4, elements: draws.numbers(4).map { Float($0) })
    let label = classes[draws.integer(0...1)]
    scores[0, label] += 1
    return scoredRows(scores, labels: [label], seen: [0, 1], unseen: [2, 3])[0]
  }
}
