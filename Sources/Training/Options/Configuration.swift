import Datasets
import Evaluation
import Matrices
import Networks

/// Values of all options; those that nobody set have their defaults.
@dynamicMemberLookup
package struct Configuration: Sendable, Equatable {
  private var values: [String: any SettingValue] = [:]

  package init() {}

  package subscript<Value>(dynamicMember path: KeyPath<Settings, Setting<Value>>) -> Value {
    get {
      let setting = Settings.all[keyPath: path]
      return values[setting.name] as? Value ?? setting.defaultValue
    }
    set { values[Settings.all[keyPath: path].name] = newValue }
  }

  /// Sets options by name.
  ///
  /// - Parameter place: where the values stood, for the message: "command line", or a file's path.
  /// - Throws: `ConfigurationError.unknownName`, `.badValue`.
  package mutating func apply(_ values: [(name: String, value: String)], place: String) throws {
    for (name, text) in values {
      guard let setting = Settings.list.first(where: { $0.name == name }) else {
        throw ConfigurationError.unknownName(
          name: name, place: place, nearest: nearest(name, among: Settings.list.map(\.name)))
      }
      guard let value = setting.value(text) else {
        throw ConfigurationError.badValue(name: name, value: text, expected: setting.expected, place: place)
      }
      self.values[name] = value
    }
  }

  /// Name and printed value of every option.
  package var resolved: [(name: String, value: String)] {
    Settings.list.map { ($0.name, values[$0.name]?.settingText ?? $0.defaultText) }
  }

  /// The options that shape the trajectory, for comparing a checkpoint's run, or another rank's, with this one.
  package var trajectory: [(name: String, value: String)] {
    zip(Settings.list, resolved).filter { !$0.0.mayChangeOnResume }.map(\.1)
  }

  package static func == (a: Configuration, b: Configuration) -> Bool {
    a.resolved.elementsEqual(b.resolved) { $0 == $1 }
  }
}

/// What the parts of a run take from the options.
extension Configuration {
  package var lossSettings: LossSettings {
    LossSettings(
      gradientPenaltyWeight: Float(self.gradientPenaltyWeight), instanceTemperature: Float(self.instanceTemperature),
      classTemperature: Float(self.classTemperature), instanceWeight: Float(self.instanceWeight),
      classWeight: Float(self.classWeight), semanticMargin: Float(self.semanticMargin),
      accumulatesComparatorGradient: self.accumulateComparatorGradient)
  }

  /// Rows that an iteration of so many seconds brings through the networks in a second: those of every critic step and of the generator's.
  package func samplesPerSecond(_ seconds: Double) -> Double {
    Double(self.batchSize * (self.criticIterations + 1)) / seconds
  }

  package var stepOptions: StepOptions {
    var options = StepOptions(criticIterations: self.criticIterations)
    options.groupRows = self.microBatchSize > 0 ? self.microBatchSize : nil
    // A MiB holds 2¹⁸ floats.
    options.gatheredRows = InstanceContrast.blockRows(
      batchSize: self.batchSize, projection: self.projectionSize, mostGathered: self.projectionMemory << 18)
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

  /// A head that cannot do without chosen constants gets them.
  ///
  /// - Throws: `ConfigurationError.headNeedsSelection`.
  package func requireConstants() throws {
    guard self.head.needsSelection, self.select == .last else { return }
    throw ConfigurationError.headNeedsSelection(self.head.rawValue)
  }

  package var dataOptions: DataOptions {
    var options = DataOptions()
    options.featureFile = self.features
    options.classEmbeddingFile = self.classEmbedding
    (options.firstLabel, options.firstRow) = (self.firstLabel, self.firstRow)
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
