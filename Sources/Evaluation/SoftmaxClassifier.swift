// The final linear softmax (Method.md, "Final classifier"). M rows of a batch, H classifier input, C candidate classes.
import Kernels
import Losses
import Matrices
import Networks
import Optimizers

/// How the final softmax is trained.
package struct ClassifierSettings: Sendable, Equatable {
  package var epochs = 25
  package var learningRate = 1e-3
  /// Rows per step; the authors use the number of synthetic features per class.
  package var batchSize = 100

  package init(epochs: Int = 25, learningRate: Double = 1e-3, batchSize: Int = 100) {
    self.epochs = epochs
    self.learningRate = learningRate
    self.batchSize = batchSize
  }

  /// The rows of an epoch's steps: all of them once, in a fresh random order; the last step may have fewer than the others.
  ///
  /// - Parameter drawNumber: separates this classifier's random draws from those of others.
  func batches(rowCount: Int, epoch: Int, source: RandomSource, drawNumber: Int) -> [ArraySlice<Int>] {
    let order = source.sample(rowCount, below: rowCount, .classifierOrder, step: drawNumber &* 65536 &+ epoch)
    return stride(from: 0, to: order.count, by: batchSize).map { order[$0..<min($0 + batchSize, order.count)] }
  }
}

/// One linear layer and a softmax over the candidate classes, trained with Adam (β₁ 0.5). Weights ~ N(0, 0.02²).
package struct SoftmaxClassifier: Sendable {
  private let parameters: OwnedParameters
  /// W is C×H.
  package let layer: LinearLayer
  private let source: RandomSource
  /// Distinguishes the draws of several classifiers of one run.
  private let drawNumber: Int

  /// - Parameters:
  ///   - inputSize: H.
  ///   - classCount: C, 1 or more.
  ///   - drawNumber: separates this classifier's random draws from those of others.
  ///   - context: of its products.
  package init(inputSize: Int, classCount: Int, source: RandomSource, drawNumber: Int, context: ProductContext) {
    let arena = ParameterArena(shapes: [
      .weight("classifier", outputs: classCount, inputs: inputSize), .bias("classifier", outputs: classCount),
    ])
    parameters = OwnedParameters(arena, context: context)
    layer = LinearLayer(arena, "classifier", context)
    self.source = source
    self.drawNumber = drawNumber
    fillNormal(layer.weight, source, .classifierWeights, step: drawNumber, firstRow: 0, scale: 0.02)
  }

  /// Trains on all rows for `settings.epochs` epochs, each in a fresh random order, and calls `afterEpoch` with the number
  /// of epochs done after each.
  ///
  /// - Parameters:
  ///   - x: rows × H.
  ///   - labels: candidate class index in 0..<C per row.
  package func train(
    x: Matrix, labels: [Int], settings: ClassifierSettings, afterEpoch: (Int) -> Void = { _ in }
  ) {
    precondition(labels.count == x.rowCount && settings.batchSize > 0)
    let largest = min(settings.batchSize, max(x.rowCount, 1))
    let batch = Matrix(rows: largest, columns: x.columnCount)
    let scores = Matrix(rows: largest, columns: layer.unitCount)
    let losses = Matrix(rows: 1, columns: largest)
    let layout = MatrixLayout(shapes: parameters.arena.shapes)
    let gradients = NamedMatrices(layout: layout, storage: FloatStorage(count: layout.count))
    let order = BatchTree(rowCount: settings.batchSize).order
    var adam = Adam()
    for epoch in 0..<settings.epochs {
      for chosen in settings.batches(rowCount: x.rowCount, epoch: epoch, source: source, drawNumber: drawNumber) {
        let rows = batch.rows(0..<chosen.count)
        let batchScores = scores.rows(0..<chosen.count)
        gatherRows(rows, from: x, chosen)
        layer.forward(into: batchScores, x: rows)
        let delta = classificationLoss(
          batchScores, labels: chosen.map { labels[$0] }, temperature: 1, weight: 1, batchSize: chosen.count,
          losses: losses)
        layer.weightSums(into: gradients, delta: delta, input: rows, order: order)
        layer.biasSums(into: gradients, delta: delta, order: order)
        parameters.update(
          layer.summed.parameters, gradients: gradients, adam.next(learningRate: settings.learningRate))
      }
      afterEpoch(epoch + 1)
    }
  }

  /// The candidate with the highest score for each row of x.
  ///
  /// - Parameter classes: the candidates to choose from, as indices in 0..<C; all of them if nil.
  package func predictions(_ x: Matrix, among classes: [Int]? = nil) -> [Int] {
    let scores = Matrix(rows: x.rowCount, columns: layer.unitCount)
    layer.forward(into: scores, x: x)
    return highestScores(scores, among: classes ?? Array(0..<layer.unitCount))
  }
}

/// Of each row of scores [M×C] the class with the highest score; of equal ones the first.
///
/// - Parameter classes: to choose from, at least one of 0..<C, ascending.
package func highestScores(_ scores: Matrix, among classes: [Int]) -> [Int] {
  precondition(!classes.isEmpty, "no class to choose from")
  return (0..<scores.rowCount).map { r in
    let row = scores.rows(r..<r + 1).elements
    var best = classes[0]
    for c in classes where row[c] > row[best] { best = c }
    return best
  }
}
