// How a product is cut so that an element has the same bits whatever other rows and columns are computed with it: on any number
// of ranks and threads. Found by comparing bits over shapes, transpositions and cuts; `requireInvariantProducts` and the unit
// tests look again. Product M×K times K×N.
import COneDNN
import Matrices

/// oneDNN chooses among kernels by the sizes of a product, and they add in different orders. Within these bounds the orders are
/// the same.
struct ProductCut {
  /// Terms of a sum that are added in one call; longer sums are cut into runs that depend on their length alone.
  let longestRun: Int
  /// Fewer rows are multiplied as so many, the others being zero.
  let fewestRows: Int
  /// Rows beyond a multiple of this are multiplied as so many.
  let rowMultiple: Int
  /// Columns of one call.
  let mostColumns: Int

  static let ofThisProcessor: ProductCut = {
    let core = dnnl_cpu_isa_avx512_core.rawValue
    return dnnl_get_effective_cpu_isa().rawValue & core == core
      ? ProductCut(longestRun: 768, fewestRows: 32, rowMultiple: 1, mostColumns: .max)
      // Up to so many columns the kernel is always the one that does not copy; its last rows take another way.
      : ProductCut(longestRun: 256, fewestRows: 48, rowMultiple: 48, mostColumns: 256)
  }()

  /// How many of m rows are multiplied as they stand; the others need the company of zeros.
  ///
  /// - Parameter isTransposed: of the left factor. AVX-512's kernels for few rows are not used then.
  func wholeRows(_ m: Int, isTransposed: Bool) -> Int {
    if rowMultiple == 1 { return isTransposed || m >= fewestRows ? m : 0 }
    return m / rowMultiple * rowMultiple
  }

  /// The sums' runs. They begin at multiples of sixteen terms, a line of the cache: elsewhere takes 1 to 3 % longer.
  func runs(_ k: Int) -> [Range<Int>] {
    UnitPartition(unitCount: k, rankCount: (k + longestRun - 1) / longestRun, block: 16).slices
  }

  /// A slice per thread. The longer side is cut, since a thread packs all of the other factor.
  func slices(m: Int, k: Int, n: Int) -> [ProductSlice] {
    let threads = min(ThreadPool.threadCount, 1 + m * n * k / 65536)
    let block = n > m ? 32 : max(32, rowMultiple)
    return UnitPartition(unitCount: max(m, n), rankCount: threads, block: block).slices.filter { !$0.isEmpty }.map {
      n > m ? ProductSlice(rows: 0..<m, columns: $0) : ProductSlice(rows: $0, columns: 0..<n)
    }
  }
}

/// What one thread computes of a product.
struct ProductSlice {
  let rows: Range<Int>
  let columns: Range<Int>

  /// The slice as it is, or, of the driving thread while messages are to be looked after, in pieces of tens of
  /// milliseconds. Smaller ones would slow the product down by more than the messages gain.
  func pieces(inner: Int, takesBreaks: Bool) -> [ProductSlice] {
    let flops = 2 * Double(rows.count) * Double(columns.count) * Double(inner)
    guard takesBreaks, ProductBreaks.shared.areNeeded, flops > 2e9 else { return [self] }
    let side = max(rows.count, columns.count)
    let block = 480  // a multiple of what either side may be cut at
    return UnitPartition(unitCount: side, rankCount: min(max(1, side / block), max(1, Int(flops / 2e9))), block: block)
      .slices.map { slice in
        rows.count >= columns.count
          ? ProductSlice(
            rows: rows.lowerBound + slice.lowerBound..<rows.lowerBound + slice.upperBound, columns: columns)
          : ProductSlice(
            rows: rows, columns: columns.lowerBound + slice.lowerBound..<columns.lowerBound + slice.upperBound)
      }
  }

  /// The slice in parts of at most so many columns.
  func split(columns most: Int) -> [ProductSlice] {
    guard columns.count > most else { return [self] }
    return stride(from: columns.lowerBound, to: columns.upperBound, by: most).map {
      ProductSlice(rows: rows, columns: $0..<min($0 + most, columns.upperBound))
    }
  }
}
