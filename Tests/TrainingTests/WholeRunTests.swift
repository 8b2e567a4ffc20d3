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

/// What a run leaves, in one phase or in two, stopped or not: figures and checkpoints belong together.
extension WholeModelTests {
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
          configuration: configuration, dataset: dataset, communicator: SingleProcess(),
          program: ProgramIdentity(version: "test", digest: "00"),
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
