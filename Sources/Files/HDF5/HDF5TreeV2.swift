/// A tree of version 2: records of one size, in inner nodes as well as in leaves.
struct HDF5TreeV2 {
  private let file: HDF5Bytes
  private let recordSize: Int
  private let depth: Int
  private let root: Int?
  private let rootCount: Int
  /// Bytes of a child's record count by the child's level, and of the count of all records below it.
  private let countSizes: [Int]
  private let totalSizes: [Int]

  init(at address: Int, in file: HDF5Bytes) throws {
    self.file = file
    var header = try file.cursor(at: address, count: 16 + file.addressSize + 2 + file.lengthSize)
    try header.expect("BTHD")
    try header.skip(2)
    let nodeSize = try header.number(4)
    recordSize = try header.number(2)
    depth = try header.number(2)
    try header.skip(2)
    root = try file.address(&header)
    rootCount = try header.number(2)
    guard depth <= 16, recordSize > 0, nodeSize > 10 + recordSize else {
      throw FormatError("has a tree of impossible sizes; it is damaged")
    }
    // As many records as fit a node: 4 bytes of signature, 2 of version and type, 4 of checksum.
    var most = [(nodeSize - 10) / recordSize]
    var below = [most[0]]
    var (counts, totals) = ([Self.bytesNeeded(most[0])], [Self.bytesNeeded(most[0])])
    for level in stride(from: 1, through: depth, by: 1) {
      let pointer = file.addressSize + counts[level - 1] + (level > 1 ? totals[level - 1] : 0)
      most.append(max(0, (nodeSize - 10 - pointer) / (recordSize + pointer)))
      let (product, overflow) = (most[level] + 1).multipliedReportingOverflow(by: below[level - 1])
      guard !overflow, product <= Int.max - most[level] else {
        throw FormatError("has a tree of impossible sizes; it is damaged")
      }
      below.append(product + most[level])
      counts.append(Self.bytesNeeded(most[level]))
      totals.append(Self.bytesNeeded(below[level]))
    }
    (countSizes, totalSizes) = (counts, totals)
  }

  private static func bytesNeeded(_ value: Int) -> Int { max(1, (64 - value.leadingZeroBitCount + 7) / 8) }

  func forEachRecord(_ walk: HDF5Walk, _ body: (ByteCursor) throws -> Void) throws {
    guard let root, rootCount > 0 else { return }
    try visit(root, count: rootCount, level: depth, walk, body)
  }

  private func visit(_ node: Int, count: Int, level: Int, _ walk: HDF5Walk, _ body: (ByteCursor) throws -> Void) throws
  {
    let pointerSize =
      level == 0 ? 0 : file.addressSize + countSizes[level - 1] + (level > 1 ? totalSizes[level - 1] : 0)
    try walk.step(bytes: count * (recordSize + pointerSize))
    var cursor = try file.cursor(at: node, count: 6 + count * recordSize + (level == 0 ? 0 : (count + 1) * pointerSize))
    try cursor.expect(level == 0 ? "BTLF" : "BTIN")
    try cursor.skip(2)
    for _ in 0..<count {
      try body(ByteCursor(try cursor.raw(recordSize)))
    }
    guard level > 0 else { return }
    for _ in 0...count {
      let child = try file.address(&cursor)
      let childCount = try cursor.number(countSizes[level - 1])
      if level > 1 { try cursor.skip(totalSizes[level - 1]) }
      guard let child else { throw FormatError("has a tree with a missing node; it is damaged") }
      try visit(child, count: childCount, level: level - 1, walk, body)
    }
  }
}

/// A heap of objects in blocks that double in size: links of groups with many members.
struct FractalHeap {
  private let file: HDF5Bytes
  private let offsetSize: Int
  private let lengthSize: Int
  private let width: Int
  private let startSize: Int
  private let maxDirectSize: Int
  private let root: Int?
  private let rootRows: Int
  private let isFiltered: Bool
  private let hasChecksums: Bool

  init(at address: Int, in file: HDF5Bytes) throws {
    self.file = file
    var header = try file.cursor(at: address, upTo: 256)
    try header.expect("FRHP")
    try header.skip(1)
    _ = try header.number(2)
    isFiltered = try header.number(2) > 0
    hasChecksums = try header.byte() & 2 != 0
    let mostManaged = try header.number(4)
    try header.skip(file.lengthSize + file.addressSize + file.lengthSize + file.addressSize + 8 * file.lengthSize)
    width = try header.number(2)
    startSize = try file.length(&header)
    maxDirectSize = try file.length(&header)
    let heapBits = try header.number(2)
    try header.skip(2)
    root = try file.address(&header)
    rootRows = try header.number(2)
    // The library writes 4, 512 and 65536.
    guard (1...1 << 10).contains(width), (1...1 << 20).contains(startSize),
      (startSize...1 << 32).contains(maxDirectSize),
      [width, startSize, maxDirectSize].allSatisfy({ $0 & ($0 - 1) == 0 }), (1...64).contains(heapBits),
      mostManaged > 0, rootRows <= 32
    else { throw FormatError("has a heap of impossible sizes; it is damaged") }
    offsetSize = (heapBits + 7) / 8
    lengthSize = min(
      (maxDirectSize.trailingZeroBitCount + 7) / 8, (Int.bitWidth - mostManaged.leadingZeroBitCount - 1) / 8 + 1)
  }

  /// The object that an identifier names.
  ///
  /// - Throws: `FormatError` for one that lies outside the heap's blocks.
  func object(_ identifier: inout ByteCursor) throws -> [UInt8] {
    let first = try identifier.byte()
    switch first >> 4 & 3 {
    case 0:
      let (offset, length) = (try identifier.number(offsetSize), try identifier.number(lengthSize))
      guard !isFiltered else { throw FormatError("packs the names of its arrays; write it with h5py's defaults") }
      return try managed(offset, length)
    case 2: return try identifier.raw((first & 15) + 1)
    default: throw FormatError("has a name of many thousand bytes; write it with shorter ones")
    }
  }

  /// Bytes of a row's blocks, and where in the heap its first one begins.
  private func size(row: Int) -> Int { row == 0 ? startSize : startSize << (row - 1) }
  private func start(row: Int) -> Int { row == 0 ? 0 : width * (startSize << (row - 1)) }

  private func managed(_ offset: Int, _ length: Int) throws -> [UInt8] {
    var (block, rows, base) = (root, rootRows, 0)
    // Down through indirect blocks; each is smaller than the one before.
    for _ in 0..<64 {
      guard let current = block else { throw FormatError("has a name in a block that does not exist; it is damaged") }
      if rows == 0 { return try file.source.bytes(at: try inside(current, offset - base, length), count: length) }
      let directRows = maxDirectSize.trailingZeroBitCount - startSize.trailingZeroBitCount + 2
      guard let row = (0..<rows).last(where: { start(row: $0) <= offset - base }) else { break }
      let column = (offset - base - start(row: row)) / size(row: row)
      guard column < width else { break }
      let place = row * width + column
      var entry = try file.cursor(
        at: current + 5 + file.addressSize + offsetSize + place * file.addressSize, count: file.addressSize)
      block = try file.address(&entry)
      base += start(row: row) + column * size(row: row)
      // A block beyond the direct ones has rows of its own, down from the first size.
      rows = row < directRows ? 0 : rowCount(ofIndirectBlock: size(row: row))
    }
    throw FormatError("has a name outside its heap; it is damaged")
  }

  /// How many rows make up so many bytes; at most as many as heaps have.
  private func rowCount(ofIndirectBlock size: Int) -> Int {
    min(32, max(1, size.trailingZeroBitCount - (width * startSize).trailingZeroBitCount + 1))
  }

  /// Where in the file a part of a direct block lies; offsets count from the block's own header on.
  private func inside(_ block: Int, _ offset: Int, _ length: Int) throws -> Int {
    guard offset >= 0, length >= 0, offset <= maxDirectSize, length <= maxDirectSize else {
      throw FormatError("has a name outside its heap; it is damaged")
    }
    var header = try file.cursor(at: block, count: 4)
    try header.expect("FHDB")
    return block + offset
  }
}
