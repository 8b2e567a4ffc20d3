/// Top-1 accuracy class by class.
package struct PerClassAccuracy: Sendable, Codable, Equatable {
  package struct Row: Sendable, Codable, Equatable {
    /// Class index in the descriptor file, from 0.
    package let classIndex: Int
    package let correct: Int
    package let total: Int
    package var accuracy: Double { total > 0 ? Double(correct) / Double(total) : 0 }
  }

  /// One row per class with test rows, in class order. Classes without any are left out of the mean.
  package let rows: [Row]

  /// Of no row.
  package static let none = PerClassAccuracy(predictions: [], labels: [])

  package init(predictions: [Int], labels: [Int]) {
    precondition(predictions.count == labels.count)
    var counts: [Int: (correct: Int, total: Int)] = [:]
    for (prediction, label) in zip(predictions, labels) {
      let old = counts[label] ?? (0, 0)
      counts[label] = (old.correct + (prediction == label ? 1 : 0), old.total + 1)
    }
    rows = counts.keys.sorted().map { index in
      Row(classIndex: index, correct: counts[index]?.correct ?? 0, total: counts[index]?.total ?? 0)
    }
  }

  /// Mean over classes of per-class accuracy, in 0...1; nil without any class.
  package var mean: Double? {
    rows.isEmpty ? nil : rows.reduce(0) { $0 + $1.accuracy } / Double(rows.count)
  }
}
