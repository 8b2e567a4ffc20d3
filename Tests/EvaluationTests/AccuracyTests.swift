import Evaluation
import TestSupport
import Testing

@Suite struct AccuracyTests {
  @Test func meansAreOverClasses() {
    // Class 1: 1 of 4, class 2: 1 of 1; the mean over rows would be 2 of 5.
    let table = PerClassAccuracy(predictions: [1, 2, 2, 2, 2], labels: [1, 1, 1, 1, 2])
    #expect(table.mean == 0.625)
    #expect(PerClassAccuracy(predictions: [], labels: []).mean == nil)
    #expect(GeneralizedAccuracy(unseen: nil, seen: 0.5).harmonic == nil)
    #expect(GeneralizedAccuracy(unseen: nil, seen: 0.5).merit == 0.5)
    #expect(GeneralizedAccuracy(unseen: 0, seen: 0).harmonic == 0)
    #expect(GeneralizedAccuracy(unseen: 0.5, seen: 0.25).harmonic == 1.0 / 3)
    #expect(GeneralizedAccuracy(unseen: 0.5, seen: 0).harmonic == 0)
  }

  /// A class that is predicted but has no test rows is neither in the table nor in the mean; one that is never predicted is.
  @Test func classesWithoutRowsDoNotCount() {
    let table = PerClassAccuracy(predictions: [7, 3, 9, 3], labels: [3, 3, 5, 3])
    #expect(table.rows.map { [$0.classIndex, $0.correct, $0.total] } == [[3, 2, 3], [5, 0, 1]])
    #expect(table.rows.map(\.accuracy) == [2.0 / 3, 0])
    #expect(table.mean == 1.0 / 3)
  }

  /// Random answers against counts class by class.
  @Test func tablesAreCounts() {
    let draws = Draws(seed: .random(in: 0...UInt64.max))
    for trial in 0..<100 {
      let (rows, classes) = (draws.integer(0...60), draws.integer(1...12))
      let (labels, predictions) = (draws.labels(rows, below: classes), draws.labels(rows, below: classes + 3))
      let table = PerClassAccuracy(predictions: predictions, labels: labels)
      var expected: [[Int]] = []
      var accuracies: [Double] = []
      for c in 0..<classes where labels.contains(c) {
        let own = labels.indices.filter { labels[$0] == c }
        let correct = own.count { predictions[$0] == c }
        expected.append([c, correct, own.count])
        accuracies.append(Double(correct) / Double(own.count))
      }
      #expect(
        table.rows.map { [$0.classIndex, $0.correct, $0.total] } == expected, "seed \(draws.seed), trial \(trial)")
      let mean = accuracies.isEmpty ? nil : accuracies.reduce(0, +) / Double(accuracies.count)
      #expect(
        mean == nil ? table.mean == nil : abs((table.mean ?? .nan) - (mean ?? .nan)) < 1e-12,
        "seed \(draws.seed), trial \(trial)")
    }
  }

  /// Of epochs that are equally good the first: it takes least.
  @Test func theBestEpochIsTheFirstOfTheBest() {
    func result(_ history: [GeneralizedAccuracy]) -> EvaluationResult {
      let none = PerClassAccuracy(predictions: [], labels: [])
      return EvaluationResult(
        last: GeneralizedAccuracy(unseen: 0.125, seen: 0.125), history: history, zsl: 0, seenClasses: none,
        unseenClasses: none)
    }
    let epochs = [(0.25, 0.25), (0.5, 0.25), (0.25, 0.5), (0, 1)].map { GeneralizedAccuracy(unseen: $0.0, seen: $0.1) }
    #expect(result(epochs).bestEpoch == 2 && result(epochs).best == epochs[1])
    #expect(result(epochs.reversed()).bestEpoch == 2)
    #expect(result([]).best == GeneralizedAccuracy(unseen: 0.125, seen: 0.125))
  }
}
