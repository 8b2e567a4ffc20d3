import Checkpoints
import Datasets
import Evaluation
import Files
import Foundation
import Kernels
import Matrices
import Models
import TestSupport
import Testing
import Training

/// What `cegzsl show` prints of a run directory, whatever state it is in.
@Suite struct RunSummaryTests {
  private let names = ["cat", "\u{1B}[2Jdog", "", String(repeating: "long", count: 20)]

  /// Epochs of 4 iterations, 3 of them.
  private let options: [(name: String, value: String)] = [
    ("batch-size", "50"), ("epochs", "3"), ("learning-rate", "0.0001"), ("gone", "1"),
  ]

  private func save(_ run: String, _ iteration: Int, _ files: [CheckpointFile] = CheckpointFile.allCases) throws {
    let classes = ClassesFile(
      classes: ClassTable(
        names: names, descriptors: Matrix(rows: 4, columns: 4), roles: [.seen, .unseen, .unused, .seen]),
      scaling: FeatureScaling(
        minimum: Matrix(rows: 1, columns: 2), range: Matrix(rows: 1, columns: 2, elements: [1, 1]), maximum: 1),
      origin: DataOrigin(
        datasetDigest: "0123456789abcdef", classEmbeddingFile: "att_splits.mat",
        split: SplitFingerprint(trainval: [0], testSeen: [1], testUnseen: [2, 3]), trainingRowCount: 190))
    let layer = FinalLayer(weight: Matrix(rows: 4, columns: 2), bias: Matrix(rows: 1, columns: 4))
    let accuracy = GeneralizedAccuracy(unseen: 0.25, seen: 0.75)
    let evaluated = Evaluated(
      test: EvaluationResult(
        last: accuracy, history: [accuracy], zsl: 0.5, seenClasses: .none, unseenClasses: .none),
      classifiers: FinalClassifiers(generalized: layer, unseenOnly: layer, epoch: 1))
    let maker = ClassifierFile.Maker(
      programVersion: "1", iteration: iteration, epoch: 1, datasetDigest: "", options: [:])
    let parts: [CheckpointFile: CheckpointPart] = [
      .model: CheckpointPart([]), .optimizer: CheckpointPart([]), .classes: try classes.part(),
      .classifier: try ClassifierFile(evaluated, maker: maker).part(),
    ]
    _ = try CheckpointStore(runDirectory: run, keep: 9).save(
      Checkpoint(
        iteration: iteration, epoch: (iteration + 3) / 4,
        identity: CheckpointIdentity(datasetDigest: "", configurationDigest: "", codeVersion: "0.9", rankCount: 1),
        state: [:], parts: parts.filter { files.contains($0.key) }))
  }

  private func show(_ run: String) throws -> String {
    let lines = try RunSummary(run: run, options: options).lines
    #expect(lines.count <= 24, "no screenful")
    let text = lines.joined(separator: "\n")
    #expect(!text.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    // Lines that go on below are one.
    return text.replacing(/\n {13}/, with: " ")
  }

  private func expect(_ text: String, says expected: String...) {
    for words in expected { #expect(text.contains(words), "'\(words)' is not in:\n\(text)") }
  }

  @Test func aRunThatIsThere() throws {
    try withTemporaryFolder { folder in
      let run = folder + "/a run"
      try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: false)
      #expect(throws: RunMissing.self) { try show(run) }
      try "".write(toFile: run + "/config.yaml", atomically: true, encoding: .utf8)
      expect(try show(run), says: "no checkpoint yet", "none yet: nothing was evaluated", "--resume latest   # goes on")

      try save(run, 4, [.model, .optimizer, .classes])
      try #"{"iteration": 6, "epoch": 2}"#.write(toFile: run + "/metrics.jsonl", atomically: true, encoding: .utf8)
      var text = try show(run)
      expect(
        text, says: "saved at iteration 4 of 12, epoch 1; it had come to 6, and what is not saved is done again",
        "classes and scaler, no classifiers", "'\(run)'   # adds what its checkpoints lack",
        "2 seen, 1 unseen, 1 without rows; features of 2, descriptors of 4 from att_splits.mat",
        "seen       cat, longlonglonglonglonglonglonglonglonglon…\n",
        "unseen     \\u{1B}[2Jdog", "split unknown, 1/1/2 rows, trained on 190; digest 0123456789ab",
        "options      batch-size 50, epochs 3, gone 1; else the defaults")

      try save(run, 12)
      try
        #"{"unseen": 0.25, "seen": 0.75, "harmonic": 0.375, "zsl": 0.5, "iteration": 12, "selection": "last", "data": "/data\u001b[1m", "ausuc": 0.125, "calibrated": {"harmonic": 0.5}, "baselines": {"ridge": {"ausuc": 0.75}}}"#
        .write(toFile: run + "/results.json", atomically: true, encoding: .utf8)
      text = try show(run)
      expect(
        text, says: "finished, iteration 12 of 12, epoch 3", "of iteration 4, 12",
        "U 25.0  S 75.0  H 37.5  T1 50.0 percent, iteration 12 (last epoch, nothing selected)",
        "AUSUC 12.5, calibrated H 50.0; ridge regression without a network: AUSUC 75.0",
        "classifiers for all and for unseen classes (U 25.0  S 75.0  H 37.5  T1 50.0)", "/data\\u{1B}[1m, split",
        "--data '/data\\u{1B}[1m' --run '\(run)' --resume latest --epochs N")
      #expect(!text.contains("lack") && !text.contains("best"))
    }
  }

  @Test func theFirstPhaseIsTold() throws {
    try withTemporaryFolder { run in
      try FileManager.default.createDirectory(atPath: run + "/selection", withIntermediateDirectories: false)
      try save(run + "/selection", 8)
      expect(try show(run), says: "in the first phase of --select validation, saved at iteration 8", "--resume latest")
    }
  }

  @Test func theBestOldOnesAndDamage() throws {
    try withTemporaryFolder { run in
      try save(run, 4, [.model, .optimizer])
      try save(run, 8)
      try save(run, 12)
      let store = try CheckpointStore(runDirectory: run, keep: 9)
      try store.markBest(iteration: 4, figure: 0.125)
      var text = try show(run)
      expect(
        text, says: "in use by process \(ProcessInfo.processInfo.processIdentifier)", "; finished, iteration 12 of 12",
        "best       iteration 4, version 0.9",
        "no classes, no classifiers, chosen by H 12.5 on validation rows", "# adds what its checkpoints lack")
      #expect(!text.contains("--resume"))
      try store.markBest(iteration: 12, figure: 0.5)
      expect(try show(run), says: "best       the same, chosen by H 50.0")

      for (iteration, file) in [("04", "manifest.json"), ("08", "manifest.json"), ("12", "classifier.safetensors")] {
        try Data("\u{1B}".utf8).write(
          to: URL(fileURLWithPath: "\(run)/checkpoints/iteration-0000000\(iteration)/\(file)"))
      }
      text = try show(run)
      expect(
        text, says: "of iteration 12", "damaged    damaged checkpoint:",
        "damaged checkpoint: \(run)/checkpoints/iteration-000000012/class")
    }
  }

  /// Of the files that are not read, the sizes.
  @Test func aCheckpointThatIsCutIsDamaged() throws {
    try withTemporaryFolder { run in
      try save(run, 8)
      try save(run, 12)
      func state() throws -> String { try RunSummary(run: run, options: options).stateName }
      #expect(try state() == "finished")
      func cut(_ iteration: String, _ file: String) throws {
        let path = "\(run)/checkpoints/iteration-0000000\(iteration)/\(file)"
        let bytes = try #require(FileManager.default.contents(atPath: path))
        try bytes.dropLast().write(to: URL(fileURLWithPath: path))
      }
      try cut("12", "model.safetensors")
      #expect(try state() == "saved", "it goes on from the one before")
      try cut("08", "optimizer.safetensors")
      #expect(try state() == "damaged")
      expect(try show(run), says: "its manifest says")
    }
  }
}
