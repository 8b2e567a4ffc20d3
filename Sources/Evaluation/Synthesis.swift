// Synthetic features of classes without examples, and embeddings of any rows, spread over the ranks.
// M rows in all, X feature, A descriptor, E noise, G generator width, H classifier input, C classes.
import Collectives
import Datasets
import Kernels
import Matrices
import Networks

extension HybridModel {
  /// h [M×H] ← what the classifier sees of scaled features x [M×X]: E(x), or x where there is no embedding.
  package func embed(_ x: Matrix, into h: Matrix) {
    if let embedding { embedding.forward(h: h, x: x) } else { h.copy(from: x) }
  }

  /// C×G: what the generator's first layer makes of descriptors [C×A]; for `generate`.
  package func generatorBase(_ descriptors: Matrix) -> Matrix {
    let base = Matrix(rows: descriptors.rowCount, columns: sizes.generatorWidth)
    generator.classBase(into: base, descriptors: descriptors)
    return base
  }

  /// x [M×X] ← G(noise, descriptor of the label): scaled synthetic features; noise is M×E.
  ///
  /// - Parameter labels: row of `base` for each of the M rows.
  package func generate(into x: Matrix, noise: Matrix, base: Matrix, labels: [Int]) {
    let hidden = Matrix(rows: x.rowCount, columns: sizes.generatorWidth)
    generator.forward(output: x, hidden: hidden, noise: noise, base: base, labels: labels)
  }
}

/// Maps features into the classifier's space with the frozen model, each rank its share of the rows.
package struct FeatureEmbedder {
  package let model: HybridModel
  package let communicator: any Communicator
  /// Rows embedded at a time: bounds the buffers, whatever the data set's size.
  private static let chunk = 1024

  package init(model: HybridModel, communicator: any Communicator) {
    self.model = model
    self.communicator = communicator
  }

  /// Embeddings of rows of `features` [·×X], on rank 0 (an empty matrix elsewhere).
  package func embed(_ features: FeatureTable, rows: [Int]) throws -> Matrix {
    try spread(rows.count) { range, output in
      let x = Matrix(rows: range.count, columns: features.featureSize)
      features.gather(into: x, rows[range])
      model.embed(x, into: output)
    }
  }

  /// Embeddings of `perClass` synthetic features for each of `classes`, class after class, on rank 0 (empty elsewhere).
  ///
  /// - Parameters:
  ///   - descriptors: C×A, of all classes.
  ///   - drawNumber: the evaluation's number; a row's noise depends on it, the seed and the row alone.
  package func synthesise(
    _ classes: [Int], perClass: Int, descriptors: Matrix, source: RandomSource, drawNumber: Int
  ) throws -> Matrix {
    let base = model.generatorBase(descriptors)
    return try spread(classes.count * perClass) { range, output in
      let x = Matrix(rows: range.count, columns: model.sizes.feature)
      let noise = Matrix(rows: range.count, columns: model.sizes.noise)
      fillNormal(noise, source, .synthesis, step: drawNumber, firstRow: range.lowerBound)
      model.generate(into: x, noise: noise, base: base, labels: range.map { classes[$0 / perClass] })
      model.embed(x, into: output)
    }
  }

  /// Runs `body` on this rank's share of 0..<count, a chunk at a time, and gathers the outputs on rank 0.
  private func spread(_ count: Int, _ body: (Range<Int>, Matrix) -> Void) throws -> Matrix {
    let partition = RowPartition(rowCount: count, rankCount: communicator.rankCount)
    let slice = partition.slice(of: communicator.rank)
    let width = model.sizes.classifierInput
    let local = Matrix(rows: slice.count, columns: width)
    for first in stride(from: 0, to: slice.count, by: Self.chunk) {
      let part = first..<min(first + Self.chunk, slice.count)
      body((slice.lowerBound + part.lowerBound)..<(slice.lowerBound + part.upperBound), local.rows(part))
    }
    guard communicator.rankCount > 1 else { return local }
    let all = Matrix(rows: communicator.isRoot ? count : 0, columns: width)
    try communicator.gatherRowsToRoot(local, into: all, partition: partition)
    return all
  }
}
