import COneDNN
import Matrices

/// The library that multiplies in bfloat16, for messages and for comparing hosts.
package enum ProductLibrary {
  /// E.g. "oneDNN 2.7.4".
  package static var version: String {
    guard let version = dnnl_version()?.pointee else { return "oneDNN" }
    return "oneDNN \(version.major).\(version.minor).\(version.patch)"
  }
}

/// result [M×N] ← a [M×K] · bᵀ, b N×K, in float32 by oneDNN on all threads: another library's speed, for comparison. Nothing else
/// calls it.
package func multiplyWithLibrary(into result: Matrix, _ a: Matrix, transposed b: Matrix) {
  precondition(result.rowCount == a.rowCount && result.columnCount == b.rowCount && a.columnCount == b.columnCount)
  let status = dnnl_sgemm(
    78, 84, Int64(a.rowCount), Int64(b.rowCount), Int64(a.columnCount), 1, a.start, Int64(a.rowStride), b.start,
    Int64(b.rowStride), 0, result.start, Int64(result.rowStride))  // 78 and 84: "N", "T"
  precondition(status == dnnl_success, "dnnl_sgemm returned \(status.rawValue)")
}
