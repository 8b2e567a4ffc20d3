/// How often rows of a class were answered with which class.
package struct Confusion: Sendable, Equatable {
  package struct Cell: Sendable, Equatable {
    /// Class numbers of the data set.
    package let label: Int
    package let answer: Int
    /// 1 or more.
    package let count: Int
  }

  /// By label, then by answer; pairs that do not occur are not there.
  package let cells: [Cell]

  /// Of all rows of a task, γ subtracted from the scores of seen classes (nil: nothing).
  package init(_ task: ScoredTask, gamma: Double?) {
    var counts: [[Int]: Int] = [:]
    for row in task.seen + task.unseen { counts[[row.label, row.answer(gamma: gamma)], default: 0] += 1 }
    cells = counts.sorted { ($0.key[0], $0.key[1]) < ($1.key[0], $1.key[1]) }
      .map { Cell(label: $0.key[0], answer: $0.key[1], count: $0.value) }
  }
}
