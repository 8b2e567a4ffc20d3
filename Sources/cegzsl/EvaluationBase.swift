import Checkpoints
import Foundation
import Models
import Training

/// The options with which a checkpoint's run evaluates.
struct EvaluationBase {
  private let checkpoint: CheckpointSummary
  /// Of its classifiers: those that made them, or those of the run's `config.yaml`; empty for a checkpoint that lies by itself.
  private let ofClassifiers: [(name: String, value: String)]

  init(_ checkpoint: LoadedCheckpoint) {
    self.checkpoint = checkpoint.summary
    let names = Set(Configuration().classifierOptions.map(\.name))
    let made = checkpoint[.classifier].flatMap { try? ClassifierFile($0) }?.maker.options
    var known = made.map { Array($0) }?.map { (name: $0.key, value: $0.value) } ?? []
    if made == nil, let place = RunPlace(ofCheckpoint: checkpoint.path) {
      let path = place.runDirectory + "/config.yaml"
      let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
      known = text.flatMap { try? ConfigurationFile.parse($0, path: path) } ?? []
    }
    ofClassifiers = known.filter { names.contains($0.name) }.sorted { $0.name < $1.name }
  }

  /// For `ConfigurationOptions.resolve`.
  func yaml() throws -> String { try ConfigurationFile.text(checkpoint.options + ofClassifiers) }

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
