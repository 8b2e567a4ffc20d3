/// Chunk indexes that are arrays: of a fixed length, or growing in blocks. Written by the library's latest formats
/// only.
struct HDF5ArrayIndex {
  typealias Add = (Int, HDF5Chunk) throws -> Void

  private let file: HDF5Bytes
  private let chunkByteCount: Int
  private let walk: HDF5Walk

  init(_ file: HDF5Bytes, chunkByteCount: Int, _ walk: HDF5Walk) {
    self.file = file
    self.walk = walk
    self.chunkByteCount = chunkByteCount
  }

  /// The form of an entry: an address, and for a filtered dataset size and filter mask.
  private struct Entries {
    let size: Int
    let isFiltered: Bool
  }

  /// Where entries are cut into pages with checksums, and a bit for each page that was ever written.
  private struct Pages {
    let entryCount: Int
    let written: [UInt8]

    func isWritten(_ page: Int) -> Bool {
      page / 8 < written.count && written[page / 8] & (0x80 >> UInt8(page % 8)) != 0
    }
  }

  /// Entries from `address` on, for chunks from `first` on.
  private func read(_ entries: Entries, at address: Int, first: Int, count: Int, _ add: Add) throws {
    guard entries.size >= file.addressSize + (entries.isFiltered ? 5 : 0), entries.size <= 64, count >= 0 else {
      throw FormatError("has a chunk index of impossible sizes; it is damaged")
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: entries.size)
    guard !overflow else { throw FormatError("has a chunk index of impossible sizes; it is damaged") }
    var cursor = try file.cursor(at: address, count: bytes)
    try walk.step(bytes: bytes)
    for number in first..<first + count {
      let chunk = try file.address(&cursor)
      var (byteCount, skipped) = (chunkByteCount, 0)
      if entries.isFiltered {
        byteCount = try cursor.number(entries.size - file.addressSize - 4)
        skipped = try cursor.number(4)
      } else {
        try cursor.skip(entries.size - file.addressSize)
      }
      if let chunk { try add(number, HDF5Chunk(address: chunk, byteCount: byteCount, skippedFilters: skipped)) }
    }
  }

  private func read(
    _ entries: Entries, in pages: Pages, at address: Int, first: Int, count: Int, _ add: Add
  ) throws {
    let pageBytes = pages.entryCount * entries.size + 4
    for page in 0..<(count + pages.entryCount - 1) / pages.entryCount where pages.isWritten(page) {
      let start = page * pages.entryCount
      try read(
        entries, at: address + page * pageBytes, first: first + start, count: min(pages.entryCount, count - start), add)
    }
  }

  func readFixed(at address: Int, _ add: Add) throws {
    var header = try file.cursor(at: address, count: 8 + file.lengthSize + file.addressSize)
    try header.expect("FAHD")
    try header.skip(1)
    let isFiltered = try header.byte() == 1
    let entries = Entries(size: try header.byte(), isFiltered: isFiltered)
    let pageBits = try header.byte()
    let count = try file.length(&header)
    guard let block = try file.address(&header) else { return }
    guard pageBits < 32 else { throw FormatError("has a chunk index of impossible sizes; it is damaged") }
    try file.source.requireRange(block, 0)
    guard count <= file.source.size else { throw FormatError("claims \(count) chunks, more than the file can hold") }
    var data = try file.cursor(at: block, count: 6)
    try data.expect("FADB")
    let start = block + 6 + file.addressSize
    let pageEntries = 1 << pageBits
    guard count > pageEntries else { return try read(entries, at: start, first: 0, count: count, add) }
    let bits = try file.source.bytes(at: start, count: ((count + pageEntries - 1) / pageEntries + 7) / 8)
    try read(
      entries, in: Pages(entryCount: pageEntries, written: bits), at: start + bits.count + 4, first: 0, count: count,
      add)
  }

  /// What an extensible array's header says.
  private struct Extensible {
    let entries: Entries
    let indexEntries: Int
    let smallestBlock: Int
    let smallestPointers: Int
    let pageEntries: Int
    /// Bytes of a block's place in the array.
    let offsetSize: Int
    /// Super blocks: how many data blocks each has, of how many entries.
    let superBlocks: [(blocks: Int, entries: Int)]

    init(_ header: inout ByteCursor) throws {
      try header.expect("EAHD")
      try header.skip(1)
      let isFiltered = try header.byte() == 1
      entries = Entries(size: try header.byte(), isFiltered: isFiltered)
      let bits = try header.byte()
      indexEntries = try header.byte()
      smallestBlock = try header.byte()
      smallestPointers = try header.byte()
      let pageBits = try header.byte()
      guard (1...60).contains(bits), smallestBlock > 0, smallestBlock & (smallestBlock - 1) == 0, smallestPointers > 1,
        smallestPointers & (smallestPointers - 1) == 0, pageBits < 32, bits >= smallestBlock.trailingZeroBitCount
      else { throw FormatError("has a chunk index of impossible sizes; it is damaged") }
      pageEntries = 1 << pageBits
      offsetSize = (bits + 7) / 8
      let smallest = smallestBlock
      superBlocks = (0...(bits - smallest.trailingZeroBitCount)).map {
        (1 << ($0 / 2), (1 << (($0 + 1) / 2)) * smallest)
      }
    }
  }

  func readExtensible(at address: Int, _ add: Add) throws {
    var header = try file.cursor(at: address, count: 12 + 6 * file.lengthSize + file.addressSize)
    let array = try Extensible(&header)
    try header.skip(4 * file.lengthSize)
    // The largest number ever set, plus one.
    let count = try file.length(&header)
    try header.skip(file.lengthSize)
    guard let index = try file.address(&header) else { return }
    guard count <= file.source.size else { throw FormatError("claims \(count) chunks, more than the file can hold") }
    var signature = try file.cursor(at: index, count: 4)
    try signature.expect("EAIB")
    var place = index + 6 + file.addressSize
    try read(array.entries, at: place, first: 0, count: array.indexEntries, add)
    place += array.indexEntries * array.entries.size
    // The first data blocks hang on the index block itself, later ones on super blocks.
    let direct = 2 * (array.smallestPointers - 1)
    var first = array.indexEntries
    var blocks: [(address: Int?, entries: Int)] = []
    var superBlock = 0
    var addresses = try file.cursor(at: place, count: direct * file.addressSize)
    while blocks.count < direct, superBlock < array.superBlocks.count {
      let shape = array.superBlocks[superBlock]
      for _ in 0..<min(shape.blocks, direct - blocks.count) {
        blocks.append((try file.address(&addresses), shape.entries))
      }
      superBlock += 1
    }
    for block in blocks {
      guard first < count else { return }
      if let address = block.address {
        try readDataBlock(array, at: address, first: first, count: block.entries, pages: nil, add)
      }
      first += block.entries
    }
    place += direct * file.addressSize
    while superBlock < array.superBlocks.count, first < count {
      var pointer = try file.cursor(at: place, count: file.addressSize)
      let shape = array.superBlocks[superBlock]
      if let address = try file.address(&pointer) { try readSuperBlock(array, shape, at: address, first: first, add) }
      first += shape.blocks * shape.entries
      place += file.addressSize
      superBlock += 1
    }
  }

  private func readSuperBlock(
    _ array: Extensible, _ shape: (blocks: Int, entries: Int), at address: Int, first: Int, _ add: Add
  ) throws {
    var signature = try file.cursor(at: address, count: 4)
    try signature.expect("EASB")
    var place = address + 6 + file.addressSize + array.offsetSize
    let pages = shape.entries > array.pageEntries ? shape.entries / array.pageEntries : 0
    let bitBytes = (pages + 7) / 8
    let bits = try file.source.bytes(at: place, count: bitBytes * shape.blocks)
    try walk.step(bytes: bits.count)
    place += bits.count
    var addresses = try file.cursor(at: place, count: shape.blocks * file.addressSize)
    for block in 0..<shape.blocks {
      guard let data = try file.address(&addresses) else { continue }
      try readDataBlock(
        array, at: data, first: first + block * shape.entries, count: shape.entries,
        pages: pages == 0 ? nil : Array(bits[(block * bitBytes)..<((block + 1) * bitBytes)]), add)
    }
  }

  private func readDataBlock(
    _ array: Extensible, at address: Int, first: Int, count: Int, pages: [UInt8]?, _ add: Add
  ) throws {
    var signature = try file.cursor(at: address, count: 4)
    try signature.expect("EADB")
    let start = address + 6 + file.addressSize + array.offsetSize
    guard let pages else { return try read(array.entries, at: start, first: first, count: count, add) }
    try read(
      array.entries, in: Pages(entryCount: array.pageEntries, written: pages), at: start + 4, first: first,
      count: count,
      add)
  }
}
