/// When a run evaluates and saves. A function of the options and the iteration alone, so that all ranks decide alike.
package struct SavePolicy: Sendable {
  private let evaluateEvery: Interval
  private let checkpointEvery: Interval
  private let phase: RunPhase
  private let iterationsPerEpoch: Int
  private let lastIteration: Int

  /// - Parameters:
  ///   - lastIteration: of the whole run.
  ///   - phase: one that chooses evaluates for that; one for which was chosen looks at the test rows once, in the end.
  package init(_ configuration: Configuration, iterationsPerEpoch: Int, lastIteration: Int, phase: RunPhase) {
    evaluateEvery = configuration.evaluateEvery
    checkpointEvery = configuration.checkpointEvery
    self.phase = phase
    self.iterationsPerEpoch = iterationsPerEpoch
    self.lastIteration = lastIteration
  }

  /// What is due once an iteration is done.
  package struct Due: Sendable, Equatable {
    /// Before the save, if there is one.
    package var evaluates = false
    package var saves = false
    /// The run ends or stops with this save: one that fails must not go unnoticed.
    package var mustSucceed = false
  }

  /// - Parameters:
  ///   - iteration: iterations done, 1 or more.
  ///   - isStopping: a signal asks the run to stop: it saves at once, and evaluates another time.
  package func due(after iteration: Int, isStopping: Bool) -> Due {
    // The last iteration is saved before it is evaluated: a crash meanwhile costs nothing but the evaluation.
    let isLast = iteration >= lastIteration
    var due = Due()
    due.evaluates = phase.choice == nil && isDue(evaluateEvery, iteration) && !isLast && !isStopping
    due.mustSucceed = isStopping || isLast
    // A figure that may be chosen needs its model.
    due.saves = due.mustSucceed || isDue(checkpointEvery, iteration) || (due.evaluates && phase.isSelecting)
    return due
  }

  private func isDue(_ interval: Interval, _ iteration: Int) -> Bool {
    interval.isDue(after: iteration, iterationsPerEpoch: iterationsPerEpoch)
  }
}
