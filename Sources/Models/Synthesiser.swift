// Synthetic features of any descriptors. N rows, X feature, A descriptor, H classifier input, S descriptors.
import Evaluation
import Kernels
import Matrices
import Networks

/// Draws synthetic features of classes by their descriptors. A row depends on the seed, its number and its descriptor alone, so rows may
/// come in blocks of any size.
package struct Synthesiser: Sendable {
  private let model: TrainedModel
  /// S×G: what the generator makes of the descriptors.
  private let base: Matrix
  private let source: RandomSource

  /// - Parameters:
  ///   - descriptors: S×A, of the model's classes or of others.
  ///   - seed: another one gives other features.
  package init(_ model: TrainedModel, descriptors: Matrix, seed: UInt64) {
    precondition(descriptors.columnCount == model.attributeSize)
    self.model = model
    base = model.network.generatorBase(descriptors)
    source = RandomSource(seed: seed)
  }

  /// x [N×X] ← raw features, as a data set has them.
  ///
  /// - Parameters:
  ///   - labels: row of `descriptors` for each of the N rows.
  ///   - firstRow: number of the first of them.
  package func features(into x: Matrix, labels: [Int], firstRow: Int) {
    scaledFeatures(into: x, labels: labels, firstRow: firstRow)
    model.data.scaling.unscale(x)
  }

  /// h [N×H] ← embeddings of such features, without the rounding of scaling back and forth.
  package func embeddings(into h: Matrix, labels: [Int], firstRow: Int) {
    let x = Matrix(rows: labels.count, columns: model.featureSize)
    scaledFeatures(into: x, labels: labels, firstRow: firstRow)
    model.network.embed(x, into: h)
  }

  private func scaledFeatures(into x: Matrix, labels: [Int], firstRow: Int) {
    precondition(labels.count == x.rowCount && labels.allSatisfy { (0..<base.rowCount).contains($0) })
    let noise = Matrix(rows: labels.count, columns: model.network.sizes.noise)
    fillNormal(noise, source, .synthesis, step: 0, firstRow: firstRow)
    model.network.generate(into: x, noise: noise, base: base, labels: labels)
  }
}
