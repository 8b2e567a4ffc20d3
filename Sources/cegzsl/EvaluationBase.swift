import ArgumentParser
import Checkpoints
import Evaluation
import Foundation
import Models
import Training

/// The options with which a checkpoint's run evaluates.
struct EvaluationBase {
  private let checkpoint: CheckpointSummary
  private let path: String
  /// Of its run's `config.yaml`; empty for a checkpoint that lies by itself.
  private let ofRun: [(name: String, value: String)]
  /// Of its classifiers: those that made them, or those of the run's `config.yaml`; empty for a checkpoint that lies by itself.
  private let ofClassifiers: [(name: String, value: String)]
  /// Of its head, where it was evaluated.
  private let made: HeadConstants?
  /// What the first phase of its run chose.
  let selection: SelectionRecord?

  /// - Throws: `ModelError`, `SafetensorsError` where its classifiers cannot be read: other options would be taken for theirs.
  init(_ checkpoint: LoadedCheckpoint) throws {
    self.checkpoint = checkpoint.summary
    path = checkpoint.path
    ofRun = RunPlace(ofCheckpoint: checkpoint.path).map { RunFiles.options($0.runDirectory) } ?? []
    let names = Set(Configuration().classifierOptions.map(\.name))
    let classifier = try checkpoint[.classifier].map(ClassifierFile.init)
    let made = classifier?.maker.options
    self.made = classifier?.classifiers.constants
    selection = RunPlace(ofCheckpoint: checkpoint.path).flatMap { SelectionRecord(run: $0.runDirectory) }
    let known = made.map { Array($0) }?.map { (name: $0.key, value: $0.value) } ?? ofRun
    ofClassifiers = known.filter { names.contains($0.name) }.sorted { $0.name < $1.name }
  }

  /// The run's options, with those of a command line that a command uses.
  ///
  /// - Parameter used: names of these.
  /// - Throws: `ConfigurationError`.
  func configuration(
    _ options: ConfigurationOptions, of command: any ParsableCommand.Type, used: Set<String>
  ) throws -> (asked: Configuration, used: Configuration) {
    var configuration = Configuration()
    // What shapes no figure, such as the number of epochs, only the run's own file says.
    for option in ofRun {
      // A run of another version may have options that this one does not know.
      try? configuration.apply([option], place: path)
    }
    try configuration.apply(checkpoint.options + ofClassifiers, place: path)
    let asked = try options.resolve(of: command, base: (try ConfigurationFile.text(configuration), path))
    try configuration.apply(asked.resolved.filter { used.contains($0.name) }, place: "command line")
    return (asked, configuration)
  }

  /// The constants of a head: those with which the checkpoint was evaluated, those that its run chose, or the usual ones.
  ///
  /// - Parameter withoutNetwork: those of heads that have no network, on rank 0; the others need to know the parts alone.
  /// - Throws: `ConfigurationError.headNeedsSelection` for a head for which nothing was chosen and that cannot do without.
  func constants(_ configuration: Configuration, withoutNetwork: [HeadKind: HeadConstants]) throws -> HeadConstants {
    if let known = [made, selection?.head].compactMap({ $0 }).first(where: { $0.head == configuration.head }) {
      return known
    }
    if let known = withoutNetwork[configuration.head] { return known }
    guard !configuration.head.needsSelection else {
      throw ConfigurationError.headNeedsSelection(configuration.head.rawValue)
    }
    return HeadConstants(usual: configuration.head)
  }

  /// Why classifiers that this configuration makes are not those of the checkpoint's run; empty if they are.
  func differences(_ configuration: Configuration, datasetDigest: String) -> [String] {
    var differences = checkpoint.differences(configuration, datasetDigest: datasetDigest)
    let values = Dictionary(uniqueKeysWithValues: configuration.classifierOptions.map { ($0.name, $0.value) })
    for (name, value) in ofClassifiers where values[name] != value {
      differences.append("\(name) is \(value) in its run and \(values[name] ?? "unknown") here")
    }
    return differences
  }
}
