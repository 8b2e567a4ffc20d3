// Prototypes from descriptors with adjusted logits (Chen, Shen, Zhang, Torr: *Zero-Shot Logit Adjustment*, IJCAI 2022).
// M rows of a batch, H classifier input, A descriptor, C candidates.
import Glibc
import Kernels
import Losses
import Matrices
import Networks
import Optimizers

/// A class's prototype is a linear map of its descriptor; a row's score is the cosine with it over a temperature. In training the logarithm
/// of the class's share of the rows is added to the score, so that frequent classes must win by more; in prediction it is not.
struct PrototypeClassifier {
  /// Of the softmax in training; the authors' too.
  static let temperature: Float = 0.04

  private let parameters: OwnedParameters
  private let layer: LinearLayer
  private let source: RandomSource
  private let drawNumber: Int
  private let context: ProductContext
  /// C×A, rows of unit length.
  private let descriptors: Matrix

  /// - Parameters:
  ///   - descriptors: C×A, of the candidates.
  ///   - inputSize: H.
  ///   - drawNumber: separates this classifier's random draws from those of others.
  init(descriptors: Matrix, inputSize: Int, source: RandomSource, drawNumber: Int, context: ProductContext) {
    let arena = ParameterArena(shapes: [
      .weight("prototypes", outputs: inputSize, inputs: descriptors.columnCount),
      .bias("prototypes", outputs: inputSize),
    ])
    self.context = context.float32
    parameters = OwnedParameters(arena, context: self.context)
    layer = LinearLayer(arena, "prototypes", self.context)
    self.source = source
    self.drawNumber = drawNumber
    self.descriptors = DoubleMatrix(descriptors).unitRows.rounded
    fillNormal(layer.weight, source, .classifierWeights, step: drawNumber, firstRow: 0, scale: 0.02)
  }

  /// C×H, rows of unit length.
  var prototypes: Matrix {
    let result = Matrix(rows: descriptors.rowCount, columns: layer.unitCount)
    makePrototypes(into: result, norms: Matrix(rows: 1, columns: descriptors.rowCount))
    return result
  }

  private func makePrototypes(into p: Matrix, norms: Matrix) {
    layer.forward(into: p, x: descriptors)
    normaliseRows(p, norms: norms)
  }

  /// - Parameters:
  ///   - x: rows × H, of unit length.
  ///   - labels: candidate of each row, 0..<C; every candidate counts as one row at least.
  func train(x: Matrix, labels: [Int], settings: ClassifierSettings) {
    precondition(labels.count == x.rowCount && settings.batchSize > 0)
    let (classes, width) = (descriptors.rowCount, x.columnCount)
    let largest = min(settings.batchSize, max(x.rowCount, 1))
    let (batch, scores) = (Matrix(rows: largest, columns: width), Matrix(rows: largest, columns: classes))
    let (p, dp) = (Matrix(rows: classes, columns: width), Matrix(rows: classes, columns: width))
    let (norms, losses) = (Matrix(rows: 1, columns: classes), Matrix(rows: 1, columns: largest))
    let prior = priors(labels)
    let layout = MatrixLayout(shapes: parameters.arena.shapes)
    let gradients = NamedMatrices(layout: layout, storage: FloatStorage(count: layout.count))
    let order = BatchTree(rowCount: classes).order
    var adam = Adam()
    for epoch in 0..<settings.epochs {
      for chosen in settings.batches(rowCount: x.rowCount, epoch: epoch, source: source, drawNumber: drawNumber) {
        let (rows, batchScores) = (batch.rows(0..<chosen.count), scores.rows(0..<chosen.count))
        gatherRows(rows, from: x, chosen)
        makePrototypes(into: p, norms: norms)
        context.multiply(into: batchScores, rows, p.transposed, finish: .bias(prior))
        let delta = classificationLoss(
          batchScores, labels: chosen.map { labels[$0] }, temperature: Self.temperature, weight: 1,
          batchSize: chosen.count, losses: losses)
        context.multiply(into: dp, delta.matrix.transposed, rows)
        normaliseRowsBackward(dp, z: p, norms: norms)
        layer.weightSums(into: gradients, delta: Delta(dp), input: descriptors, order: order)
        layer.biasSums(into: gradients, delta: Delta(dp), order: order)
        parameters.update(
          layer.summed.parameters, gradients: gradients, adam.next(learningRate: settings.learningRate))
      }
    }
  }

  /// 1×C: logarithms of the classes' shares of the rows, times the temperature by which scores are divided.
  private func priors(_ labels: [Int]) -> Matrix {
    var counts = [Double](repeating: 0, count: descriptors.rowCount)
    for label in labels { counts[label] += 1 }
    let total = Double(max(labels.count, 1))
    return Matrix(
      rows: 1, columns: counts.count,
      elements: counts.map { Float(log(max($0, 1) / total)) * Self.temperature })
  }
}
