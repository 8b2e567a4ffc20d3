import Datasets
import Files
import Matrices

/// What is said of a run before it begins.
struct RunDescription {
  let lines: [String]

  init(_ trainer: Trainer, _ configuration: Configuration, _ dataset: GZSLDataset, lastIteration: Int) {
    let ranks = trainer.step.communicator.rankCount
    let counts = trainer.step.rankRows.tree.partition(rankCount: ranks).map(\.count)
    let most = counts.max() ?? 0
    let perRank = (counts.min() == most ? "" : "at most ") + "\(most) row\(most == 1 ? "" : "s") each"
    var lines = dataset.notes.map { "note: \($0.forTerminal)" }
    if configuration.batchSize == 1 && configuration.embedding.hasProjection {
      lines.append(
        "note: a batch of 1 row has no contrast: the critic step's instance loss is 0 throughout. Choose a larger --batch-size, or "
          + "--embedding class")
    }
    lines.append(
      "\(dataset.trainingRows.count) training rows of \(dataset.trainingClasses.count) classes, "
        + "\(dataset.test.unseenClasses.count) unseen; batch \(configuration.batchSize) over \(ranks) "
        + "rank(s), \(perRank); \(trainer.iterationsPerEpoch) iterations an epoch, to iteration \(lastIteration)")
    self.lines = lines
  }
}
