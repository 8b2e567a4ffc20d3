import Datasets
import Evaluation
import Kernels
import Matrices
import Networks

/// How often something happens: every so many iterations or epochs, or never.
package enum Interval: Sendable, Equatable, CustomStringConvertible {
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
package enum Selection: String, Sendable, CaseIterable {
  /// The last one: nothing is selected.
  case last
  /// The one with the highest H on validation rows, which the model does not train on.
  case validation
}

/// Every option of a run, resolved. Names in files and on the command line are those of `Configuration.settings`.
package struct Configuration: Sendable, Equatable {
  package var preset = ""
  package var features = "res101.mat"
  package var classEmbedding = "att_splits.mat"
  package var batchSize = 256
  /// Rows of a leaf of the batch's tree; 0: `BatchTree.automaticLeafRows`.
  package var leafRows = 0
  /// Rows of a host's ranks that pass through the networks at once; 0: `RankRows.automaticGroupRows`.
  package var microBatchSize = 0
  /// MiB of all ranks' projections that a rank may keep while a batch passes in micro-batches.
  package var projectionMemory = 1024
  package var epochs = 100
  /// Stop after so many iterations, whatever the epochs; 0 for no such bound.
  package var maxIterations = 0
  package var learningRate = 1e-4
  package var learningRateDecayEpochs = 0
  /// 0: the descriptor size.
  package var noiseSize = 0
  package var generatorWidth = 4096
  package var criticWidth = 4096
  package var embeddingSize = 2048
  package var projectionSize = 512
  package var comparatorWidth = 2048
  package var embedding = EmbeddingKind.contrastive
  package var instanceWeight = 0.001
  package var classWeight = 0.001
  package var instanceTemperature = 0.1
  package var classTemperature = 0.1
  package var gradientPenaltyWeight = 10.0
  package var semanticMargin = 1.0
  package var criticIterations = 5
  package var accumulateComparatorGradient = false
  package var syntheticPerClass = 100
  package var classifierEpochs = 25
  package var classifierLearningRate = 1e-3
  /// 0: `syntheticPerClass`, as the authors' code has it.
  package var classifierBatchSize = 0
  package var select = Selection.last
  package var evaluateEvery = Interval.never
  package var checkpointEvery = Interval.epochs(10)
  package var keep = 3
  /// Seconds without a sign of life after which a rank ends the run; 0: never.
  package var watchdog = 600
  package var seed = 1
  package var precision = ProductPrecision.float32

  package init() {}

  package var lossSettings: LossSettings {
    var settings = LossSettings()
    settings.gradientPenaltyWeight = Float(gradientPenaltyWeight)
    settings.instanceTemperature = Float(instanceTemperature)
    settings.classTemperature = Float(classTemperature)
    settings.instanceWeight = Float(instanceWeight)
    settings.classWeight = Float(classWeight)
    settings.semanticMargin = Float(semanticMargin)
    settings.accumulatesComparatorGradient = accumulateComparatorGradient
    return settings
  }

  /// How the rows of a batch are summed.
  package var batchTree: BatchTree { BatchTree(rowCount: batchSize, leafRows: leafRows > 0 ? leafRows : nil) }

  /// Every rank computes at least a leaf.
  ///
  /// - Throws: `ConfigurationError.moreRanksThanLeaves`.
  package func requireEnoughLeaves(rankCount: Int) throws {
    guard batchTree.leafCount < rankCount else { return }
    throw ConfigurationError.moreRanksThanLeaves(
      ranks: rankCount, leaves: batchTree.leafCount, leafRows: batchTree.leafRows, batchSize: batchSize)
  }

  package var dataOptions: DataOptions {
    var options = DataOptions()
    options.featureFile = features
    options.classEmbeddingFile = classEmbedding
    options.holdsOutValidation = select == .validation
    options.splitSeed = UInt64(seed)
    return options
  }

  package var classifierSettings: ClassifierSettings {
    ClassifierSettings(
      epochs: classifierEpochs, learningRate: classifierLearningRate,
      batchSize: classifierBatchSize > 0 ? classifierBatchSize : syntheticPerClass)
  }

  /// Widths of the model for data of this size.
  package func modelSizes(feature: Int, attribute: Int) -> ModelSizes {
    ModelSizes(
      feature: feature, attribute: attribute, noise: noiseSize > 0 ? noiseSize : attribute,
      generatorWidth: generatorWidth, criticWidth: criticWidth, embedding: embeddingSize, projection: projectionSize,
      comparatorWidth: comparatorWidth, kind: embedding)
  }
}

/// A configuration that cannot be run.
package enum ConfigurationError: SharedFailure, Equatable {
  case unknownName(name: String, place: String, nearest: String?)
  case badValue(name: String, value: String, expected: String, place: String)
  case unknownPreset(name: String, known: [String])
  case batchLargerThanData(batchSize: Int, rows: Int)
  case moreRanksThanLeaves(ranks: Int, leaves: Int, leafRows: Int, batchSize: Int)

  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    switch self {
    case .unknownName(let name, let place, let nearest):
      "\(place): there is no option '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? ".")
    case .badValue(let name, let value, let expected, let place):
      "\(place): \(name) is '\(value)', but must be \(expected)."
    case .unknownPreset(let name, let known):
      "There is no preset '\(name)'. Known: \(known.joined(separator: ", ")); see 'cegzsl presets'."
    case .batchLargerThanData(let batchSize, let rows):
      "--batch-size \(batchSize) is larger than the \(rows) training rows, and a batch draws without replacement. "
        + "Choose a batch size of at most \(rows)."
    case .moreRanksThanLeaves(let ranks, let leaves, let leafRows, let batchSize):
      "\(ranks) ranks cannot share a batch of \(batchSize) rows in \(leaves) leaves of \(leafRows) rows, as a rank computes whole "
        + "leaves. " + Self.cure(ranks: ranks, batchSize: batchSize)
    }
  }

  /// How so many ranks come by as many leaves.
  private static func cure(ranks: Int, batchSize: Int) -> String {
    var smallest = batchSize
    while BatchTree(rowCount: smallest).leafCount < ranks { smallest += 1 }
    let largerBatch = "--batch-size \(smallest) or more"
    guard ranks <= batchSize else { return "Use \(largerBatch), or at most \(batchSize) ranks." }
    let rows = (1...batchSize).last { (batchSize + $0 - 1) / $0 >= ranks } ?? 1
    return "Use --leaf-rows \(rows) or less (another order of sums: other last digits), \(largerBatch), or fewer ranks."
  }
}
