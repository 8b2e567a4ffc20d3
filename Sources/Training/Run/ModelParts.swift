import Checkpoints
import Datasets
import Evaluation
import Models

/// What a checkpoint keeps besides the state of training, so that its model can be used without the data set.
package struct ModelParts {
  private let dataset: GZSLDataset
  private let configuration: Configuration
  private let programVersion: String

  package init(dataset: GZSLDataset, configuration: Configuration, programVersion: String) {
    self.dataset = dataset
    self.configuration = configuration
    self.programVersion = programVersion
  }

  /// What needs no evaluation.
  package func classes() throws -> CheckpointPart { try ClassesFile(dataset).part() }

  /// The classifiers of an evaluation.
  ///
  /// - Parameters:
  ///   - iteration: iterations done.
  ///   - epoch: of the last of them, from 1.
  package func classifier(_ evaluated: Evaluated, iteration: Int, epoch: Int) throws -> CheckpointPart {
    let options = configuration.trajectory + configuration.classifierOptions
    let maker = ClassifierFile.Maker(
      programVersion: programVersion, iteration: iteration, epoch: epoch, datasetDigest: dataset.contentDigest,
      options: Dictionary(uniqueKeysWithValues: options.map { ($0.name, $0.value) }))
    return try ClassifierFile(evaluated, maker: maker).part()
  }
}

extension Configuration {
  /// The options that shape the final classifiers and not the trajectory.
  package var classifierOptions: [(name: String, value: String)] {
    let all = Settings.all
    let names = [
      all.syntheticPerClass.name, all.classifierEpochs.name, all.classifierLearningRate.name,
      all.classifierBatchSize.name, all.head.name,
    ]
    return resolved.filter { names.contains($0.name) }
  }
}
