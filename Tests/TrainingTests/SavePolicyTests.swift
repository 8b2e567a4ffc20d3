import Evaluation
import Testing
import Training

@Suite struct SavePolicyTests {
  /// Epochs of 4 iterations, 20 in all.
  private func policy(
    evaluateEvery: Interval = .never, checkpointEvery: Interval = .never, phase: RunPhase = .final(nil)
  ) -> SavePolicy {
    var configuration = Configuration()
    configuration.evaluateEvery = evaluateEvery
    configuration.checkpointEvery = checkpointEvery
    return SavePolicy(configuration, iterationsPerEpoch: 4, lastIteration: 20, phase: phase)
  }

  private func iterations(_ policy: SavePolicy, _ what: (SavePolicy.Due) -> Bool) -> [Int] {
    (1...20).filter { what(policy.due(after: $0, isStopping: false)) }
  }

  @Test func theLastIterationIsSavedForSureAndEvaluatedBehind() {
    let policy = policy()
    #expect(iterations(policy, \.saves) == [20] && iterations(policy, \.mustSucceed) == [20])
    #expect(iterations(policy, \.evaluates) == [])
    #expect(iterations(self.policy(evaluateEvery: .iterations(5)), \.evaluates) == [5, 10, 15])
  }

  @Test func intervalsOfIterationsAndEpochs() {
    let policy = policy(evaluateEvery: .epochs(2), checkpointEvery: .iterations(7))
    #expect(iterations(policy, \.evaluates) == [8, 16])
    #expect(iterations(policy, \.saves) == [7, 14, 20])
    #expect(iterations(policy, \.mustSucceed) == [20])
    #expect(iterations(self.policy(checkpointEvery: .epochs(1)), \.saves) == [4, 8, 12, 16, 20])
  }

  @Test func whatValidationMayChooseIsSaved() {
    let policy = policy(evaluateEvery: .iterations(6), checkpointEvery: .iterations(9), phase: .selecting)
    #expect(iterations(policy, \.saves) == [6, 9, 12, 18, 20])
  }

  /// Its test rows chose nothing, and are looked at once.
  @Test func whatWasChosenForIsEvaluatedBehindTheLastIteration() {
    let choice = SelectionRecord(
      [
        EvaluationRecord(
          iteration: 4, epoch: 1,
          test: EvaluationResult(
            last: GeneralizedAccuracy(unseen: 0.5, seen: 0.5), history: [], zsl: nil, seenClasses: .none,
            unseenClasses: .none), head: HeadConstants(usual: .softmax))
      ], iterationsPerEpoch: 4, lastIteration: 4)
    let policy = policy(evaluateEvery: .iterations(6), checkpointEvery: .iterations(9), phase: .final(choice))
    #expect(iterations(policy, \.evaluates) == [] && iterations(policy, \.saves) == [9, 18, 20])
  }

  @Test func aSignalSavesAtOnceAndEvaluatesNothing() {
    let policy = policy(evaluateEvery: .iterations(1))
    for iteration in 1...20 {
      let due = policy.due(after: iteration, isStopping: true)
      #expect(!due.evaluates && due.saves && due.mustSucceed, "\(iteration)")
    }
  }

  /// A run that was resumed with fewer iterations than it had.
  @Test func beyondTheLastIteration() {
    #expect(policy().due(after: 25, isStopping: false).mustSucceed)
  }
}
