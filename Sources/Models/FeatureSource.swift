// Raw features for a model, some rows at a time. X feature.
import Datasets
import Files
import Kernels
import Matrices

/// Rows of raw features that a model can take.
package struct FeatureSource {
  private let place: String
  private let rows: RowBlocks
  /// What a user should know of how they are read.
  package let notes: [String]

  /// - Parameters:
  ///   - reference: as for `FeatureRows.open`.
  ///   - featureSize: X, the model's.
  /// - Throws: `FeatureError.width`, `ArrayFileError`, `StorageError`; an error of status 65 where the file has no features.
  package init(_ reference: ArrayReference, featureSize: Int) throws {
    place = "\(reference)"
    (rows, notes) = try FeatureRows.open(reference, featureSize: featureSize)
    guard rows.columnCount == featureSize else {
      throw FeatureError.width(
        place: place, rows: rows.rowCount, columns: rows.columnCount, featureSize: featureSize)
    }
  }

  package var rowCount: Int { rows.rowCount }

  /// The next rows into the first ones of `block` [N×X], as many as fit there and are left.
  ///
  /// - Returns: how many; 0 after the last.
  /// - Throws: `FeatureError.notFinite`, `ArrayFileError`, `StorageError`.
  package func next(into block: Matrix) throws -> Int {
    let first = rows.position
    let count = try rows.next(into: block)
    if let bad = firstNonFinite(block.rows(0..<count)) {
      throw FeatureError.notFinite(
        place: place, row: first + bad.row + 1, column: bad.column + 1, value: block[bad.row, bad.column])
    }
    return count
  }
}

/// Features that a model cannot take.
package enum FeatureError: ReportableError, Equatable {
  case width(place: String, rows: Int, columns: Int, featureSize: Int)
  /// Row and column count from 1.
  case notFinite(place: String, row: Int, column: Int, value: Float)

  package var exitStatus: ExitStatus { .badData }
  package var description: String {
    switch self {
    case .width(let place, let rows, let columns, let featureSize):
      "\(place): \(rows) rows of \(columns) features, and the model takes \(featureSize); give the features that it was trained on"
    case .notFinite(let place, let row, let column, let value):
      "\(place): row \(row), feature \(column) is \(value); features must be finite numbers"
    }
  }
}
