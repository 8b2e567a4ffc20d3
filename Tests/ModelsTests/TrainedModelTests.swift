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

/// A model that is used without its data set and its run.
@Suite struct TrainedModelTests: SmallModels {
  let source = RandomSource(seed: 9)
  let featureSize = 21
  let attributeSize = 5
  let embeddingSize = 14
  let names = ["a", "b", "c", "d", "e", "f"]
  let roles: [ClassTable.Role] = [.seen, .unseen, .seen, .unused, .unseen, .seen]

  private func parts(_ network: HybridModel) throws -> [CheckpointFile: CheckpointPart] {
    let evaluated = Evaluated(
      test: EvaluationResult(
        last: .init(unseen: 0, seen: 0), history: [.init(unseen: 0, seen: 0)], zsl: 0, seenClasses: .none,
        unseenClasses: .none),
      classifiers: FinalClassifiers(
        generalized: layer(network, [0, 1, 2, 4, 5], step: 3), unseenOnly: layer(network, [1, 4], step: 4), epoch: 1))
    let classifier = ClassifierFile(
      evaluated, maker: .init(programVersion: "1", iteration: 7, epoch: 1, datasetDigest: "d", options: [:]))
    return [
      .model: CheckpointPart(network.tensors), .optimizer: CheckpointPart([]), .classes: try data().part(),
      .classifier: try classifier.part(),
    ]
  }

  /// Saves a checkpoint with some files in a run directory.
  private func save(
    _ run: String, _ iteration: Int, _ files: [CheckpointFile] = CheckpointFile.allCases,
    kind: EmbeddingKind = .contrastive, state: [String: String] = [:]
  ) throws {
    let parts = try parts(network(kind)).filter { files.contains($0.key) }
    _ = try CheckpointStore(runDirectory: run, keep: 9).save(
      Checkpoint(
        iteration: iteration, epoch: 1,
        identity: CheckpointIdentity(datasetDigest: "d", configurationDigest: "", codeVersion: "1", rankCount: 1),
        state: state, parts: parts))
  }

  private func load(_ run: String, _ choice: CheckpointChoice) throws -> TrainedModel {
    try TrainedModel.load(run: run, choice).model
  }

  /// Scores by definition, in Double: scaler, embedding, softmax layer.
  private func expected(_ model: TrainedModel, _ x: Matrix, _ layer: FinalLayer) -> [[Double]] {
    let scaling = model.data.scaling
    return (0..<x.rowCount).map { r in
      let scaled = (0..<featureSize).map {
        (Double(x[r, $0]) - Double(scaling.minimum[0, $0])) / Double(scaling.range[0, $0]) / Double(scaling.maximum)
      }
      func linear(_ weight: Matrix, _ bias: Matrix, _ input: [Double]) -> [Double] {
        (0..<weight.rowCount).map { unit in
          input.indices.reduce(Double(bias[0, unit])) { $0 + Double(weight[unit, $1]) * input[$1] }
        }
      }
      var h = scaled
      if let embedding = model.network.embedding {
        h = linear(embedding.layer.weight, embedding.layer.bias, scaled)
        if embedding.isHidden { h = h.map { max($0, 0) } }
      }
      return linear(layer.weight, layer.bias, h)
    }
  }

  @Test(arguments: EmbeddingKind.allCases, Answering.allCases)
  func scoresAreThoseOfTheDefinition(_ kind: EmbeddingKind, _ answering: Answering) throws {
    try withTemporaryFolder { run in
      try save(run, 7, kind: kind)
      let model = try load(run, .last)
      #expect(
        model.iteration == 7 && model.network.sizes.kind == kind
          && model.embeddingSize == network(kind).sizes.classifierInput)
      let x = noise(40, featureSize, step: 5)
      let rows = ClassifiedRows(of: model, rowCount: 40)
      try model.classify(x, answering: answering, into: rows)
      let scores = rows.scores
      let expected = expected(model, x, try model.finalLayer(answering))
      let candidates = answering == .all ? [0, 1, 2, 4, 5] : [1, 4]
      #expect(try model.candidates(answering) == candidates)
      let predictions = highestScores(scores, among: candidates)
      for r in 0..<40 {
        for c in 0..<classCount {
          if candidates.contains(c) {
            // Float32 sums of some twenty products.
            #expect(abs(Double(scores[r, c]) - expected[r][c]) < 1e-4, "row \(r), class \(c)")
          } else {
            #expect(scores[r, c] == -.infinity)
          }
        }
        #expect(predictions[r] == candidates.max { expected[r][$0] < expected[r][$1] })
      }
      softmaxRows(scores)
      for r in 0..<40 {
        let sum = candidates.reduce(0.0) { $0 + exp(expected[r][$1]) }
        for c in 0..<classCount {
          let probability = candidates.contains(c) ? exp(expected[r][c]) / sum : 0
          #expect(abs(Double(scores[r, c]) - probability) < 1e-5 && (scores[r, c] > 0) == candidates.contains(c))
        }
      }
    }
  }

  @Test func rowsMayComeInBlocksOfAnySize() throws {
    try withTemporaryFolder { run in
      try save(run, 7)
      let model = try load(run, .last)
      let x = noise(1100, featureSize, step: 5)
      let (whole, parts) = (Matrix(rows: 1100, columns: 14), Matrix(rows: 1100, columns: 14))
      model.embed(x, into: whole)
      var first = 0
      for count in [1, 7, 1024, 3, 65] {
        model.embed(x.rows(first..<first + count), into: parts.rows(first..<first + count))
        first += count
      }
      #expect(first == 1100 && whole.elements.map(\.bitPattern) == parts.elements.map(\.bitPattern))
      model.embed(Matrix(rows: 0, columns: featureSize), into: Matrix(rows: 0, columns: 14))
    }
  }

  @Test(arguments: Answering.allCases) func filesAreClassifiedInBlocks(_ answering: Answering) throws {
    try withTemporaryFolder { run in
      try save(run, 7)
      let model = try load(run, .last)
      let x = noise(70, featureSize, step: 5)
      try NumpyWriter.write(path: run + "/x.npy", NumpyArray("x", matrix: x))
      let whole = ClassifiedRows(of: model, rowCount: 70)
      try model.classify(x, answering: answering, into: whole)
      let (h, scores) = (Matrix(rows: 70, columns: 14), whole.scores)
      model.embed(x, into: h)
      let candidates = answering == .all ? [0, 1, 2, 4, 5] : [1, 4]
      for blockRows in [1, 64, 69, 70, 1000] {
        let source = try FeatureSource(ArrayReference(run + "/x.npy"), featureSize: featureSize)
        var rows = 0
        try model.predict(source, answering: answering, top: candidates.count, blockRows: blockRows) { block in
          #expect(block.firstRow == rows && block.logits.rowCount == min(blockRows, 70 - rows))
          let range = rows..<rows + block.logits.rowCount
          rows = range.upperBound
          #expect(block.logits.elements.map(\.bitPattern) == scores.rows(range).elements.map(\.bitPattern))
          #expect(block.embeddings.elements.map(\.bitPattern) == h.rows(range).elements.map(\.bitPattern))
          for (r, best) in block.best.enumerated() {
            #expect(best.sorted() == candidates)
            let ordered = best.map { block.probabilities[r, $0] }
            #expect(ordered == ordered.sorted(by: >) && abs(ordered.reduce(0, +) - 1) < 1e-5)
          }
        }
        #expect(rows == 70)
      }
    }
  }

  @Test func featuresThatDoNotFitAreRefused() throws {
    try withTemporaryFolder { folder in
      let x = Matrix(rows: 9, columns: featureSize)
      x[7, 3] = .nan
      try NumpyWriter.write(path: folder + "/x.npy", NumpyArray("x", matrix: x))
      let reference = ArrayReference(folder + "/x.npy")
      #expect(
        throws: FeatureError.width(place: folder + "/x.npy", rows: 9, columns: featureSize, featureSize: 20)
      ) { try FeatureSource(reference, featureSize: 20) }
      let source = try FeatureSource(reference, featureSize: featureSize)
      let block = Matrix(rows: 5, columns: featureSize)
      #expect(try source.next(into: block) == 5)
      let error = #expect(throws: FeatureError.self) { try source.next(into: block) }
      #expect(error?.description.contains("row 8, feature 4 is nan") == true && error?.exitStatus == .badData)
      // The other way round, as its width tells.
      let turned = try FeatureSource(reference, featureSize: 9)
      #expect(turned.rowCount == featureSize && turned.notes.count == 1)
    }
  }

  @Test func synthesisDependsOnSeedRowAndDescriptorAlone() throws {
    try withTemporaryFolder { run in
      try save(run, 7)
      let model = try load(run, .last)
      let descriptors = noise(3, attributeSize, step: 6)
      let synthesiser = Synthesiser(model, descriptors: descriptors, seed: 5)
      let labels = [0, 2, 1, 1, 2, 0, 0]
      let (whole, parts) = (Matrix(rows: 7, columns: featureSize), Matrix(rows: 7, columns: featureSize))
      synthesiser.features(into: whole, labels: labels, firstRow: 100)
      for range in [0..<1, 1..<5, 5..<7] {
        synthesiser.features(
          into: parts.rows(range), labels: Array(labels[range]), firstRow: 100 + range.lowerBound)
      }
      #expect(whole.elements.map(\.bitPattern) == parts.elements.map(\.bitPattern))
      #expect(whole.rows(0..<1).elements != whole.rows(5..<6).elements)
      let other = Synthesiser(model, descriptors: descriptors, seed: 6)
      other.features(into: parts, labels: labels, firstRow: 100)
      #expect(whole.elements != parts.elements)

      // The embedding of features that went to the data's scale and back.
      let (h, direct) = (Matrix(rows: 7, columns: 14), Matrix(rows: 7, columns: 14))
      model.embed(whole, into: h)
      synthesiser.embeddings(into: direct, labels: labels, firstRow: 100)
      for (a, b) in zip(h.elements, direct.elements) { #expect(abs(a - b) < 1e-5) }
      #expect(direct.elements.contains { $0 > 0 })
      // What the evaluation draws for the same seed, row and class.
      let drawn = try FeatureEmbedder(model: model.network, communicator: SingleProcess()).synthesise(
        [2, 0], perClass: 2, descriptors: descriptors, source: RandomSource(seed: 5), drawNumber: 0)
      let same = Matrix(rows: 4, columns: 14)
      synthesiser.embeddings(into: same, labels: [2, 2, 0, 0], firstRow: 0)
      #expect(drawn.elements.map(\.bitPattern) == same.elements.map(\.bitPattern))
    }
  }

  @Test func bestAndLastAndOthers() throws {
    try withTemporaryFolder { run in
      #expect(throws: ModelError.noCheckpoint(run: run)) { try load(run, .best) }
      for iteration in [5, 7, 9] { try save(run, iteration) }
      #expect(try load(run, .best).iteration == 9)
      try CheckpointStore(runDirectory: run, keep: 9).markBest(iteration: 5, figure: 0.5)
      #expect(try load(run, .best).iteration == 5 && load(run, .last).iteration == 9)
      #expect(try load(run, CheckpointChoice(run + "/checkpoints/iteration-000000007")).iteration == 7)
      #expect(CheckpointChoice("best") == .best && CheckpointChoice("last") == .last)
      #expect(throws: CheckpointError.self) { try load(run, .path(run)) }
    }
  }

  @Test func whatIsMissingIsSaidWithItsCure() throws {
    try withTemporaryFolder { run in
      try save(run, 5, [.model, .optimizer])
      let old = #expect(throws: ModelError.self) { try load(run, .last) }
      #expect(
        old?.description.contains("cegzsl evaluate --data DIR --checkpoint \(run)/checkpoints/iteration-000000005")
          == true)
      #expect(old?.exitStatus == .badCheckpoint)
      try save(run, 7, [.model, .optimizer, .classes])
      let stopped = try load(run, .last)
      let x = noise(2, featureSize, step: 5)
      stopped.embed(x, into: Matrix(rows: 2, columns: 14))
      let error = #expect(throws: ModelError.self) {
        try stopped.classify(x, answering: .all, into: ClassifiedRows(of: stopped, rowCount: 2))
      }
      #expect(error?.description.contains("no classifier") == true)
    }
  }

  @Test func partsOfDifferentModelsAreRefused() throws {
    try withTemporaryFolder { run in
      var parts = try parts(network(.contrastive))
      parts[.classifier] = try self.parts(network(.none))[.classifier]
      _ = try CheckpointStore(runDirectory: run, keep: 9).save(
        Checkpoint(
          iteration: 1, epoch: 1,
          identity: CheckpointIdentity(datasetDigest: "", configurationDigest: "", codeVersion: "", rankCount: 1),
          state: [:], parts: parts))
      #expect(throws: ModelError.self) { try load(run, .last) }
    }
  }

  @Test func precisionIsThatOfTheRunUnlessAsked() throws {
    try withTemporaryFolder { run in
      try save(run, 7, state: ["--precision": "bfloat16"])
      if (try? ProductPrecision.bfloat16.requireSupport()) != nil {
        #expect(try load(run, .last).network.context.precision == .bfloat16)
      } else {
        #expect(throws: (any Error).self) { try load(run, .last) }
      }
      #expect(try TrainedModel.load(run: run, .last, precision: .float32).model.network.context.precision == .float32)
    }
  }
}
