/// What a pass over the iterations is for.
package enum RunPhase: Sendable {
  /// It chooses: its test task is a validation task, and its figures are nobody's results.
  case selecting
  /// It makes the model, with what a first phase chose; nil: nothing was chosen.
  case final(SelectionRecord?)
}

extension RunPhase {
  var isSelecting: Bool {
    if case .selecting = self { true } else { false }
  }
  var choice: SelectionRecord? {
    if case .final(let choice) = self { choice } else { nil }
  }
}
