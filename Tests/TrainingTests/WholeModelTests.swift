import Checkpoints
import Collectives
import Datasets
import Evaluation
import Files
import Foundation
import Kernels
import Matrices
import Models
import Networks
import TestSupport
import Testing
import Training

/// A run's checkpoints classify rows of the data set, without the data set, as `results.json` says they do.
@Suite struct WholeModelTests {
  private struct Case: Sendable, CustomTestStringConvertible {
    var embedding = EmbeddingKind.contrastive
    var select = Selection.last
    var ranks = 1
    var head = HeadKind.softmax
    var testDescription: String { "\(embedding), \(select), \(ranks) rank(s), \(head)" }
  }

  private static let cases = [
    Case(), Case(select: .validation), Case(ranks: 3), Case(embedding: .semantic), Case(embedding: .none),
    Case(head: .zla), Case(head: .ridge), Case(select: .validation, ranks: 2, head: .prototype),
    Case(embedding: .none, select: .validation, head: .stacked), Case(select: .validation, ranks: 3, head: .stacked),
  ]

  private func configuration(_ setting: Case, iterations: Int = 6) -> Configuration {
    var configuration = Configuration()
    configuration.batchSize = 40
    configuration.noiseSize = 6
    (configuration.generatorWidth, configuration.criticWidth) = (24, 16)
    (configuration.embeddingSize, configuration.projectionSize, configuration.comparatorWidth) = (20, 8, 8)
    configuration.criticIterations = 2
    configuration.learningRate = 1e-3
    (configuration.syntheticPerClass, configuration.classifierBatchSize) = (120, 30)
    (configuration.classifierEpochs, configuration.classifierLearningRate) = (4, 0.02)
    configuration.maxIterations = iterations
    configuration.evaluateEvery = .iterations(2)
    configuration.embedding = setting.embedding
    configuration.select = setting.select
    configuration.head = setting.head
    return configuration
  }

  private func train(
    _ run: String, data: String, _ setting: Case, iterations: Int = 6, resume: ResumeRequest = .none
  ) throws {
    let configuration = configuration(setting, iterations: iterations)
    @Sendable func onRank(_ communicator: any Communicator) throws {
      let dataset = try GZSLDataset.load(folder: data, options: configuration.dataOptions)
      let phases = TrainingPhases(
        configuration: configuration, dataset: dataset, communicator: communicator, version: "test",
        screen: Screen(columns: nil) { _ in })
      let status = try phases.run(run, resume: resume, config: RunConfigText(""))
      #expect(status == .done)
    }
    if setting.ranks == 1 {
      try onRank(SingleProcess())
    } else {
      _ = try onThreads(hosts: [setting.ranks]) { try onRank($0) }
    }
  }

  private func results(_ run: String) throws -> JSONValue {
    try JSONValue(parsing: Array(try #require(FileManager.default.contents(atPath: run + "/results.json"))))
  }

  /// Accuracies of a model on the raw rows of a data folder.
  ///
  /// - Parameter gamma: subtracted from the scores of seen classes.
  private func accuracies(
    _ model: TrainedModel, _ data: String, gamma: Double = 0
  ) throws -> (seen: PerClassAccuracy, unseen: PerClassAccuracy, zsl: PerClassAccuracy) {
    let files = DatasetFiles(folder: data, options: DataOptions())
    let (features, labels) = (try #require(files.features), try #require(files.labels))
    func table(_ location: String, _ answering: Answering) throws -> PerClassAccuracy {
      let rows = try #require(files.locations[location])
      let x = Matrix(rows: rows.count, columns: features.columnCount)
      gatherRows(x, from: features, rows[...])
      let answers = ClassifiedRows(of: model, rowCount: rows.count)
      try model.classify(x, answering: answering, into: answers)
      let scores = answers.scores
      let candidates = try model.candidates(answering)
      if try !model.classifiers().needsFeatures, gamma == 0 {
        let chosen = try model.predictions(answers.embeddings, answering: answering)
        #expect(chosen == highestScores(scores, among: candidates))
      } else if gamma == 0 {
        #expect(throws: ModelError.self) { try model.layer(answering) }
      }
      if gamma != 0 {
        for r in 0..<rows.count { for c in model.classes.classes(.seen) { scores[r, c] -= Float(gamma) } }
      }
      return PerClassAccuracy(
        predictions: highestScores(scores, among: candidates), labels: rows.map { labels[$0] })
    }
    return (try table("test_seen", .all), try table("test_unseen", .all), try table("test_unseen", .unseen))
  }

  private func expectFigures(
    _ model: TrainedModel, _ run: String, _ data: String, areSaved: Bool = true
  ) throws {
    let (found, results) = (try accuracies(model, data), try results(run))
    let accuracy = GeneralizedAccuracy(unseen: found.unseen.mean, seen: found.seen.mean)
    #expect(results["unseen"]?.double == accuracy.unseen && results["seen"]?.double == accuracy.seen)
    #expect(results["harmonic"]?.double == accuracy.harmonic && results["zsl"]?.double == found.zsl.mean)
    let saved = model.classifier?.figures
    #expect(areSaved ? saved?.zsl == found.zsl.mean && saved?.harmonic == accuracy.harmonic : saved == nil)
    #expect((found.seen.mean ?? 0) > 0.02 && (found.zsl.mean ?? 0) > 0.02, "nothing was learnt: the figures say little")
    if let gamma = model.gamma {
      let calibrated = try accuracies(model, data, gamma: gamma)
      func near(_ name: String, _ value: Double?) -> Bool {
        abs((results["calibrated"]?[name]?.double ?? -1) - (value ?? -3)) < 0.02
      }
      #expect(near("unseen", calibrated.unseen.mean) && near("seen", calibrated.seen.mean), "but for ties in float")
      #expect(results["calibrated"]?["gamma"]?.double == gamma)
    } else {
      #expect(results["calibrated"] == nil)
    }
    // Class by class.
    guard case .array(let rows) = results["classes"] else {
      Issue.record("no classes")
      return
    }
    let tables = found.seen.rows + found.unseen.rows
    #expect(rows.map { $0["name"]?.string } == tables.map { model.classes.names[$0.classIndex] })
    #expect(rows.map { $0["correct"]?.integer } == tables.map(\.correct))
    #expect(rows.map { $0["seen"] == .boolean(true) } == tables.map { model.classes.roles[$0.classIndex] == .seen })
  }

  @Test(arguments: cases) private func classifiesAsItsResultsSay(_ setting: Case) throws {
    try withTemporaryFolder { folder in
      let (run, data) = (folder + "/run", folder + "/data")
      try DemoData.write(to: data, seed: 2)
      try train(run, data: data, setting)
      let (best, last) = (try TrainedModel.load(run: run, .best).model, try TrainedModel.load(run: run, .last).model)
      let chosen = try results(run)["iteration"]?.integer
      #expect(last.iteration == best.iteration && best.iteration == chosen)
      try expectFigures(best, run, data)
      #expect(last.network.sizes.kind == setting.embedding && last.classifier?.maker.iteration == chosen)
      #expect(try best.classifiers().constants.head == setting.head)
      try expectSelection(run, setting, iterations: best.iteration)
      let figures = try JSONValue(
        parsing: Array(try #require(FileManager.default.contents(atPath: run + "/figures.json"))))
      #expect(figures["ausuc"] == (try results(run))["ausuc"] && figures["iteration"]?.integer == chosen)
      #expect((figures["operating_points"]?["calibrated"] == .null) == (best.gamma == nil))
      #expect(last.classifier?.maker.options["synthetic-per-class"] == "120")
      #expect(last.classifier?.maker.options["max-iterations"] == nil, "it shapes nothing")
      // Other checkpoints of a run that selects, too, are evaluated and complete.
      for found in try CheckpointStore.list(runDirectory: run) {
        let summary = try found.get()
        #expect(summary.isComplete, "\(summary.path)")
      }
    }
  }

  /// With the classes and the real rows that the run had, an extension trains the run's own softmaxes.
  @Test(arguments: [Case(), Case(select: .validation), Case(embedding: .none)])
  private func extendingByNothingChangesNoBit(_ setting: Case) throws {
    try withTemporaryFolder { folder in
      let (run, data) = (folder + "/run", folder + "/data")
      try DemoData.write(to: data, seed: 2)
      try train(run, data: data, setting)
      let configuration = configuration(setting)
      let (checkpoint, _) = try CheckpointChoice.best.load(run: run, files: CheckpointFile.allCases)
      let model = try TrainedModel(checkpoint)
      let own = try #require(model.classifier?.classifiers)
      let training = ModelExtension(
        model, table: model.classes, settings: configuration.classifierSettings, keptEpoch: own.epoch,
        syntheticPerClass: configuration.syntheticPerClass, seed: UInt64(configuration.seed))
      let dataset = try GZSLDataset.load(folder: data, options: configuration.dataOptions)
      let again = try training.classifiers(real: try training.realRows(of: dataset))
      func bits(_ matrix: Matrix) -> [UInt32] { matrix.elements.map(\.bitPattern) }
      for (a, b) in [(own.generalized, again.generalized), (own.unseenOnly, again.unseenOnly)] {
        #expect(bits(a.weight) == bits(b.weight) && bits(a.bias) == bits(b.bias))
      }
      let synthetic = try training.classifiers(real: nil)
      #expect(bits(synthetic.unseenOnly.weight) == bits(own.unseenOnly.weight))
      #expect(bits(synthetic.generalized.weight) != bits(own.generalized.weight))

      // As a run: the model's bytes are copied, and training does not go on from it.
      let written = ExtendedRun(
        checkpoint, data: model.data, classifiers: again, configuration: configuration, programVersion: "test")
      try written.write(to: folder + "/extended", configText: "")
      #expect(throws: PathTaken.self) { try written.write(to: folder + "/extended", configText: "") }
      let extended = try CheckpointChoice.best.load(run: folder + "/extended", files: CheckpointFile.allCases)
        .checkpoint
      #expect(
        extended.model.digest == checkpoint.model.digest && extended.optimizer.digest == checkpoint.optimizer.digest)
      try expectFigures(try TrainedModel(extended), run, data, areSaved: false)
      #expect(throws: CheckpointMismatch.self) {
        try train(folder + "/extended", data: data, setting, iterations: 8, resume: .latest)
      }
      let summary = try RunSummary(run: folder + "/extended", options: [])
      #expect(summary.json["extended_from"]?.string == checkpoint.path)
      #expect(summary.lines.contains { $0.contains("cegzsl predict --run") })
    }
  }

  /// An option that shapes the classifiers and is not recorded with them could not be repeated.
  @Test func whatShapesTheClassifiersIsRecorded() throws {
    let recorded = Set((Configuration().trajectory + Configuration().classifierOptions).map(\.name))
    var shaping: [String] = []
    for setting in Settings.list {
      guard let other = ["7", "0.375", "true", "zla"].first(where: { setting.value($0) != nil }) else { continue }
      var configuration = Configuration()
      try configuration.apply([(setting.name, other)], place: "test")
      let before = Configuration()
      if configuration.classifierSettings != before.classifierSettings
        || configuration.syntheticPerClass != before.syntheticPerClass || configuration.head != before.head
      {
        shaping.append(setting.name)
      }
    }
    #expect(shaping.count == 5 && shaping.allSatisfy(recorded.contains), "\(shaping)")
  }

  /// The last evaluation is made behind the last save: its checkpoint is marked even so.
  @Test func theLastCheckpointMayBeTheBest() throws {
    try withTemporaryFolder { folder in
      let (run, data) = (folder + "/run", folder + "/data")
      try DemoData.write(to: data, seed: 2)
      let setting = Case(select: .validation)
      for (iterations, resume) in [(4, ResumeRequest.none), (6, .latest)] {
        try train(run, data: data, setting, iterations: iterations, resume: resume)
        let best = try #require(try CheckpointStore.best(runDirectory: run + "/selection"))
        let choice = try #require(SelectionRecord(run: run))
        #expect(best.iteration == choice.iteration && choice.lastIteration == iterations)
        #expect(best.iteration == iterations, "choose another seed: nothing becomes better")
        try expectFigures(try TrainedModel.load(run: run, .best).model, run, data)
      }
    }
  }

  /// The first phase chose; the second trained as many epochs of all rows, and its model is that of a run that was told so.
  private func expectSelection(_ run: String, _ setting: Case, iterations: Int) throws {
    guard setting.select == .validation else {
      #expect(SelectionRecord(run: run) == nil && iterations == 6)
      return
    }
    let choice = try #require(SelectionRecord(run: run))
    #expect(choice.lastIteration == 6 && choice.evaluations == 3 && choice.head.head == setting.head)
    let dataset = (try TrainedModel.load(run: run, .last)).model.data.origin
    let perEpoch = BatchSampler.iterationsPerEpoch(rowCount: dataset.trainingRowCount, batchSize: 40)
    #expect(iterations == choice.iterations(iterationsPerEpoch: perEpoch, bound: 6))
    #expect(try results(run)["validation"]?["iteration"]?.integer == choice.iteration)
    #expect(choice.head.gamma == (try TrainedModel.load(run: run, .last)).model.gamma)
  }

  /// Both phases together are the run that was told epochs and constants: the model has the same bytes, and so it has when the first or the
  /// second phase was interrupted and went on.
  @Test func theSecondPhaseIsARunThatWasTold() throws {
    try withTemporaryFolder { folder in
      let data = folder + "/data"
      try DemoData.write(to: data, seed: 2)
      try train(folder + "/run", data: data, Case(select: .validation, head: .stacked))
      let model = try TrainedModel.load(run: folder + "/run", .last).model
      try train(folder + "/told", data: data, Case(), iterations: model.iteration)
      let told = try TrainedModel.load(run: folder + "/told", .last).model
      for (a, b) in zip(model.network.arenas, told.network.arenas) {
        for shape in a.shapes { #expect(a.value(shape.name).elements == b.value(shape.name).elements) }
      }
      // The first phase is over, the second has not begun.
      func contents(_ run: String, _ name: String) -> Data? { FileManager.default.contents(atPath: "\(run)/\(name)") }
      let part = folder + "/part"
      try FileManager.default.copyItem(atPath: folder + "/run", toPath: part)
      for name in ["checkpoints", "evaluations.jsonl", "metrics.jsonl", "results.json", "selection.json"] {
        try FileManager.default.removeItem(atPath: part + "/" + name)
      }
      try train(part, data: data, Case(select: .validation, head: .stacked), resume: .latest)
      #expect(contents(part, "figures.json") == contents(folder + "/run", "figures.json"))
      #expect(contents(part, "selection.json") == contents(folder + "/run", "selection.json"))
      // Everything is done.
      try train(part, data: data, Case(select: .validation, head: .stacked), resume: .latest)
      #expect(contents(part, "figures.json") == contents(folder + "/run", "figures.json"))
      // A choice for one head is none for another.
      #expect(throws: EvaluationMismatch.self) {
        try train(part, data: data, Case(select: .validation, head: .zla), resume: .latest)
      }
    }
  }

  /// Ranks do not show in what is chosen, nor in figures.
  @Test func ranksChooseAlike() throws {
    try withTemporaryFolder { folder in
      let data = folder + "/data"
      try DemoData.write(to: data, seed: 2)
      for ranks in [1, 3] {
        try train("\(folder)/\(ranks)", data: data, Case(select: .validation, ranks: ranks, head: .stacked))
      }
      for name in ["selection.json", "figures.json", "evaluations.jsonl"] {
        let files = [1, 3].map { FileManager.default.contents(atPath: "\(folder)/\($0)/\(name)") }
        #expect(files[0] != nil && files[0] == files[1], "\(name)")
      }
    }
  }

  /// A run that has nothing left to do where it starts from another run's checkpoint, or from none.
  @Test func whatIsEvaluatedIsSaved() throws {
    try withTemporaryFolder { folder in
      let (run, data) = (folder + "/run", folder + "/data")
      try DemoData.write(to: data, seed: 2)
      try train(run, data: data, Case())
      let path = run + "/checkpoints/iteration-000000006"
      try train(folder + "/copy", data: data, Case(), resume: .path(path))
      let copied = try TrainedModel.load(run: folder + "/copy", .last).model
      #expect(copied.iteration == 6)
      try expectFigures(copied, folder + "/copy", data)
      // From its own, by path.
      try train(run, data: data, Case(), resume: .path(run + "/../run/checkpoints/iteration-000000006/"))
      #expect(try CheckpointStore.list(runDirectory: run).count == 1)
    }
  }

  /// Configuration and figures of a run belong together: what would part them is refused, or goes.
  @Test func figuresAreThoseOfTheConfigurationBesideThem() throws {
    try withTemporaryFolder { folder in
      let (run, data) = (folder + "/run", folder + "/data")
      try DemoData.write(to: data, seed: 2)
      let dataset = try GZSLDataset.load(folder: data, options: DataOptions())
      @Sendable func text(_ configuration: Configuration) -> String {
        configuration.resolved.map { "\($0.name): \($0.value)\n" }.joined()
      }
      func start(_ change: (inout Configuration) -> Void, _ earlier: Configuration?) throws -> [String] {
        var configuration = configuration(Case())
        change(&configuration)
        var lines: [String] = []
        let training = try TrainingRun(
          configuration: configuration, dataset: dataset, communicator: SingleProcess(), version: "test",
          screen: Screen(columns: nil) { lines.append($0) })
        let status = try training.run(
          directory: try RunDirectory(path: run, keep: 9, isResuming: earlier != nil),
          resume: earlier == nil ? .none : .latest,
          config: RunConfigText(text(configuration), earlier: earlier))
        #expect(status == .done)
        return lines
      }
      func files() throws -> [Data?] {
        try FileManager.default.subpathsOfDirectory(atPath: run).sorted().filter { !$0.hasPrefix("tensorboard") }
          .map { FileManager.default.contents(atPath: "\(run)/\($0)") }
      }
      let own = configuration(Case())
      _ = try start({ _ in }, nil)
      let whole = try files()
      // Refused, with both values and a way; nothing changes.
      let error = #expect(throws: EvaluationMismatch.self) { try start({ $0.syntheticPerClass = 7 }, own) }
      #expect(error?.differences == ["--synthetic-per-class was 120 and is 7"] && error?.exitStatus == .usage)
      #expect(throws: EvaluationMismatch.self) { try start({ $0.classifierEpochs = 3 }, own) }
      #expect(try files() == whole)
      // Also where the figures are not told yet, but stand in the checkpoint.
      try FileManager.default.moveItem(atPath: run + "/evaluations.jsonl", toPath: folder + "/kept")
      #expect(throws: EvaluationMismatch.self) { try start({ $0.syntheticPerClass = 7 }, own) }
      try FileManager.default.moveItem(atPath: folder + "/kept", toPath: run + "/evaluations.jsonl")
      // Fewer iterations than are done: said, and nothing changes.
      let lines = try start({ $0.maxIterations = 3 }, own)
      #expect(
        lines.count == 1 && lines[0].contains("after iteration 6 already, and these options end it after iteration 3"))
      #expect(try files() == whole)
      // An option that may change: the results are told anew with it.
      _ = try start({ $0.keep = 5 }, own)
      #expect(try results(run)["configuration"]?["keep"]?.string == "5")
      let figures = try results(run)["harmonic"]?.double
      #expect(
        try figures
          == JSONValue(
            parsing: Array(
              whole.compactMap { $0 }.first {
                $0.starts(with: "{\n".utf8) && $0.range(of: Data("best_on_test".utf8)) != nil
              } ?? Data()))["harmonic"]?.double)
    }
  }

  /// As after a crash between the last save and the end of the evaluation behind it.
  @Test func anInterruptedLastEvaluationIsMadeUpFor() throws {
    try withTemporaryFolder { folder in
      let (run, data) = (folder + "/run", folder + "/data")
      try DemoData.write(to: data, seed: 2)
      try train(run, data: data, Case())
      let path = run + "/checkpoints/iteration-000000006/"
      func digests() throws -> [Data?] {
        (["manifest.json"] + CheckpointFile.allCases.map(\.rawValue)).map {
          FileManager.default.contents(atPath: path + $0)
        }
      }
      let whole = try digests()
      let lines = String(
        decoding: try #require(FileManager.default.contents(atPath: run + "/evaluations.jsonl")), as: UTF8.self)
      func forget() throws {
        let kept = lines.split(separator: "\n").dropLast().map { $0 + "\n" }.joined()
        try kept.write(toFile: run + "/evaluations.jsonl", atomically: true, encoding: .utf8)
      }
      // Completed, but its figures were not told yet.
      try forget()
      try train(run, data: data, Case(), resume: .latest)
      #expect(try digests() == whole)
      #expect(FileManager.default.contents(atPath: run + "/evaluations.jsonl") == Data(lines.utf8))
      // Saved, but not completed yet.
      try forget()
      let loaded = try CheckpointStore.load(path: path)
      var parts: [CheckpointFile: CheckpointPart] = [:]
      for file in CheckpointFile.allCases.dropLast() { parts[file] = loaded[file].map { CheckpointPart($0) } }
      try FileManager.default.removeItem(atPath: path)
      _ = try CheckpointStore(runDirectory: run, keep: 9).save(
        Checkpoint(
          iteration: 6, epoch: loaded.epoch, identity: loaded.identity, state: loaded.state, parts: parts))
      #expect(try digests() != whole)
      try train(run, data: data, Case(), resume: .latest)
      #expect(try digests() == whole)
    }
  }
}
