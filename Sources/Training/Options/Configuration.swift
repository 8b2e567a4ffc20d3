import Datasets
import Evaluation
import Kernels
import Matrices
import Networks

/// How often something happens: every so many iterations or epochs, or never.
package enum Interval: SettingValue, CustomStringConvertible {
  case never
  case iterations(Int)
  case epochs(Int)

  /// Reads `120`, `5epochs`, `1epoch` or `0` (never).
  package init?(_ text: String) {
    let digits = text.prefix { $0.isNumber }
    guard let count = Int(digits) else { return nil }
    switch text.dropFirst(digits.count).drop(while: { $0 == " " }) {
    case "": self = count == 0 ? .never : .iterations(count)
    case "epoch", "epochs": self = count == 0 ? .never : .epochs(count)
    default: return nil
    }
  }

  package init?(setting text: String) { self.init(text) }
  package var settingText: String { description }

  package var description: String {
    switch self {
    case .never: "0"
    case .iterations(let count): "\(count)"
    case .epochs(let count): "\(count)epochs"
    }
  }

  /// Whether it is due once `iteration` iterations are done.
  package func isDue(after iteration: Int, iterationsPerEpoch: Int) -> Bool {
    switch self {
    case .never: false
    case .iterations(let count): iteration % count == 0
    case .epochs(let count): iteration % (count * iterationsPerEpoch) == 0
    }
  }
}

/// Which evaluation the honest figure comes from.
package enum Selection: String, SettingValue, CaseIterable {
  /// The last one: nothing is selected.
  case last
  /// The one with the highest H on validation rows, which the model does not train on.
  case validation
}

extension EmbeddingKind: SettingValue {}
extension ProductPrecision: SettingValue {}

/// What the parts of a run take from the options.
extension Configuration {
  package var lossSettings: LossSettings {
    var settings = LossSettings()
    settings.gradientPenaltyWeight = Float(self.gradientPenaltyWeight)
    settings.instanceTemperature = Float(self.instanceTemperature)
    settings.classTemperature = Float(self.classTemperature)
    settings.instanceWeight = Float(self.instanceWeight)
    settings.classWeight = Float(self.classWeight)
    settings.semanticMargin = Float(self.semanticMargin)
    settings.accumulatesComparatorGradient = self.accumulateComparatorGradient
    return settings
  }

  /// Rows that an iteration of so many seconds brings through the networks in a second: those of every critic step and of the generator's.
  package func samplesPerSecond(_ seconds: Double) -> Double {
    Double(self.batchSize * (self.criticIterations + 1)) / seconds
  }

  package var stepOptions: StepOptions {
    var options = StepOptions(criticIterations: self.criticIterations)
    options.groupRows = self.microBatchSize > 0 ? self.microBatchSize : nil
    options.mostGathered = self.projectionMemory << 18
    return options
  }

  /// How the rows of a batch are summed.
  package var batchTree: BatchTree {
    BatchTree(rowCount: self.batchSize, leafRows: self.leafRows > 0 ? self.leafRows : nil)
  }

  /// Every rank computes at least a leaf.
  ///
  /// - Throws: `BatchError.moreRanksThanLeaves`.
  package func requireEnoughLeaves(rankCount: Int) throws {
    guard batchTree.leafCount < rankCount else { return }
    throw BatchError.moreRanksThanLeaves(
      ranks: rankCount, leaves: batchTree.leafCount, leafRows: batchTree.leafRows, batchSize: self.batchSize)
  }

  package var dataOptions: DataOptions {
    var options = DataOptions()
    options.featureFile = self.features
    options.classEmbeddingFile = self.classEmbedding
    options.holdsOutValidation = self.select == .validation
    options.splitSeed = UInt64(self.seed)
    return options
  }

  package var classifierSettings: ClassifierSettings {
    ClassifierSettings(
      epochs: self.classifierEpochs, learningRate: self.classifierLearningRate,
      batchSize: self.classifierBatchSize > 0 ? self.classifierBatchSize : self.syntheticPerClass)
  }

  /// Widths of the model for data of this size.
  package func modelSizes(feature: Int, attribute: Int) -> ModelSizes {
    ModelSizes(
      feature: feature, attribute: attribute, noise: self.noiseSize > 0 ? self.noiseSize : attribute,
      generatorWidth: self.generatorWidth, criticWidth: self.criticWidth, embedding: self.embeddingSize,
      projection: self.projectionSize,
      comparatorWidth: self.comparatorWidth, kind: self.embedding)
  }
}
