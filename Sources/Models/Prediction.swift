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

/// A row of finite features whose logits are not finite.
package struct UnanswerableRow: ReportableError, Equatable {
  /// From 0.
  package let row: Int
  package var exitStatus: ExitStatus { .badData }
  package var description: String {
    "row \(row + 1): its logits are not finite, so its features are far beyond those that the model was trained on; give features of the same "
      + "extractor and units"
  }
}

/// Room for what a model computes of N rows; used again for the next ones.
package struct ClassifiedRows {
  /// N×X.
  let scaledFeatures: Matrix
  /// N×H.
  package let embeddings: Matrix
  /// N×C, in the order of the classes; −∞ for classes that may not be answered.
  package let scores: Matrix

  package init(of model: TrainedModel, rowCount: Int) {
    scaledFeatures = Matrix(rows: rowCount, columns: model.featureSize)
    embeddings = Matrix(rows: rowCount, columns: model.embeddingSize)
    scores = Matrix(rows: rowCount, columns: model.classes.count)
  }

  private init(_ whole: ClassifiedRows, _ range: Range<Int>) {
    scaledFeatures = whole.scaledFeatures.rows(range)
    embeddings = whole.embeddings.rows(range)
    scores = whole.scores.rows(range)
  }

  /// Some of them, in the same memory.
  package func rows(_ range: Range<Int>) -> ClassifiedRows { ClassifiedRows(self, range) }
}

extension TrainedModel {
  /// Goes through all rows of a source.
  ///
  /// - Parameters:
  ///   - top: classes for each row, from 1 to the number that may be answered.
  ///   - blockRows: at a time; bounds the memory, and changes no bit.
  ///   - body: gets each block; its matrices are used again for the next.
  /// - Throws: `ModelError.incomplete`, `UnanswerableRow`, what `FeatureSource.next` throws, what the body throws.
  package func predict(
    _ source: FeatureSource, answering: Answering, top: Int, blockRows: Int = 2048,
    _ body: (PredictedBlock) throws -> Void
  ) throws {
    let candidates = try candidates(answering)
    precondition((1...candidates.count).contains(top), "\(top) of \(candidates.count) classes")
    let most = min(blockRows, max(source.rowCount, 1))
    let features = Matrix(rows: most, columns: featureSize)
    let probabilities = Matrix(rows: most, columns: classes.count)
    let room = ClassifiedRows(of: self, rowCount: most)
    var firstRow = 0
    while case let count = try source.next(into: features), count > 0 {
      let (rows, probabilities) = (room.rows(0..<count), probabilities.rows(0..<count))
      try classify(features.rows(0..<count), answering: answering, into: rows)
      probabilities.copy(from: rows.scores)
      softmaxRows(probabilities)
      if let bad = firstNonFinite(probabilities) { throw UnanswerableRow(row: firstRow + bad.row) }
      try body(
        PredictedBlock(
          firstRow: firstRow, embeddings: rows.embeddings, logits: rows.scores, probabilities: probabilities,
          best: best(rows.scores, candidates, count: top)))
      firstRow += count
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
