import Collectives
import Datasets
import Evaluation
import Kernels
import Matrices
import Networks
import TestSupport
import Testing

/// The final softmaxes that an evaluation hands over.
@Suite struct FinalClassifiersTests {
  private let source = RandomSource(seed: 4)
  private let context = ProductContext()

  private func noise(_ rows: Int, _ columns: Int, step: Int) -> Matrix {
    let x = Matrix(rows: rows, columns: columns)
    fillNormal(x, source, .synthesis, step: step, firstRow: 0)
    return x
  }

  /// Seen classes 0 and 4, unseen 1 and 3; class 2 has no rows at all.
  private func training(epochs: Int) -> ClassifierTraining {
    ClassifierTraining(
      seenClasses: [0, 4], unseenClasses: [1, 3], classCount: 5,
      settings: ClassifierSettings(epochs: epochs, learningRate: 0.01, batchSize: 4), source: source,
      context: context)
  }

  @Test func theLayerIsThatOfTheKeptEpoch() {
    let (real, synthetic, rows) = (noise(9, 6, step: 1), noise(8, 6, step: 2), noise(40, 6, step: 3))
    let labels = [0, 4, 4, 0, 0, 4, 0, 4, 0]
    var predictions: [Int: [Int]] = [:]
    let layer = training(epochs: 5).generalized(
      real: real, labels: labels, synthetic: synthetic, drawNumber: 6, keptEpoch: 3
    ) { epoch, predict in predictions[epoch] = predict(rows) }
    let shorter = training(epochs: 3).generalized(
      real: real, labels: labels, synthetic: synthetic, drawNumber: 6, keptEpoch: 3)
    #expect(layer.weight.elements.map(\.bitPattern) == shorter.weight.elements.map(\.bitPattern))
    #expect(layer.bias.elements.map(\.bitPattern) == shorter.bias.elements.map(\.bitPattern))
    #expect(predictions.count == 5 && predictions[3] != predictions[1])
    #expect(layer.predictions(rows, context: context) == predictions[3])
  }

  @Test func whatIsNoCandidateIsNeverAnswered() {
    let training = training(epochs: 2)
    let generalized = training.generalized(
      real: noise(4, 6, step: 1), labels: [0, 4, 0, 4], synthetic: noise(4, 6, step: 2), drawNumber: 0, keptEpoch: 2)
    let unseenOnly = training.unseenOnly(synthetic: noise(4, 6, step: 2), drawNumber: 1)
    #expect(generalized.candidates == [0, 1, 3, 4] && unseenOnly.candidates == [1, 3])
    let (rows, scores) = (noise(50, 6, step: 3), Matrix(rows: 50, columns: 5))
    for layer in [generalized, unseenOnly] {
      layer.scores(into: scores, rows, context: context)
      for r in 0..<50 {
        #expect((0..<5).filter { scores[r, $0] > -.infinity } == layer.candidates)
      }
      #expect(Set(layer.predictions(rows, context: context)).isSubset(of: layer.candidates))
    }
  }

  /// Weights that overflow end the evaluation, on every rank, instead of figures at chance.
  @Test(arguments: [1, 2]) func weightsThatAreNotFiniteAreNoClassifier(ranks: Int) throws {
    try withTemporaryFolder { folder in
      try DemoData.write(to: folder, seed: 3)
      @Sendable func evaluate(_ communicator: any Communicator) throws {
        let dataset = try GZSLDataset.load(folder: folder, options: DataOptions())
        let model = HybridModel(
          sizes: ModelSizes(
            feature: dataset.features.featureSize, attribute: dataset.descriptors.columnCount, noise: 4,
            generatorWidth: 8, criticWidth: 4, embedding: 16, projection: 4, comparatorWidth: 4),
          context: ProductContext())
        model.initialise(RandomSource(seed: 4))
        let evaluation = GZSLEvaluation(
          model: model, communicator: communicator,
          classifier: ClassifierSettings(epochs: 3, learningRate: 1e38, batchSize: 50), syntheticPerClass: 20,
          source: RandomSource(seed: 4))
        do {
          _ = try evaluation.run(dataset, iteration: 1)
          Issue.record("weights that overflow were taken for a classifier")
        } catch let error as any ReportableError {
          #expect(error.exitStatus == .nonFinite && error.description.contains("--classifier-learning-rate"))
          #expect(!communicator.isRoot || error is NonFiniteClassifier)
        }
      }
      if ranks == 1 { try evaluate(SingleProcess()) } else { _ = try onThreads(hosts: [ranks]) { try evaluate($0) } }
    }
  }

  /// The classifiers give the figures that are reported, on the test task as on the validation task.
  @Test(arguments: [false, true]) func theClassifiersGiveTheFigures(isSelecting: Bool) throws {
    try withTemporaryFolder { folder in
      try DemoData.write(to: folder, seed: 3)
      let whole = try GZSLDataset.load(folder: folder, options: DataOptions())
      let dataset = isSelecting ? try whole.selecting() : whole
      let model = HybridModel(
        sizes: ModelSizes(
          feature: dataset.features.featureSize, attribute: dataset.descriptors.columnCount, noise: 4,
          generatorWidth: 8, criticWidth: 4, embedding: 16, projection: 4, comparatorWidth: 4), context: context)
      model.initialise(source)
      let communicator = SingleProcess()
      let evaluation = GZSLEvaluation(
        model: model, communicator: communicator,
        classifier: ClassifierSettings(epochs: 6, learningRate: 0.1, batchSize: 50), syntheticPerClass: 20,
        source: source)
      let evaluated = try #require(try evaluation.run(dataset, iteration: 5))
      #expect(evaluated.classifiers.epoch == 6 && evaluated.classifiers.constants == HeadConstants(usual: .softmax))
      let embedder = FeatureEmbedder(model: model, communicator: communicator)
      func table(_ layer: FinalLayer, _ rows: [Int]) throws -> PerClassAccuracy {
        PerClassAccuracy(
          predictions: layer.predictions(try embedder.embed(dataset.features, rows: rows), context: context),
          labels: rows.map { dataset.labels[$0] })
      }
      let seen = try table(evaluated.classifiers.generalized, dataset.test.seenRows)
      let unseen = try table(evaluated.classifiers.generalized, dataset.test.unseenRows)
      #expect(seen == evaluated.test.seenClasses && unseen == evaluated.test.unseenClasses)
      #expect(evaluated.test.last == GeneralizedAccuracy(unseen: unseen.mean, seen: seen.mean))
      #expect(
        try table(evaluated.classifiers.unseenOnly, dataset.test.unseenRows).mean == evaluated.test.zsl)
      #expect(evaluated.test.history.count == 6 && evaluated.test.last == evaluated.test.history[5])
    }
  }
}
