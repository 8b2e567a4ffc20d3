/// Where the chunks of a dataset lie: five kinds of index, one table.
struct HDF5Chunk {
  let address: Int
  /// Bytes as they are stored.
  let byteCount: Int
  /// A bit for each filter that was left out.
  let skippedFilters: Int
}

/// The shape of a dataset's chunks, and the index that leads to them.
struct HDF5ChunkLayout {
  enum Index {
    case treeV1(Int?)
    case single(Int?, byteCount: Int?, skippedFilters: Int)
    case implicit(Int?)
    case fixedArray(Int?)
    case extensibleArray(Int?)
    case treeV2(Int?)
  }

  let sizes: [Int]
  /// What the sizes may grow to; nil without bound.
  let maximum: [Int?]
  let chunkSizes: [Int]
  let elementSize: Int
  let isFiltered: Bool
  /// Whether chunks that stick out over the end are stored without filters.
  let leavesEdgesUnfiltered: Bool
  let index: Index
  let file: HDF5Bytes

  /// Bytes of a whole chunk.
  var chunkByteCount: Int { chunkSizes.reduce(elementSize, *) }
  /// Chunks along each dimension, which is none of 0.
  var counts: [Int] { zip(sizes, chunkSizes).map { ($0 - 1) / $1 + 1 } }

  /// The chunks that exist, by their number in row-major order.
  ///
  /// - Throws: `FormatError` for an index that is damaged.
  func table() throws -> [Int: HDF5Chunk] {
    var table: [Int: HDF5Chunk] = [:]
    func add(_ place: [Int], _ chunk: HDF5Chunk) throws {
      // Chunks beyond the present size are left from a larger one.
      guard let number = number(at: place) else { return }
      try file.source.requireRange(chunk.address, chunk.byteCount)
      table[number] = chunk
    }
    let walk = HDF5Walk(file)
    let array = HDF5ArrayIndex(file, chunkByteCount: chunkByteCount, walk)
    switch index {
    case .treeV1(let address): try readTreeV1(address, walk, add)
    case .single(let address, let byteCount, let skipped):
      if let address {
        let chunk = HDF5Chunk(address: address, byteCount: byteCount ?? chunkByteCount, skippedFilters: skipped)
        try add(sizes.map { _ in 0 }, chunk)
      }
    case .implicit(let address): try readImplicit(address, add)
    case .fixedArray(let address):
      let order = Array(sizes.indices)
      if let address { try array.readFixed(at: address) { try add(place(ofEntry: $0, order: order), $1) } }
    case .extensibleArray(let address):
      // The dimension that grows counts slowest.
      let growing = maximum.firstIndex { $0 == nil } ?? 0
      let order = [growing] + sizes.indices.filter { $0 != growing }
      if let address { try array.readExtensible(at: address) { try add(place(ofEntry: $0, order: order), $1) } }
    case .treeV2(let address): try readTreeV2(address, walk, add)
    }
    // Bytes that stand for many chunks would be unpacked as often.
    guard table.values.reduce(0, { $0 + $1.byteCount }) <= file.source.size else {
      throw FormatError("has chunks that lie in one another; it is damaged")
    }
    return table
  }

  /// The number of the chunk at a place that counts chunks; nil outside.
  private func number(at place: [Int]) -> Int? {
    var number = 0
    for (coordinate, count) in zip(place, counts) {
      guard (0..<count).contains(coordinate) else { return nil }
      number = number * count + coordinate
    }
    return number
  }

  /// Chunks along each dimension once it has grown as far as it may.
  private var greatestCounts: [Int] {
    zip(zip(sizes, maximum), chunkSizes).map { ((($0.1 ?? $0.0) - 1) / $1) + 1 }
  }

  /// The place of an array's entry: entries follow the greatest sizes, dimensions in `order`, the last fastest.
  private func place(ofEntry entry: Int, order: [Int]) -> [Int] {
    var (place, left) = (sizes.map { _ in 0 }, entry)
    let greatest = greatestCounts
    for dimension in order.dropFirst().reversed() {
      let count = max(1, greatest[dimension])
      place[dimension] = left % count
      left /= count
    }
    if let first = order.first { place[first] = left }
    return place
  }

  private func readImplicit(_ address: Int?, _ add: ([Int], HDF5Chunk) throws -> Void) throws {
    guard let address else { return }
    let total = try elementCount(greatestCounts)
    let (bytes, overflow) = total.multipliedReportingOverflow(by: chunkByteCount)
    guard !overflow else { throw FormatError("claims more chunks than a file has") }
    try file.source.requireRange(address, bytes)
    // A table of them is larger than they are.
    guard total <= 1 << 18 + bytes / 64 else {
      throw FormatError("has \(total) chunks of \(chunkByteCount) bytes each; write it with larger ones")
    }
    for entry in 0..<total {
      try add(
        place(ofEntry: entry, order: Array(sizes.indices)),
        HDF5Chunk(address: address + entry * chunkByteCount, byteCount: chunkByteCount, skippedFilters: 0))
    }
  }

  private func readTreeV1(_ address: Int?, _ walk: HDF5Walk, _ add: ([Int], HDF5Chunk) throws -> Void) throws {
    guard let address else { return }
    let keySize = 8 + 8 * (sizes.count + 1)
    try HDF5TreeV1(at: address, kind: 1, keySize: keySize, in: file).forEachLeaf(walk) { key, chunk in
      var key = key
      let (byteCount, skipped) = (try key.number(4), try key.number(4))
      let place = try chunkSizes.map { try key.number(8) / $0 }
      try add(place, HDF5Chunk(address: chunk, byteCount: byteCount, skippedFilters: skipped))
    }
  }

  private func readTreeV2(_ address: Int?, _ walk: HDF5Walk, _ add: ([Int], HDF5Chunk) throws -> Void) throws {
    guard let address else { return }
    try HDF5TreeV2(at: address, in: file).forEachRecord(walk) { record in
      var record = record
      guard let chunk = try file.address(&record) else { return }
      var (byteCount, skipped) = (chunkByteCount, 0)
      if isFiltered {
        byteCount = try record.number(record.left - 4 - 8 * sizes.count)
        skipped = try record.number(4)
      }
      let place = try sizes.map { _ in try record.number(8) }
      try add(place, HDF5Chunk(address: chunk, byteCount: byteCount, skippedFilters: skipped))
    }
  }
}
