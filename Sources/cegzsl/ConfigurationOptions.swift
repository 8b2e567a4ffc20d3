import ArgumentParser
import Foundation
import Matrices
import Training
import Yams

/// The options that shape a run, by the names of `Configuration.settings`. Unset ones come from the file, the preset, or
/// the default, in this order.
struct ConfigurationOptions: ParsableArguments {
  @Option(help: "Published settings of a benchmark: see 'cegzsl presets'.")
  var preset: String?
  @Option(help: ArgumentHelp("Options from a YAML file, 'name: value' per line.", valueName: "file.yaml"))
  var config: String?

  @Option(help: "Feature file in the data folder (default: res101.mat).")
  var features: String?
  @Option(help: "Descriptor file in the data folder, e.g. sent_splits.mat (default: att_splits.mat).")
  var classEmbedding: String?
  @Option(help: "Rows of a batch over all ranks together (default: 256).")
  var batchSize: String?
  @Option(
    help:
      "Rows whose activations are in memory at once on a host: more pass in parts; 0: about 4 GiB (default). No figure depends on it."
  )
  var microBatchSize: String?
  @Option(
    help:
      "Rows that are summed one after the other before sums are added pairwise: a rank computes whole leaves of so many; 0: 1 to 128, at least eight leaves (default)."
  )
  var leafRows: String?
  @Option(
    help:
      "MiB for the projections of all ranks when a batch passes in parts; beyond, they are gathered twice, part by part (default: 1024)."
  )
  var projectionMemory: String?
  @Option(help: "Epochs of ceil(training rows / batch size) iterations (default: 100).")
  var epochs: String?
  @Option(help: "Stop after so many iterations, whatever the epochs; 0: no bound (default).")
  var maxIterations: String?
  @Option(help: "Adam's step size for both groups (default: 0.0001).")
  var learningRate: String?
  @Option(help: "Multiply the learning rates by 0.99 every so many epochs; 0: never (default).")
  var learningRateDecayEpochs: String?
  @Option(help: "Size of the generator's noise; 0: the descriptor size (default).")
  var noiseSize: String?
  @Option(help: "Hidden width of the generator (default: 4096).")
  var generatorWidth: String?
  @Option(help: "Hidden width of the critic (default: 4096).")
  var criticWidth: String?
  @Option(help: "Width of the embedding h (default: 2048).")
  var embeddingSize: String?
  @Option(help: "Width of the projection z (default: 512).")
  var projectionSize: String?
  @Option(help: "Hidden width of the comparator (default: 2048).")
  var comparatorWidth: String?
  @Option(help: "contrastive, or an ablation: instance, class, semantic, none (default: contrastive).")
  var embedding: String?
  @Option(help: "Weight of the instance-level loss in the generator's step (default: 0.001).")
  var instanceWeight: String?
  @Option(help: "Weight of the class-level loss in the generator's step (default: 0.001).")
  var classWeight: String?
  @Option(help: "Temperature of the instance-level loss (default: 0.1).")
  var instanceTemperature: String?
  @Option(help: "Temperature of the class-level loss (default: 0.1).")
  var classTemperature: String?
  @Option(help: "Weight of the gradient penalty (default: 10).")
  var gradientPenaltyWeight: String?
  @Option(help: "Margin of the semantic baseline's ranking loss (default: 1).")
  var semanticMargin: String?
  @Option(help: "Critic steps per generator step (default: 5).")
  var criticIterations: String?
  @Flag(help: "Clear the comparator's gradient once per epoch only, as the authors' released code does.")
  var accumulateComparatorGradient = false
  @Option(help: "Synthetic features per unseen class for the final classifier (default: 100).")
  var syntheticPerClass: String?
  @Option(help: "Epochs of the final classifier (default: 25; conventional ZSL takes four times as many).")
  var classifierEpochs: String?
  @Option(help: "Learning rate of the final classifier (default: 0.001).")
  var classifierLearningRate: String?
  @Option(help: "Batch size of the final classifier; 0: --synthetic-per-class (default).")
  var classifierBatchSize: String?
  @Option(help: "last, or validation: train on a part and choose on held-out rows and classes (default: last).")
  var select: String?
  @Option(help: "Evaluate every so many iterations, or e.g. 5epochs; 0: at the end only (default).")
  var evaluateEvery: String?
  @Option(help: "Save every so many iterations, or e.g. 5epochs; 0: at the end only (default: 10epochs).")
  var checkpointEvery: String?
  @Option(help: "Newest checkpoints to keep, at least 2 (default: 3).")
  var keep: String?
  @Option(help: "End the run with status 79 when a rank has not moved for so many seconds; 0: never (default: 600).")
  var watchdog: String?
  @Option(help: "Seed of everything random (default: 1).")
  var seed: String?
  @Option(help: "float32 (default), or bfloat16: factors of the large products rounded, everything else float32.")
  var precision: String?

  /// What the command line sets, by name.
  private var given: [(name: String, value: String)] {
    let options: [(String, String?)] = [
      ("features", features), ("class-embedding", classEmbedding), ("batch-size", batchSize),
      ("leaf-rows", leafRows), ("micro-batch-size", microBatchSize), ("projection-memory", projectionMemory),
      ("epochs", epochs),
      ("max-iterations", maxIterations), ("learning-rate", learningRate),
      ("learning-rate-decay-epochs", learningRateDecayEpochs), ("noise-size", noiseSize),
      ("generator-width", generatorWidth), ("critic-width", criticWidth), ("embedding-size", embeddingSize),
      ("projection-size", projectionSize), ("comparator-width", comparatorWidth), ("embedding", embedding),
      ("instance-weight", instanceWeight), ("class-weight", classWeight),
      ("instance-temperature", instanceTemperature), ("class-temperature", classTemperature),
      ("gradient-penalty-weight", gradientPenaltyWeight), ("semantic-margin", semanticMargin),
      ("critic-iterations", criticIterations),
      ("accumulate-comparator-gradient", accumulateComparatorGradient ? "true" : nil),
      ("synthetic-per-class", syntheticPerClass), ("classifier-epochs", classifierEpochs),
      ("classifier-learning-rate", classifierLearningRate), ("classifier-batch-size", classifierBatchSize),
      ("select", select), ("evaluate-every", evaluateEvery), ("checkpoint-every", checkpointEvery), ("keep", keep),
      ("watchdog", watchdog),
      ("seed", seed), ("precision", precision),
    ]
    return options.compactMap { name, value in value.map { (name, $0) } }
  }

  /// Command line over file over preset over `base` (a resumed run's own configuration) over defaults.
  ///
  /// - Throws: `ConfigurationError`.
  func resolve(base: (text: String, path: String)? = nil) throws -> Configuration {
    var configuration = Configuration()
    if let base { try configuration.apply(Self.parse(base.text, path: base.path), place: base.path) }
    var file: [(name: String, value: String)] = []
    if let config {
      guard let bytes = FileManager.default.contents(atPath: config) else {
        throw ConfigurationError.badValue(
          name: "--config", value: config, expected: "a file that can be read", place: "command line")
      }
      file = try Self.parse(String(decoding: bytes, as: UTF8.self), path: config)
    }
    let presetName = preset ?? file.first { $0.name == "preset" }?.value ?? ""
    if !presetName.isEmpty {
      try configuration.apply(Preset.named(presetName).values, place: "preset \(presetName)")
      configuration.preset = presetName.lowercased()
    }
    try configuration.apply(file.filter { $0.name != "preset" }, place: config ?? "")
    try configuration.apply(given, place: "command line")
    return configuration
  }

  /// Names and values of a flat YAML mapping.
  private static func parse(_ text: String, path: String) throws -> [(name: String, value: String)] {
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch {
      throw ConfigurationError.badValue(name: "the file", value: "\(error)", expected: "YAML", place: path)
    }
    guard let node else { return [] }
    guard let mapping = node.mapping else {
      throw ConfigurationError.badValue(
        name: "the file", value: String(text.prefix(40)), expected: "a mapping, 'name: value' per line", place: path)
    }
    return try mapping.map { key, value in
      guard let name = key.string, let scalar = value.scalar else {
        throw ConfigurationError.badValue(
          name: key.string ?? "a key", value: "a list or mapping", expected: "one value", place: path)
      }
      return (name, scalar.string)
    }
  }

  /// The resolved configuration as `config.yaml` holds it; reading it back gives the same configuration.
  static func yaml(_ configuration: Configuration) throws -> String {
    let pairs = configuration.resolved.map { (Node($0.name), Node($0.value)) }
    return try Yams.serialize(node: Node.mapping(Node.Mapping(pairs)))
  }
}
