import Matrices

/// Products on this processor depend on how the work is divided.
package struct VariantProducts: ReportableError {
  /// The product, and how it was cut.
  package let example: String

  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    "--reproducible cannot be kept on this processor: \(example) has other bits than the same rows of the whole product. "
      + "oneDNN chooses its kernels by other rules here. Without --reproducible, runs on the same number of ranks and threads are "
      + "still byte-identical, and other numbers agree up to float rounding."
  }
}

/// Multiplies some matrices whole and in slices, and compares the bits: what the equality of any number of ranks rests on.
/// Takes a fraction of a second.
///
/// - Throws: `VariantProducts`.
package func requireInvariantProducts(precision: ProductPrecision) throws {
  for (m, k, n) in [(700, 96, 160), (1100, 800, 530)] {
    let (a, b) = (Matrix(rows: m, columns: k), Matrix(rows: n, columns: k))
    fillNormal(a, RandomSource(seed: 1), .benchmarkData, step: 2, firstRow: 0)
    fillNormal(b, RandomSource(seed: 1), .benchmarkData, step: 3, firstRow: 0)
    let (whole, sliced) = (Matrix(rows: m, columns: n), Matrix(rows: m, columns: n))
    multiply(into: whole, a, b.transposed, precision: precision)
    let (units, slicedUnits) = (Matrix(rows: k, columns: n), Matrix(rows: k, columns: n))
    multiply(into: units, a.transposed, whole, precision: precision)
    for parts in [2, 3, 5] {
      for slice in RowPartition(rowCount: m, rankCount: parts).slices {
        multiply(into: sliced.rows(slice), a.rows(slice), b.transposed, precision: precision)
      }
      for slice in UnitPartition(unitCount: k, rankCount: parts).slices where !slice.isEmpty {
        multiply(into: slicedUnits.rows(slice), a.columns(slice).transposed, whole, precision: precision)
      }
      guard sliced.elements == whole.elements, slicedUnits.elements == units.elements else {
        throw VariantProducts(example: "a product of \(m)×\(k) and \(k)×\(n) in \(parts) slices")
      }
    }
  }
}
