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
  struct Case: Sendable, CustomTestStringConvertible {
    var embedding = EmbeddingKind.contrastive
    var select = Selection.last
    var ranks = 1
    var head = HeadKind.softmax
    var testDescription: String { "\(embedding), \(select), \(ranks) rank(s), \(head)" }
  }

  static let cases = [
    Case(), Case(select: .validation), Case(ranks: 3), Case(embedding: .semantic), Case(embedding: .none),
    Case(head: .zla), Case(head: .ridge), Case(ranks: 2, head: .gaussian),
    Case(select: .validation, ranks: 2, head: .prototype),
    Case(embedding: .none, select: .validation, head: .stacked), Case(select: .validation, ranks: 3, head: .stacked),
  ]

  func configuration(_ setting: Case, iterations: Int = 6) -> Configuration {
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

  func train(
    _ run: String, data: String, _ setting: Case, iterations: Int = 6, resume: ResumeRequest = .none
  ) throws {
    let configuration = configuration(setting, iterations: iterations)
    @Sendable func onRank(_ communicator: any Communicator) throws {
      let dataset = try GZSLDataset.load(folder: data, options: configuration.dataOptions)
      let phases = TrainingPhases(
        configuration: configuration, dataset: dataset, communicator: communicator,
        program: ProgramIdentity(version: "test", digest: "00"),
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

  func results(_ run: String) throws -> JSONValue {
    try JSONValue(parsing: Array(try #require(FileManager.default.contents(atPath: run + "/results.json"))))
  }

  /// Accuracies of a model on the raw rows of a data folder.
  ///
  /// - Parameter gamma: subtracted from the scores of seen classes.
  func accuracies(
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
      if gamma != 0 {
        for r in 0..<rows.count { for c in model.classes.classes(.seen) { scores[r, c] -= Float(gamma) } }
      }
      return PerClassAccuracy(
        predictions: highestScores(scores, among: candidates), labels: rows.map { labels[$0] })
    }
    return (try table("test_seen", .all), try table("test_unseen", .all), try table("test_unseen", .unseen))
  }

  func expectFigures(
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

  /// So does every other head; a class that is added has targets of its own, and one that is dropped none.
  @Test(arguments: [Case(head: .gaussian), Case(head: .zla), Case(select: .validation, head: .stacked)])
  func everyHeadIsExtended(_ setting: Case) throws {
    try withTemporaryFolder { folder in
      let (run, data) = (folder + "/run", folder + "/data")
      try DemoData.write(to: data, seed: 2)
      try train(run, data: data, setting)
      let configuration = configuration(setting)
      let model = try TrainedModel.load(run: run, .best).model
      let own = try model.classifiers()
      let dataset = try GZSLDataset.load(folder: data, options: configuration.dataOptions)
      func made(_ table: ClassTable) throws -> FinalClassifiers {
        try ModelExtension(
          model, table: table, settings: configuration.classifierSettings, keptEpoch: own.epoch,
          syntheticPerClass: configuration.syntheticPerClass, seed: UInt64(configuration.seed)
        ).classifiers(of: dataset)
      }
      func bits(_ head: FinalClassifiers) -> [[UInt32]] {
        ([head.generalized, head.unseenOnly].flatMap { [$0.weight, $0.bias] }
          + head.terms.flatMap { [$0.mean, $0.deviation, $0.targets] + ($0.map.map { [$0] } ?? []) })
          .map { $0.elements.map(\.bitPattern) }
      }
      let again = try made(model.classes)
      #expect(bits(again) == bits(own) && again.constants == own.constants && !own.terms.isEmpty)

      let zebra = Matrix(rows: 1, columns: model.attributeSize)
      fillNormal(zebra, RandomSource(seed: 3), .demoData, step: 0, firstRow: 0)
      let dropped = model.classes.classes(.seen)[1]
      let table = model.classes.removing([dropped]).adding(["zebra"], descriptors: zebra)
      let other = try made(table)
      let number = try #require(table.number(of: "zebra"))
      #expect(other.generalized.candidates == Array(0..<table.count) && other.unseenOnly.candidates.contains(number))
      for term in other.terms {
        let own = term.targets.rows(number..<number + 1).elements
        #expect(term.targets.rowCount == table.count && own.contains { $0 != 0 })
      }
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
  func expectSelection(_ run: String, _ setting: Case, iterations: Int) throws {
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
}
