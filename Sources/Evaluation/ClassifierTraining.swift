// How the final softmaxes are trained from embeddings. N rows, H classifier input, C classes of the data set.
import Kernels
import Matrices

/// Trains the final softmaxes from embeddings of real rows of seen classes and of synthetic rows of unseen ones.
package struct ClassifierTraining: Sendable {
  private let unseenClasses: [Int]
  /// Seen and unseen classes, ascending: the softmax's units.
  private let candidates: [Int]
  /// Unit of each candidate.
  private let unit: [Int: Int]
  private let classCount: Int
  private let settings: ClassifierSettings
  private let source: RandomSource
  private let context: ProductContext

  /// - Parameters:
  ///   - unseenClasses: disjoint from `seenClasses`.
  ///   - classCount: C, of which the candidates may be a part.
  ///   - context: of the products, which are in float32.
  package init(
    seenClasses: [Int], unseenClasses: [Int], classCount: Int, settings: ClassifierSettings, source: RandomSource,
    context: ProductContext
  ) {
    self.unseenClasses = unseenClasses
    candidates = (seenClasses + unseenClasses).sorted()
    unit = Dictionary(uniqueKeysWithValues: candidates.enumerated().map { ($1, $0) })
    self.classCount = classCount
    self.settings = settings
    self.source = source
    self.context = context.float32
  }

  /// A softmax over seen and unseen classes.
  ///
  /// - Parameters:
  ///   - real: N×H, rows of seen classes.
  ///   - labels: their classes.
  ///   - synthetic: rows of unseen classes, class after class, as many of each.
  ///   - drawNumber: separates this classifier's random draws from those of others.
  ///   - keptEpoch: the epoch after which the layer is taken, from 1.
  ///   - afterEpoch: called with the epochs done and what predicts classes of rows [·×H] then.
  package func generalized(
    real: Matrix, labels: [Int], synthetic: Matrix, drawNumber: Int, keptEpoch: Int,
    afterEpoch: (Int, (Matrix) -> [Int]) -> Void = { _, _ in }
  ) -> FinalLayer {
    precondition((1...settings.epochs).contains(keptEpoch), "epoch \(keptEpoch) of \(settings.epochs)")
    let x = Matrix(rows: real.rowCount + synthetic.rowCount, columns: real.columnCount)
    x.rows(0..<real.rowCount).copy(from: real)
    x.rows(real.rowCount..<x.rowCount).copy(from: synthetic)
    let softmax = SoftmaxClassifier(
      inputSize: x.columnCount, classCount: candidates.count, source: source, drawNumber: drawNumber,
      context: context)
    var kept: FinalLayer?
    softmax.train(x: x, labels: units(labels + self.labels(ofSynthetic: synthetic)), settings: settings) { epoch in
      afterEpoch(epoch) { rows in softmax.predictions(rows).map { candidates[$0] } }
      if epoch == keptEpoch { kept = layer(softmax, answering: candidates) }
    }
    guard let kept else { preconditionFailure("no epoch \(keptEpoch)") }
    return kept
  }

  /// T1: a softmax of its own, trained on unseen classes only, four times the epochs (the authors' 100 instead of 25). The layer
  /// has all candidates, as the reference protocol has it: the classes without rows take up probability in the first epochs,
  /// which is worth about 0.4 points over a layer of the unseen classes alone (five draws for each of three models on debtags).
  ///
  /// - Parameters:
  ///   - synthetic: as for `generalized`.
  ///   - drawNumber: separates this classifier's random draws from those of others.
  package func unseenOnly(synthetic: Matrix, drawNumber: Int) -> FinalLayer {
    var settings = settings
    settings.epochs *= 4
    let softmax = SoftmaxClassifier(
      inputSize: synthetic.columnCount, classCount: candidates.count, source: source, drawNumber: drawNumber,
      context: context)
    softmax.train(x: synthetic, labels: units(labels(ofSynthetic: synthetic)), settings: settings)
    return layer(softmax, answering: unseenClasses)
  }

  private func labels(ofSynthetic rows: Matrix) -> [Int] {
    let perClass = unseenClasses.isEmpty ? 0 : rows.rowCount / unseenClasses.count
    precondition(
      perClass * unseenClasses.count == rows.rowCount, "\(rows.rowCount) rows of \(unseenClasses.count) classes")
    return unseenClasses.flatMap { Array(repeating: $0, count: perClass) }
  }

  private func units(_ classes: [Int]) -> [Int] {
    classes.map { classIndex in
      guard let unit = unit[classIndex] else {
        preconditionFailure("a row of class \(classIndex), which is no candidate")
      }
      return unit
    }
  }

  private func layer(_ softmax: SoftmaxClassifier, answering: [Int]) -> FinalLayer {
    FinalLayer(softmax.layer, classes: candidates, candidates: answering, classCount: classCount)
  }
}
