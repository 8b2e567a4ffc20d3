/// How the chunks of a dataset are packed, in the order in which they were.
struct HDF5Filters {
  private enum Filter {
    case deflate
    case shuffle(elementSize: Int)
    case fletcher32
    case lzf
    case unknown(String)
  }

  private let filters: [Filter]
  var isEmpty: Bool { filters.isEmpty }

  static let none = HDF5Filters()
  private init() { filters = [] }

  init(_ body: ByteCursor, elementSize: Int) throws {
    var cursor = body
    let version = try cursor.byte()
    let count = try cursor.byte()
    guard (1...2).contains(version), count <= 32 else {
      throw FormatError("has \(count) filters in version \(version)")
    }
    if version == 1 { try cursor.skip(6) }
    filters = try (0..<count).map { _ in
      let kind = try cursor.number(2)
      let nameLength = version == 1 || kind >= 256 ? try cursor.number(2) : 0
      try cursor.skip(2)
      let valueCount = try cursor.number(2)
      // Version 1 fills names up to a multiple of 8 bytes, and values to an even number.
      let name = try cursor.raw(version == 1 ? (nameLength + 7) / 8 * 8 : nameLength)
      let values = try (0..<valueCount).map { _ in try cursor.number(4) }
      if version == 1, valueCount % 2 == 1 { try cursor.skip(4) }
      switch kind {
      case 1: return .deflate
      case 2: return .shuffle(elementSize: values.first ?? elementSize)
      case 3: return .fletcher32
      case 32000: return .lzf
      default:
        let known = [4: "szip", 5: "nbit", 6: "scaleoffset", 32001: "blosc", 32004: "lz4", 32015: "zstd"]
        let given = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        return .unknown(known[kind] ?? (given.isEmpty ? "filter \(kind)" : given))
      }
    }
  }

  /// A chunk as it was before it was packed.
  ///
  /// - Parameters:
  ///   - skipped: a bit for each filter that this chunk did without.
  ///   - byteCount: bytes of a whole chunk.
  /// - Throws: `FormatError` for bytes that are not what the filters make, or a filter that is not known.
  func unpack(_ stored: [UInt8], skipped: Int, byteCount: Int) throws -> [UInt8] {
    var bytes = stored
    for (place, filter) in filters.enumerated().reversed() where skipped & (1 << place) == 0 {
      switch filter {
      case .deflate:
        let size = byteCount + checksumBytes(before: place)
        bytes = try InflatedBytes(MemoryBytes(bytes), wrapping: .zlib, size: size).bytes(at: 0, count: size)
      case .lzf: bytes = try Self.unpackLZF(bytes, byteCount: byteCount + checksumBytes(before: place))
      case .shuffle(let elementSize): bytes = Self.unshuffle(bytes, elementSize: elementSize)
      case .fletcher32: bytes = try Self.checked(bytes)
      case .unknown(let name):
        throw FormatError("is packed with \(name), which is not read here; write it with compression=\"gzip\"")
      }
    }
    guard bytes.count == byteCount else {
      throw FormatError("has a chunk of \(bytes.count) bytes instead of \(byteCount); it is damaged")
    }
    return bytes
  }

  /// Bytes of the checksums that were appended before the filter at `place` packed.
  private func checksumBytes(before place: Int) -> Int {
    4 * filters[..<place].count { if case .fletcher32 = $0 { true } else { false } }
  }

  /// First all first bytes of the elements, then all second ones, …; what does not fill an element is left at the end.
  private static func unshuffle(_ bytes: [UInt8], elementSize: Int) -> [UInt8] {
    let count = elementSize > 1 ? bytes.count / elementSize : 0
    guard count > 0 else { return bytes }
    var result = bytes
    for byte in 0..<elementSize {
      for element in 0..<count { result[element * elementSize + byte] = bytes[byte * count + element] }
    }
    return result
  }

  /// Fletcher's checksum over words of 16 bits, as the library computes it; it is the last four bytes.
  private static func checked(_ bytes: [UInt8]) throws -> [UInt8] {
    guard bytes.count >= 4 else { throw FormatError("has a chunk without its checksum; it is damaged") }
    let content = bytes.dropLast(4)
    var (low, high): (UInt32, UInt32) = (0, 0)
    var place = 0
    while place < content.count {
      let second = place + 1 < content.count ? UInt32(content[place + 1]) : 0
      low = (low + (UInt32(content[place]) << 8 | second)) % 65535
      high = (high + low) % 65535
      place += 2
    }
    var cursor = ByteCursor(Array(bytes.suffix(4)))
    let stored = UInt32(try cursor.unsigned(4))
    // Zero has two forms in this arithmetic.
    func matches(_ a: UInt32, _ b: UInt32) -> Bool { a % 65535 == b % 65535 }
    guard matches(stored & 0xFFFF, low), matches(stored >> 16, high) else {
      throw FormatError("has a chunk that does not have its checksum; copy or make it again")
    }
    return Array(content)
  }

  /// LibLZF's format, the filter that h5py brings along: runs of literal bytes, and copies from before.
  private static func unpackLZF(_ bytes: [UInt8], byteCount: Int) throws -> [UInt8] {
    let damaged = FormatError("has a chunk that lzf did not make; it is damaged")
    guard byteCount <= bytes.count * 264 else { throw damaged }
    var result: [UInt8] = []
    result.reserveCapacity(byteCount)
    var place = 0
    while place < bytes.count {
      let control = Int(bytes[place])
      place += 1
      if control < 32 {
        guard place + control < bytes.count, result.count + control < byteCount else { throw damaged }
        result.append(contentsOf: bytes[place...(place + control)])
        place += control + 1
        continue
      }
      var length = control >> 5
      if length == 7 {
        guard place < bytes.count else { throw damaged }
        length += Int(bytes[place])
        place += 1
      }
      guard place < bytes.count else { throw damaged }
      let back = (control & 31) << 8 | Int(bytes[place])
      place += 1
      guard back < result.count, result.count + length + 2 <= byteCount else { throw damaged }
      let from = result.count - back - 1
      for i in 0..<length + 2 { result.append(result[from + i]) }
    }
    return result
  }
}
