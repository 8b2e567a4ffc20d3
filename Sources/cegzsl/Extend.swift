import ArgumentParser
import Checkpoints
import Datasets
import Evaluation
import Files
import Foundation
import Matrices
import Models
import Training

struct Extend: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Add classes to a trained model by their descriptors alone, or drop some: only the head is made anew.",
    discussion: """
      A new run directory gets the model with a head over the classes that are then there, with the weights, λ and γ that
      the run's own has; the old run stays as it is. Heads other than softmax need --data. With --data, the data that the run was trained on, seen classes are learnt from their real rows, as in training;
      without, from synthetic rows, which is less exact.

      The options of the final classifier are those of the run, where the command line does not change them:
      --synthetic-per-class, --classifier-epochs, --classifier-learning-rate, --classifier-batch-size.
      """)

  @OptionGroup var source: ModelOptions
  @Option(
    help: ArgumentHelp(
      "Classes to add, unseen ones: of a csv file a line for each, its name and its numbers; of an npz, HDF5, safetensors or "
        + ".mat file 'classes' and 'descriptors'.", valueName: "file[:name]"))
  var descriptors: String?
  @Option(help: ArgumentHelp("Names of classes to leave out, with commas between them.", valueName: "name,…"))
  var drop: String?
  @Option(help: "The run directory to make.")
  var out: String
  @Option(help: "The folder, or .npz file, that the run was trained on.")
  var data: String?
  @OptionGroup var options: ConfigurationOptions
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    guard descriptors != nil || drop != nil else {
      throw ValidationError("Give --descriptors, the classes to add, or --drop, those to leave out.")
    }
  }

  func run() throws {
    try withRootRank(threads: threads.threads) { try extend() }
  }

  private func extend() throws {
    guard !FileManager.default.fileExists(atPath: out) else { throw UseError.isThere(path: out) }
    let (checkpoint, model) = try source.loadCheckpoint()
    let configuration = try configuration(checkpoint)
    let table = try newTable(model)
    let training = ModelExtension(
      model, table: table, settings: configuration.classifierSettings, keptEpoch: keptEpoch(model, configuration),
      syntheticPerClass: configuration.syntheticPerClass, seed: UInt64(configuration.seed))
    AllocatorSettings.keepFreedMemory()
    let classifiers: FinalClassifiers
    do { classifiers = try self.classifiers(training, model, configuration) } catch let error as NonFiniteClassifier {
      throw UnusableDescriptors(table, of: model.classes) ?? error as any Error
    }
    let run = ExtendedRun(
      checkpoint, data: ClassesFile(classes: table, scaling: model.data.scaling, origin: model.data.origin),
      classifiers: classifiers, configuration: configuration, programVersion: Build.version)
    try run.write(to: out, configText: try ConfigurationFile.text(configuration))
    print("\(out): \(table.classes(.seen).count) seen and \(table.classes(.unseen).count) unseen classes. Next:")
    print("  cegzsl predict --run \(out.forShell) --features FILE")
  }

  /// The run's own, with the options of the final classifier that the command line gives.
  private func configuration(_ checkpoint: LoadedCheckpoint) throws -> Configuration {
    let all = Settings.all
    let used = [
      all.syntheticPerClass.name, all.classifierEpochs.name, all.classifierLearningRate.name,
      all.classifierBatchSize.name,
    ]
    // Others that shape a run must be the run's, which is checked.
    try options.requireUsed(Set(used + Configuration().trajectory.map(\.name)), by: Self.self)
    let (asked, configuration) = try EvaluationBase(checkpoint).configuration(options, of: Self.self, used: Set(used))
    let differences = checkpoint.summary.differences(asked, datasetDigest: checkpoint.identity.datasetDigest)
    guard differences.isEmpty else { throw CheckpointMismatch(path: checkpoint.path, differences: differences) }
    return configuration
  }

  private func newTable(_ model: TrainedModel) throws -> ClassTable {
    let old = model.classes
    var table = old
    if let drop {
      table = table.removing(Set(try ClassNameList.parse(drop, in: old, path: source.run)))
    }
    if let descriptors {
      let more = try ClassDescriptors(option: descriptors, of: model)
      if let name = more.names.first(where: { table.number(of: $0) != nil }) {
        throw UseError.classIsThere(name: name, path: source.run)
      }
      table = table.adding(more.names, descriptors: more.descriptors)
    }
    for (role, word) in [(ClassTable.Role.seen, "seen"), (.unseen, "unseen")] where table.classes(role).isEmpty {
      throw UseError.nothingLeft(role: word)
    }
    return table
  }

  /// That of the run's own softmax, which validation rows may have chosen, while the number of epochs is the run's.
  private func keptEpoch(_ model: TrainedModel, _ configuration: Configuration) -> Int {
    let epochs = configuration.classifierSettings.epochs
    guard let made = model.classifier, made.maker.options[Settings.all.classifierEpochs.name] == "\(epochs)" else {
      return epochs
    }
    return made.classifiers.epoch
  }

  private func classifiers(
    _ training: ModelExtension, _ model: TrainedModel, _ configuration: Configuration
  ) throws -> FinalClassifiers {
    let head = model.classifier?.classifiers
    let isSoftmax = head?.terms.isEmpty ?? true
    guard let data else {
      guard isSoftmax else {
        throw UseError.headNeedsData(head: head?.constants.head.rawValue ?? "", path: source.run)
      }
      print("note: seen classes are learnt from synthetic rows; --data DIR takes their real ones")
      return try training.classifiers(real: nil)
    }
    let dataset = try GZSLDataset.load(folder: data, options: configuration.dataOptions)
    guard dataset.contentDigest == model.data.origin.datasetDigest else {
      throw CheckpointMismatch(path: source.run, differences: ["\(data) is not the data that it was trained on"])
    }
    return isSoftmax
      ? try training.classifiers(real: try training.realRows(of: dataset)) : try training.classifiers(of: dataset)
  }
}

/// A head over classes with these descriptors is not finite: they are in other units.
struct UnusableDescriptors: ReportableError {
  /// The class with the largest number in its descriptor, and the largest number of the model's own.
  private let name: String
  private let largest: Float
  private let usual: Float

  /// nil where none is out of all proportion to the model's own, so that something else is at fault.
  init?(_ table: ClassTable, of own: ClassTable) {
    func largest(_ descriptors: Matrix, _ c: Int) -> Float {
      descriptors.rows(c..<c + 1).elements.reduce(0) { max($0, abs($1)) }
    }
    let sizes = (0..<table.count).map { largest(table.descriptors, $0) }
    let worst = sizes.indices.max { sizes[$0] < sizes[$1] } ?? 0
    (name, self.largest) = (table.names[worst], sizes[worst])
    usual = (0..<own.count).map { largest(own.descriptors, $0) }.max() ?? 0
    guard self.largest > 1000 * usual else { return nil }
  }

  var exitStatus: ExitStatus { .badData }
  var description: String {
    "the head for these classes is not finite: the descriptor of class '\(name.forTerminal)' reaches \(largest), those that the model was "
      + "trained with \(usual). Describe it in their units."
  }
}
