import Checkpoints
import Datasets
import Evaluation
import Files
import Foundation
import Matrices
import Models

/// A directory without a run.
package struct RunMissing: ReportableError {
  package let path: String
  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    "\(path) holds no run: there is neither a config.yaml nor a checkpoint. Name the directory that train was given with --run."
  }
}

/// What a run directory says of its run. Nothing is locked or changed, and tensors of the model are not read.
package struct RunSummary: Sendable {
  /// A checkpoint, or why it cannot be used.
  struct Entry: Sendable {
    let summary: CheckpointSummary
    /// Of its classifiers, where they were tested.
    let figures: EvaluationFigures?
    /// A file has another size, or one of those that are small was read and is damaged.
    let problem: String?
  }

  let path: String
  /// Names and values, as `config.yaml` has them.
  let options: [(name: String, value: String)]
  /// `results.json`.
  let results: JSONValue?
  /// There is a `results.json` that says nothing.
  let resultsAreDamaged: Bool
  /// Newest first.
  let checkpoints: [Entry]
  /// One line for each checkpoint that says nothing, and for results that do not.
  let damaged: [String]
  let best: BestCheckpoint?
  package let classes: ClassesFile?
  /// Of the last line of `metrics.jsonl`.
  let lastMetrics: Int?
  /// Who works there now.
  package let holder: String?
  /// What a first phase chose.
  let selection: SelectionRecord?
  /// Iterations of the first phase that are saved, while it is under way or where it was interrupted.
  let firstPhase: Int?

  /// - Parameter options: of the run's `config.yaml`.
  /// - Throws: `RunMissing`, `StorageError`.
  package init(run: String, options: [(name: String, value: String)]) throws {
    guard RunDirectory.holdsRun(run) else { throw RunMissing(path: run) }
    path = run
    self.options = options
    func contents(_ name: String) -> Data? { FileManager.default.contents(atPath: "\(run)/\(name)") }
    let resultsFile = contents("results.json")
    results = resultsFile.flatMap { try? JSONValue(parsing: Array($0)) }
    resultsAreDamaged = resultsFile != nil && results == nil
    lastMetrics = contents("metrics.jsonl").flatMap { text in
      let last = text.split(separator: UInt8(ascii: "\n")).last
      return last.flatMap { try? JSONValue(parsing: Array($0))["iteration"]?.integer }
    }
    var (entries, damaged): ([Entry], [String]) = ([], [])
    var classes: ClassesFile?
    for found in try CheckpointStore.list(runDirectory: run) {
      do {
        let summary = try found.get()
        // The classes may be good where the classifier is not.
        if classes == nil, let file = try? CheckpointStore.load(path: summary.path, files: [.classes])[.classes] {
          classes = try? ClassesFile(file)
        }
        do {
          let parts = try CheckpointStore.load(path: summary.path, files: [.classes, .classifier])
          let figures = try parts[.classifier].flatMap { try ClassifierFile($0).figures }
          entries.append(Entry(summary: summary, figures: figures, problem: Self.wrongSize(summary)))
        } catch { entries.append(Entry(summary: summary, figures: nil, problem: "\(error)")) }
      } catch { damaged.append("\(error)") }
    }
    selection = SelectionRecord(run: run)
    let first = try? CheckpointStore.list(runDirectory: "\(run)/\(TrainingPhases.selectionFolder)")
    firstPhase = selection == nil ? first?.lazy.compactMap { try? $0.get().iteration }.first : nil
    checkpoints = entries
    let lost =
      "\(run)/results.json: it is no JSON; 'cegzsl train … --run \(run.forShell) --resume latest' writes it anew"
    self.damaged = (resultsAreDamaged ? [lost] : []) + damaged
    self.classes = classes
    best = (try? CheckpointStore.best(runDirectory: run)) ?? nil
    do {
      try RunLock.requireFree(runDirectory: run)
      holder = nil
    } catch CheckpointError.inUse(_, let holder), CheckpointError.startedTogether(_, let holder, _) {
      self.holder = holder
    }
  }

  /// A file that has not the bytes that the manifest says; the large ones are not read.
  private static func wrongSize(_ checkpoint: CheckpointSummary) -> String? {
    for (file, size) in checkpoint.sizes.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      let path = "\(checkpoint.path)/\(file.rawValue)"
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      guard let found = attributes?[.size] as? Int else { return "\(path): it is missing" }
      if found != size { return "\(path): it has \(found) bytes, its manifest says \(size)" }
    }
    return nil
  }

  /// The options as far as this version knows them.
  private var configuration: Configuration {
    var configuration = Configuration()
    for option in options { try? configuration.apply([option], place: "") }
    return configuration
  }

  /// Iterations of the whole run; nil where nothing says how many rows it is trained on.
  package var lastIteration: Int? {
    guard let rows = classes?.origin.trainingRowCount else { return nil }
    let perEpoch = BatchSampler.iterationsPerEpoch(rowCount: rows, batchSize: configuration.batchSize)
    if configuration.select == .validation, let selection {
      return selection.iterations(iterationsPerEpoch: perEpoch, bound: configuration.maxIterations)
    }
    return configuration.lastIteration(iterationsPerEpoch: perEpoch)
  }

  /// Options that have not their default.
  var changedOptions: [(name: String, value: String)] {
    let defaults = Dictionary(uniqueKeysWithValues: Configuration().resolved.map { ($0.name, $0.value) })
    return options.filter { defaults[$0.name] != $0.value }
  }

  /// Of the newest checkpoint that can be used.
  package var newestIteration: Int? { checkpoints.first?.summary.iteration }

  /// In a word: running, finished, extended (`extend` made it), saved (it can go on), selecting (so does its first phase), damaged, or empty (nothing is saved yet).
  package var stateName: String {
    if holder != nil { return "running" }
    if checkpoints.isEmpty {
      if FileManager.default.fileExists(atPath: path + "/selection") { return "selecting" }
      return damaged.isEmpty ? "empty" : "damaged"
    }
    if usable.isEmpty { return "damaged" }
    if extendedFrom != nil { return "extended" }
    return isFinished ? "finished" : "saved"
  }

  private var usable: [Entry] { checkpoints.filter { $0.problem == nil } }

  /// Whether all iterations are done, evaluated and saved with what using the model takes.
  var isFinished: Bool {
    guard let newest = usable.first?.summary, let lastIteration else { return false }
    return newest.iteration >= lastIteration && newest.isComplete
  }

  /// The checkpoint that validation rows chose.
  var bestEntry: Entry? { best.flatMap { best in checkpoints.first { $0.summary.iteration == best.iteration } } }
}
