// Classes of raw features, block by block. N rows of a block, X feature, H embedding, C classes.
import Evaluation
import Kernels
import Matrices

/// What a model answers for a block of rows.
package struct PredictedBlock {
  /// Number of the first row, from 0.
  package let firstRow: Int
  /// N×H.
  package let embeddings: Matrix
  /// N×C; −∞ for classes that may not be answered.
  package let logits: Matrix
  /// N×C; 0 for classes that may not be answered.
  package let probabilities: Matrix
  /// For each row the most probable classes, the first of equal ones first, as many as were asked for.
  package let best: [[Int]]
}

extension TrainedModel {
  /// Goes through all rows of a source.
  ///
  /// - Parameters:
  ///   - top: classes for each row, from 1 to the number that may be answered.
  ///   - blockRows: at a time; bounds the memory, and changes no bit.
  ///   - body: gets each block; its matrices are used again for the next.
  /// - Throws: `ModelError.incomplete`, what `FeatureSource.next` throws, what the body throws.
  package func predict(
    _ source: FeatureSource, answering: Answering, top: Int, blockRows: Int = 2048,
    _ body: (PredictedBlock) throws -> Void
  ) throws {
    let candidates = try candidates(answering)
    precondition((1...candidates.count).contains(top), "\(top) of \(candidates.count) classes")
    let most = min(blockRows, max(source.rowCount, 1))
    let embeddings = Matrix(rows: most, columns: embeddingSize)
    let logits = Matrix(rows: most, columns: classes.count)
    let probabilities = Matrix(rows: most, columns: classes.count)
    var firstRow = 0
    while let x = try source.next(most) {
      let rows = 0..<x.rowCount
      embed(x, into: embeddings.rows(rows))
      try scores(into: logits.rows(rows), features: x, answering: answering)
      probabilities.rows(rows).copy(from: logits.rows(rows))
      softmaxRows(probabilities.rows(rows))
      try body(
        PredictedBlock(
          firstRow: firstRow, embeddings: embeddings.rows(rows), logits: logits.rows(rows),
          probabilities: probabilities.rows(rows), best: best(logits.rows(rows), candidates, count: top)))
      firstRow += x.rowCount
    }
  }
}

/// Of each row of scores [N×C] the candidates with the highest ones, descending; of equal ones the first comes first.
private func best(_ scores: Matrix, _ candidates: [Int], count: Int) -> [[Int]] {
  if count == 1 { return highestScores(scores, among: candidates).map { [$0] } }
  return (0..<scores.rowCount).map { r in
    let row = scores.rows(r..<r + 1).elements
    return Array(candidates.sorted { row[$0] != row[$1] ? row[$0] > row[$1] : $0 < $1 }.prefix(count))
  }
}
