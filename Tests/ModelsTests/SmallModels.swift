import Datasets
import Evaluation
import Kernels
import Matrices
import Models
import Networks

/// Random models of odd sizes, for tests of what is done with a model. X feature, A descriptor, C classes.
protocol SmallModels {
  var source: RandomSource { get }
  /// X.
  var featureSize: Int { get }
  /// A.
  var attributeSize: Int { get }
  /// Width of the embedding.
  var embeddingSize: Int { get }
  /// Of the C classes.
  var names: [String] { get }
  var roles: [ClassTable.Role] { get }
}

extension SmallModels {
  var classCount: Int { names.count }

  /// Standard normal; every `step` has draws of its own.
  func noise(_ rows: Int, _ columns: Int, step: Int) -> Matrix {
    let x = Matrix(rows: rows, columns: columns)
    fillNormal(x, source, .synthesis, step: step, firstRow: 0)
    return x
  }

  func network(_ kind: EmbeddingKind) -> HybridModel {
    let network = HybridModel(
      sizes: ModelSizes(
        feature: featureSize, attribute: attributeSize, noise: 4, generatorWidth: 9, criticWidth: 3,
        embedding: embeddingSize, projection: 3, comparatorWidth: 3, kind: kind), context: ProductContext())
    network.initialise(source)
    return network
  }

  /// Scores of some classes; −∞ for the others.
  func layer(_ network: HybridModel, _ candidates: [Int], step: Int) -> FinalLayer {
    let bias = Matrix(rows: 1, columns: classCount)
    bias.fill(-.infinity)
    for candidate in candidates { bias[0, candidate] = Float(candidate) / 10 }
    return FinalLayer(weight: noise(classCount, network.sizes.classifierInput, step: step), bias: bias)
  }

  func data() -> ClassesFile {
    // A data set's own maximum is 1.
    let fitted = FeatureScaling(features: noise(30, featureSize, step: 1), rows: Array(0..<30))
    return ClassesFile(
      classes: ClassTable(names: names, descriptors: noise(classCount, attributeSize, step: 2), roles: roles),
      scaling: FeatureScaling(minimum: fitted.minimum, range: fitted.range, maximum: 0.75),
      origin: DataOrigin(
        datasetDigest: "d", classEmbeddingFile: "f",
        split: SplitFingerprint(trainval: [], testSeen: [], testUnseen: []), trainingRowCount: 30))
  }
}
