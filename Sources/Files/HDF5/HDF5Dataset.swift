/// A dataset: its type and sizes, and where its elements lie.
struct HDF5Dataset {
  let type: HDF5Datatype
  /// [] for a single element; nil where there is none at all.
  let sizes: [Int]?
  private let object: HDF5Object
  private let space: HDF5Dataspace
  private let file: HDF5Bytes

  /// nil for an object that is no dataset.
  init?(_ object: HDF5Object, in file: HDF5Bytes) throws {
    guard var typeMessage = try object.body(.datatype), let spaceMessage = try object.body(.dataspace),
      object.has(.layout)
    else { return nil }
    type = try HDF5Datatype(&typeMessage)
    space = try HDF5Dataspace(spaceMessage, file)
    sizes = space.sizes
    self.object = object
    self.file = file
  }

  var count: Int { sizes.map { $0.reduce(1, *) } ?? 0 }

  /// The bytes of all elements in row-major order.
  ///
  /// - Throws: `FormatError` where they are damaged, packed in a way unknown here, in other files, or far more than the
  ///   file.
  func bytes() throws -> any ByteSource {
    guard let sizes, count > 0 else { return MemoryBytes([]) }
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: type.byteCount)
    guard !overflow else { throw FormatError("claims \(sizesText(sizes)) elements, which no file has") }
    guard var layout = try object.body(.layout) else { throw FormatError("has no layout; it is damaged") }
    let version = try layout.byte()
    switch version {
    case 1, 2: return try older(&layout, byteCount, sizes)
    case 3...5: return try newer(&layout, version, byteCount, sizes)
    default: throw FormatError("has a layout of version \(version)")
    }
  }

  private func older(_ layout: inout ByteCursor, _ byteCount: Int, _ sizes: [Int]) throws -> any ByteSource {
    let (rank, kind) = (try layout.byte(), try layout.byte())
    try layout.skip(5)
    if kind == 0 {
      try layout.skip(4 * rank)
      return try compact(&layout, count: try layout.number(4), byteCount)
    }
    let address = try file.address(&layout)
    if kind == 1 { return try contiguous(address, byteCount) }
    guard kind == 2, rank == sizes.count + 1 else { throw FormatError("has a layout of kind \(kind)") }
    return try chunked(try (0..<sizes.count).map { _ in try layout.number(4) }, .treeV1(address), leavesEdges: false)
  }

  private func newer(_ layout: inout ByteCursor, _ version: Int, _ byteCount: Int, _ sizes: [Int]) throws
    -> any ByteSource
  {
    let kind = try layout.byte()
    switch kind {
    case 0: return try compact(&layout, count: try layout.number(2), byteCount)
    case 1: return try contiguous(try file.address(&layout), byteCount)
    case 2 where version == 3:
      guard try layout.byte() == sizes.count + 1 else {
        throw FormatError("has chunks of another shape; it is damaged")
      }
      let tree = try file.address(&layout)
      return try chunked(try (0..<sizes.count).map { _ in try layout.number(4) }, .treeV1(tree), leavesEdges: false)
    case 2:
      let (flags, rank, width) = (try layout.byte(), try layout.byte(), try layout.byte())
      guard rank == sizes.count + 1, (1...8).contains(width) else {
        throw FormatError("has chunks of another shape; it is damaged")
      }
      let chunk = try (0..<rank).map { _ in try layout.number(width) }
      return try chunked(Array(chunk.dropLast()), try index(&layout, flags), leavesEdges: flags & 1 != 0)
    case 3: throw FormatError("is a virtual dataset, whose elements lie in other files; copy them into one")
    default: throw FormatError("has a layout of kind \(kind)")
    }
  }

  private func index(_ layout: inout ByteCursor, _ flags: Int) throws -> HDF5ChunkLayout.Index {
    let kind = try layout.byte()
    switch kind {
    case 1:
      let isFiltered = flags & 2 != 0
      let byteCount = isFiltered ? try file.length(&layout) : nil
      let skipped = isFiltered ? try layout.number(4) : 0
      return .single(try file.address(&layout), byteCount: byteCount, skippedFilters: skipped)
    case 2: return .implicit(try file.address(&layout))
    case 3:
      try layout.skip(1)
      return .fixedArray(try file.address(&layout))
    case 4:
      try layout.skip(5)
      return .extensibleArray(try file.address(&layout))
    case 5:
      try layout.skip(6)
      return .treeV2(try file.address(&layout))
    default: throw FormatError("has a chunk index of kind \(kind)")
    }
  }

  private func compact(_ layout: inout ByteCursor, count: Int, _ byteCount: Int) throws -> any ByteSource {
    guard count >= byteCount else { throw FormatError("has \(count) bytes of \(byteCount); it is damaged") }
    return MemoryBytes(try layout.raw(byteCount))
  }

  private func contiguous(_ address: Int?, _ byteCount: Int) throws -> any ByteSource {
    guard let address else {
      // Nothing was ever written: every element is the fill value.
      let fill = try fillValue()
      return try HDF5ChunkedBytes(
        layout: HDF5ChunkLayout(
          sizes: [byteCount / type.byteCount], maximum: [byteCount / type.byteCount],
          chunkSizes: [min(1 << 12, byteCount / type.byteCount)],
          elementSize: type.byteCount, isFiltered: false, leavesEdgesUnfiltered: false,
          index: .single(nil, byteCount: nil, skippedFilters: 0), file: file), filters: .none, fill: fill)
    }
    return try file.source.part(at: address, count: byteCount)
  }

  private func chunked(_ chunkSizes: [Int], _ index: HDF5ChunkLayout.Index, leavesEdges: Bool) throws -> any ByteSource
  {
    guard let sizes, sizes.count == chunkSizes.count, !sizes.isEmpty else {
      throw FormatError("has chunks of another shape; it is damaged")
    }
    let (chunkBytes, overflow) = try elementCount(chunkSizes).multipliedReportingOverflow(by: type.byteCount)
    guard !overflow, chunkBytes > 0, chunkBytes < 1 << 32 else {
      throw FormatError("has chunks of impossible sizes; it is damaged")
    }
    let filters = try object.body(.filters).map { try HDF5Filters($0, elementSize: type.byteCount) } ?? .none
    return try HDF5ChunkedBytes(
      layout: HDF5ChunkLayout(
        sizes: sizes, maximum: space.maximum, chunkSizes: chunkSizes, elementSize: type.byteCount,
        isFiltered: !filters.isEmpty, leavesEdgesUnfiltered: leavesEdges, index: index, file: file),
      filters: filters, fill: try fillValue())
  }

  /// The bytes of elements that were never written; zeros unless the file says otherwise.
  private func fillValue() throws -> [UInt8] {
    let zero = [UInt8](repeating: 0, count: type.byteCount)
    guard var message = try object.body(.fillValue) else { return zero }
    let version = try message.byte()
    if version == 3 {
      guard try message.byte() & 0x20 != 0 else { return zero }
    } else {
      try message.skip(2)
      guard try message.byte() != 0 || version == 1 else { return zero }
    }
    guard try message.number(4) == type.byteCount else { return zero }
    return try message.raw(type.byteCount)
  }
}

/// The elements of a chunked dataset in row-major order: the chunks of one band of rows are unpacked at a time.
final class HDF5ChunkedBytes: ByteSource {
  let size: Int
  let storedSize: Int
  var isRandomAccess: Bool { false }
  private let layout: HDF5ChunkLayout
  private let filters: HDF5Filters
  private let fill: [UInt8]
  private let chunks: [Int: HDF5Chunk]
  /// Bytes of one index of the first dimension.
  private let rowBytes: Int
  private var band: [UInt8] = []
  private var bandNumber = -1

  init(layout: HDF5ChunkLayout, filters: HDF5Filters, fill: [UInt8]) throws {
    self.layout = layout
    self.filters = filters
    self.fill = fill
    chunks = try layout.table()
    rowBytes = layout.sizes.dropFirst().reduce(layout.elementSize, *)
    size = rowBytes * layout.sizes[0]
    // Chunks that do not exist are free: what a file hardly wrote is not worth more memory than what it packed.
    storedSize = chunks.values.reduce(0) { $0 + $1.byteCount }
    guard size <= max(1 << 22, InflatedBytes.greatestRatio * storedSize) else {
      throw FormatError(
        "claims \(sizesText(layout.sizes)) elements, far more than the file; it is damaged, or hardly anything was "
          + "written to it"
      )
    }
  }

  func read(at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
    try requireRange(offset, bytes.count)
    var done = 0
    while done < bytes.count {
      let place = offset + done
      let bandBytes = rowBytes * layout.chunkSizes[0]
      try load(band: place / bandBytes)
      let start = place % bandBytes
      let count = min(band.count - start, bytes.count - done)
      band.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: bytes[done..<done + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + count]))
      }
      done += count
    }
  }

  private func load(band number: Int) throws {
    guard number != bandNumber else { return }
    let firstRow = number * layout.chunkSizes[0]
    let rowCount = min(layout.chunkSizes[0], layout.sizes[0] - firstRow)
    let perBand = layout.counts.dropFirst().reduce(1, *)
    bandNumber = -1
    band = [UInt8](repeating: 0, count: rowCount * rowBytes)
    if fill.contains(where: { $0 != 0 }) { for i in band.indices { band[i] = fill[i % fill.count] } }
    for chunk in 0..<perBand {
      guard let stored = chunks[number * perBand + chunk] else { continue }
      try place(stored, chunk, rowCount: rowCount)
    }
    bandNumber = number
  }

  /// Copies a chunk's rows into the band.
  ///
  /// - Parameter inBand: which chunk of the band it is, the last dimension fastest.
  private func place(_ stored: HDF5Chunk, _ inBand: Int, rowCount: Int) throws {
    let rank = layout.sizes.count
    var (first, left) = ([Int](repeating: 0, count: rank), inBand)
    for dimension in stride(from: rank - 1, to: 0, by: -1) {
      first[dimension] = left % layout.counts[dimension] * layout.chunkSizes[dimension]
      left /= layout.counts[dimension]
    }
    var extent = [rowCount] + (1..<rank).map { min(layout.chunkSizes[$0], layout.sizes[$0] - first[$0]) }
    let isEdge = extent != layout.chunkSizes
    let raw = try layout.file.source.bytes(at: stored.address, count: stored.byteCount)
    let bytes =
      isEdge && layout.leavesEdgesUnfiltered
      ? raw : try filters.unpack(raw, skipped: stored.skippedFilters, byteCount: layout.chunkByteCount)
    guard bytes.count == layout.chunkByteCount else {
      throw FormatError("has a chunk of \(bytes.count) bytes; it is damaged")
    }
    // Runs along the last dimension; for one dimension, rows are the run.
    let run = (extent.popLast() ?? 1) * layout.elementSize
    var index = [Int](repeating: 0, count: rank - 1)
    while true {
      var (from, to) = (0, 0)
      for dimension in 0..<rank {
        let inner = dimension < rank - 1 ? index[dimension] : 0
        from = from * layout.chunkSizes[dimension] + inner
        to = to * (dimension == 0 ? rowCount : layout.sizes[dimension]) + first[dimension] + inner
      }
      let (source, target) = (from * layout.elementSize, to * layout.elementSize)
      band.withUnsafeMutableBytes { band in
        bytes.withUnsafeBytes { band[target..<target + run].copyBytes(from: $0[source..<source + run]) }
      }
      var dimension = rank - 2
      while dimension >= 0, index[dimension] + 1 == extent[dimension] {
        index[dimension] = 0
        dimension -= 1
      }
      guard dimension >= 0 else { return }
      index[dimension] += 1
    }
  }
}
