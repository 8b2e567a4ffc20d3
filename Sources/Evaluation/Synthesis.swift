// Synthetic features of classes without examples, and embeddings of any rows, spread over the ranks.
// M rows in all, X feature, E noise, H classifier input, C classes.
import Collectives
import Datasets
import Kernels
import Matrices
import Networks

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
      embed(x, into: output)
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
    let generator = model.generator
    let base = Matrix(rows: descriptors.rowCount, columns: model.sizes.generatorWidth)
    generator.classBase(into: base, descriptors: descriptors)
    return try spread(classes.count * perClass) { range, output in
      let noise = Matrix(rows: range.count, columns: model.sizes.noise)
      let hidden = Matrix(rows: range.count, columns: model.sizes.generatorWidth)
      let x = Matrix(rows: range.count, columns: model.sizes.feature)
      fillNormal(noise, source, .synthesis, step: drawNumber, firstRow: range.lowerBound)
      generator.forward(
        output: x, hidden: hidden, noise: noise, base: base, labels: range.map { classes[$0 / perClass] })
      embed(x, into: output)
    }
  }

  private func embed(_ x: Matrix, into output: Matrix) {
    if let embedding = model.embedding { embedding.forward(h: output, x: x) } else { output.copy(from: x) }
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
