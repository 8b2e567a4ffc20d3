import Glibc

/// Float32 memory, zero at birth and freed with its last owner. Small storages lie on a 64-byte boundary. Large ones are
/// mapped on their own, in huge pages where the system grants them, and untouched: a page belongs to the thread, and so
/// to the memory bank, that first writes it.
///
/// `@unchecked Sendable`: the storage does not lock. Threads of one element-wise pass write disjoint ranges, and one
/// thread at a time drives a step (see `Kernels/ThreadPool.swift`).
package final class FloatStorage: @unchecked Sendable {
  /// First element. Only `Kernels`, `Collectives` and `Files` dereference it.
  package let base: UnsafeMutablePointer<Float>
  package let count: Int
  /// What was mapped, for a large storage.
  private let mapping: UnsafeMutableRawBufferPointer?
  /// Whether there is memory: see `StorageCount`.
  private let isReal: Bool

  private static let hugePage = 2 << 20

  package init(count: Int) {
    precondition(count >= 0, "a storage cannot have \(count) elements")
    self.count = count
    isReal = StorageCount.book(count)
    guard isReal else {
      // Far below whatever a process has mapped: to touch an element ends it.
      guard let nowhere = UnsafeMutablePointer<Float>(bitPattern: 64) else { preconditionFailure("no such address") }
      (base, mapping) = (nowhere, nil)
      return
    }
    let byteCount = max(count, 16) * 4
    if byteCount >= Self.hugePage {
      // One huge page more than needed, to start on the boundary of one.
      let length = byteCount + Self.hugePage
      guard let start = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        start != MAP_FAILED
      else {
        Self.endForLackOfMemory(byteCount)
      }
      mapping = UnsafeMutableRawBufferPointer(start: start, count: length)
      let past = Int(bitPattern: start) % Self.hugePage
      let aligned = past == 0 ? start : start + (Self.hugePage - past)
      madvise(aligned, byteCount, MADV_HUGEPAGE)
      base = aligned.bindMemory(to: Float.self, capacity: count)
    } else {
      mapping = nil
      let bytes = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
      base = bytes.bindMemory(to: Float.self, capacity: max(count, 16))
      base.initialize(repeating: 0, count: max(count, 16))
    }
  }

  /// No caller could do anything about it, and the other ranks are ended by the launcher.
  private static func endForLackOfMemory(_ byteCount: Int) -> Never {
    let text =
      "cegzsl: out of memory: the system refused \(byteCount >> 20) MiB more. Use a smaller --micro-batch-size or --batch-size, or "
      + "more ranks on more hosts; 'cegzsl plan' says what a rank needs.\n"
    _ = text.withCString { write(2, $0, strlen($0)) }
    _exit(ExitStatus.inputOutput.rawValue)
  }

  /// Floats that someone else has mapped, a file for instance; unmapped with the last owner.
  ///
  /// - Parameters:
  ///   - mapping: what was mapped.
  ///   - byteOffset: of the first float, a multiple of 4.
  package init(mapping: UnsafeMutableRawBufferPointer, byteOffset: Int, count: Int) {
    precondition(byteOffset % 4 == 0 && count >= 0 && byteOffset + count * 4 <= mapping.count)
    guard let start = mapping.baseAddress else { preconditionFailure("nothing is mapped") }
    base = (start + byteOffset).bindMemory(to: Float.self, capacity: count)
    self.count = count
    self.mapping = mapping
    isReal = true
  }

  deinit {
    guard isReal else { return }
    if let mapping { munmap(mapping.baseAddress, mapping.count) } else { UnsafeMutableRawPointer(base).deallocate() }
  }
}

/// A row-major Float32 matrix: a view of a storage. Copies of the value share the elements, as slices do.
///
/// Element (r, c) lies at `offset + r * rowStride + c` of the storage; `rowStride >= columnCount`.
package struct Matrix: Sendable {
  package let storage: FloatStorage
  package let offset: Int
  package let rowCount: Int
  package let columnCount: Int
  /// Elements from the start of one row to the start of the next.
  package let rowStride: Int

  /// A new matrix of zeros.
  package init(rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0, "a matrix cannot be \(rows)×\(columns)")
    self.init(
      storage: FloatStorage(count: rows * columns), offset: 0, rowCount: rows, columnCount: columns,
      rowStride: columns)
  }

  /// A view of existing elements; the last one must lie inside the storage.
  package init(storage: FloatStorage, offset: Int, rowCount: Int, columnCount: Int, rowStride: Int) {
    precondition(rowStride >= columnCount, "rows of \(columnCount) overlap with a stride of \(rowStride)")
    precondition(
      rowCount == 0 || offset + (rowCount - 1) * rowStride + columnCount <= storage.count,
      "a view of \(rowCount)×\(columnCount) from \(offset) leaves a storage of \(storage.count)")
    self.storage = storage
    self.offset = offset
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.rowStride = rowStride
  }

  /// A new matrix with these elements, row by row.
  package init(rows: Int, columns: Int, elements: [Float]) {
    precondition(elements.count == rows * columns, "\(elements.count) elements do not fill \(rows)×\(columns)")
    self.init(rows: rows, columns: columns)
    elements.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { storage.base.update(from: start, count: source.count) }
    }
  }

  /// Address of element (0, 0).
  package var start: UnsafeMutablePointer<Float> { storage.base + offset }
  package func row(_ index: Int) -> UnsafeMutablePointer<Float> { start + index * rowStride }
  package var count: Int { rowCount * columnCount }
  /// Whether rows follow one another without a gap, so that the elements are one run of `count` floats.
  package var isContiguous: Bool { rowStride == columnCount || rowCount <= 1 }

  package subscript(row: Int, column: Int) -> Float {
    get {
      check(row, column)
      return start[row * rowStride + column]
    }
    nonmutating set {
      check(row, column)
      start[row * rowStride + column] = newValue
    }
  }

  private func check(_ row: Int, _ column: Int) {
    precondition(
      row >= 0 && row < rowCount && column >= 0 && column < columnCount,
      "element (\(row), \(column)) is outside \(rowCount)×\(columnCount)")
  }

  /// The rows of `range`, sharing the elements.
  package func rows(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rowCount, "rows \(range) of \(rowCount)")
    return Matrix(
      storage: storage, offset: offset + range.lowerBound * rowStride, rowCount: range.count,
      columnCount: columnCount, rowStride: rowStride)
  }

  /// The columns of `range`, sharing the elements.
  package func columns(_ range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= columnCount, "columns \(range) of \(columnCount)")
    return Matrix(
      storage: storage, offset: offset + range.lowerBound, rowCount: rowCount, columnCount: range.count,
      rowStride: rowStride)
  }

  /// The same run of elements under another shape of equal size; the matrix must be contiguous.
  package func reshaped(rows: Int, columns: Int) -> Matrix {
    precondition(isContiguous && rows * columns == count, "\(rowCount)×\(columnCount) as \(rows)×\(columns)")
    return Matrix(storage: storage, offset: offset, rowCount: rows, columnCount: columns, rowStride: columns)
  }

  /// A copy of the elements, row by row.
  package var elements: [Float] {
    guard columnCount > 0 else { return [] }
    var result: [Float] = []
    result.reserveCapacity(count)
    for r in 0..<rowCount { result.append(contentsOf: UnsafeBufferPointer(start: row(r), count: columnCount)) }
    return result
  }

  package func copy(from other: Matrix) {
    precondition(
      rowCount == other.rowCount && columnCount == other.columnCount,
      "\(other.rowCount)×\(other.columnCount) into \(rowCount)×\(columnCount)")
    for r in 0..<rowCount { row(r).update(from: other.row(r), count: columnCount) }
  }

  /// An independent, contiguous matrix with the same elements.
  package func copied() -> Matrix {
    let result = Matrix(rows: rowCount, columns: columnCount)
    result.copy(from: self)
    return result
  }

  package func fill(_ value: Float) {
    for r in 0..<rowCount { row(r).update(repeating: value, count: columnCount) }
  }
}
