import Datasets
import Evaluation
import Kernels
import Networks

/// Every option of a run, in the order in which `--help` and `config.yaml` list them.
///
/// To add one, add a line: it is then read from files and the command line, checked, printed, saved and compared, and
/// `configuration.batchSize` is its value.
package struct Settings: Sendable {
  package let preset = Setting(
    "preset", "", mayChange: true, "Published settings of a benchmark: see 'cegzsl presets'.")
  package let features = Setting("features", "res101.mat", "Feature file in the data folder.")
  package let classEmbedding = Setting(
    "class-embedding", "att_splits.mat", "Descriptor file in the data folder, e.g. sent_splits.mat.")
  package let firstLabel = Setting(
    choice: "first-label", FirstNumber.auto, mayChange: true,
    "Number of the first class in labels: 0, 1, or auto where the data show it.")
  package let firstRow = Setting(
    choice: "first-row", FirstNumber.auto, mayChange: true,
    "Number of the first row in lists of rows: 0, 1, or auto where the data show it.")
  package let batchSize = Setting(
    "batch-size", 256, in: 1...(1 << 24), "Rows of a batch over all ranks together.")
  package let leafRows = Setting(
    "leaf-rows", 0, in: 0...(1 << 20),
    "Rows that are summed one after the other before sums are added pairwise: a rank computes whole leaves of so many; 0: 1 to 128, at "
      + "least eight leaves.")
  package let microBatchSize = Setting(
    "micro-batch-size", 0, in: 0...(1 << 24), mayChange: true,
    "Rows whose activations are in memory at once on a host: more pass in parts; 0: about 4 GiB. No figure depends on it."
  )
  package let projectionMemory = Setting(
    "projection-memory", 1024, in: 0...(1 << 30), mayChange: true,
    "MiB for the projections of all ranks; beyond, they are gathered twice, part by part. No figure depends on it.")
  package let epochs = Setting(
    "epochs", 100, in: 0...(1 << 30), mayChange: true, "Epochs of ceil(training rows / batch size) iterations.")
  package let maxIterations = Setting(
    "max-iterations", 0, in: 0...(1 << 31), mayChange: true,
    "Stop after so many iterations, whatever the epochs; 0: no bound.")
  package let learningRate = Setting("learning-rate", 1e-4, above: 0, "Adam's step size for both groups.")
  package let learningRateDecayEpochs = Setting(
    "learning-rate-decay-epochs", 0, in: 0...(1 << 30),
    "Multiply the learning rates by 0.99 every so many epochs; 0: never.")
  package let noiseSize = Setting(
    "noise-size", 0, in: 0...(1 << 20), "Size of the generator's noise; 0: the descriptor size.")
  package let generatorWidth = Setting("generator-width", 4096, in: 1...(1 << 20), "Hidden width of the generator.")
  package let criticWidth = Setting("critic-width", 4096, in: 1...(1 << 20), "Hidden width of the critic.")
  package let embeddingSize = Setting("embedding-size", 2048, in: 1...(1 << 20), "Width of the embedding h.")
  package let projectionSize = Setting("projection-size", 512, in: 1...(1 << 20), "Width of the projection z.")
  package let comparatorWidth = Setting("comparator-width", 2048, in: 1...(1 << 20), "Hidden width of the comparator.")
  package let embedding = Setting(
    choice: "embedding", EmbeddingKind.contrastive,
    "contrastive, or an ablation: instance, class, semantic, none.")
  package let instanceWeight = Setting(
    "instance-weight", 0.001, from: 0, "Weight of the instance-level loss in the generator's step.")
  package let classWeight = Setting(
    "class-weight", 0.001, from: 0, "Weight of the class-level loss in the generator's step.")
  package let instanceTemperature = Setting(
    "instance-temperature", 0.1, above: 0, "Temperature of the instance-level loss.")
  package let classTemperature = Setting("class-temperature", 0.1, above: 0, "Temperature of the class-level loss.")
  package let gradientPenaltyWeight = Setting(
    "gradient-penalty-weight", 10, from: 0, "Weight of the gradient penalty.")
  package let semanticMargin = Setting(
    "semantic-margin", 1, from: 0, "Margin of the semantic baseline's ranking loss.")
  package let criticIterations = Setting(
    "critic-iterations", 5, in: 1...1000, "Critic steps per generator step.")
  package let accumulateComparatorGradient = Setting(
    flag: "accumulate-comparator-gradient",
    "Clear the comparator's gradient once per epoch only, as the authors' released code does.")
  package let syntheticPerClass = Setting(
    "synthetic-per-class", 100, in: 1...(1 << 24), mayChange: true,
    "Synthetic features per unseen class for the final classifier.")
  package let head = Setting(
    choice: "head", HeadKind.softmax, mayChange: true,
    "What answers: softmax (the paper's), zla, ridge, prototype, gaussian, or stacked: a sum that validation chooses.")
  package let classifierEpochs = Setting(
    "classifier-epochs", 25, in: 1...65535, mayChange: true,
    "Epochs of the final classifier; conventional ZSL takes four times as many.")
  package let classifierLearningRate = Setting(
    "classifier-learning-rate", 1e-3, above: 0, mayChange: true, "Learning rate of the final classifier.")
  package let classifierBatchSize = Setting(
    "classifier-batch-size", 0, in: 0...(1 << 24), mayChange: true,
    "Batch size of the final classifier; 0: --synthetic-per-class, as the authors' code has it.")
  package let select = Setting(
    choice: "select", Selection.last,
    "last, or validation: epochs, the head's constants and γ are chosen in a first phase that holds classes and rows out; then all "
      + "training rows are trained on anew.")
  package let evaluateEvery = Setting(
    "evaluate-every", Interval.never, "Evaluate every so many iterations, or e.g. 5epochs; 0: at the end only.")
  package let checkpointEvery = Setting(
    "checkpoint-every", Interval.epochs(10), "Save every so many iterations, or e.g. 5epochs; 0: at the end only.")
  package let keep = Setting("keep", 3, in: 2...1_000_000, mayChange: true, "Newest checkpoints to keep, at least 2.")
  package let watchdog = Setting(
    "watchdog", 600, in: 0...1_000_000, mayChange: true,
    "End the run with status 79 when a rank has not moved for so many seconds; 0: never.")
  package let verifyEvery = Setting(
    "verify-every", 200, in: 0...1_000_000_000, mayChange: true,
    "Compare the ranks' parameters and arithmetic every so many iterations, 70 where they differ; 0: when saving.")
  package let seed = Setting("seed", 1, in: 0...(1 << 62), "Seed of everything random.")
  package let initial = Setting(
    "initial",
    "Weights to start from, of all networks: PyTorch state dictionaries (.pt, .pth, .safetensors) as the authors' code names them, or a "
      + "checkpoint's model.safetensors. May be given several times, separated by commas, or as a folder.")
  package let precision = Setting(
    choice: "precision", ProductPrecision.float32,
    "float32, or bfloat16: factors of the large products rounded, everything else float32.")

  package static let all = Settings()
  package static let list: [any AnySetting] = Mirror(reflecting: all).children.compactMap {
    $0.value as? any AnySetting
  }
}
