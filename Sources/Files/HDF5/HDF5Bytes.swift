/// An HDF5 file ("HDF5 File Format Specification", version 3.0, The HDF Group): the superblock, and how addresses are
/// read.
///
/// What is read: files of every version of the library, groups of both kinds, contiguous, compact and chunked datasets
/// with all five chunk indexes, packed with gzip, shuffle, fletcher32 or lzf. The library itself is not used: its
/// readers trust the file.
struct HDF5Bytes {
  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// From the superblock on: addresses count from there.
  let source: any ByteSource
  /// Bytes of an address, and of a size.
  let addressSize: Int
  let lengthSize: Int
  /// Object header of the root group.
  let rootHeader: Int

  /// The place of the superblock: behind as many bytes as someone else wanted for a header of their own.
  static func superblock(in source: any ByteSource) throws -> Int? {
    var offset = 0
    while offset + 8 <= source.size {
      if try source.bytes(at: offset, count: 8) == signature { return offset }
      offset = offset == 0 ? 512 : offset * 2
    }
    return nil
  }

  /// - Parameter start: place of the superblock.
  /// - Throws: `FormatError` for a file that is truncated, or of a version unknown here.
  init(_ whole: any ByteSource, superblock start: Int) throws {
    source = try whole.part(at: start, count: whole.size - start)
    var cursor = ByteCursor(try source.bytes(at: 8, count: min(source.size - 8, 120)))
    let version = try cursor.byte()
    switch version {
    case 0, 1:
      try cursor.skip(4)
      (addressSize, lengthSize) = (try cursor.byte(), try cursor.byte())
      try Self.check(addressSize, lengthSize)
      try cursor.skip(9 + (version == 1 ? 4 : 0) + 4 * addressSize)
      // The root group's entry: name, object header.
      try cursor.skip(addressSize)
      rootHeader = try cursor.number(addressSize)
    case 2, 3:
      (addressSize, lengthSize) = (try cursor.byte(), try cursor.byte())
      try Self.check(addressSize, lengthSize)
      try cursor.skip(1 + 3 * addressSize)
      rootHeader = try cursor.number(addressSize)
    default: throw FormatError("is HDF5 with a superblock of version \(version); known are 0 to 3")
    }
  }

  private static func check(_ addressSize: Int, _ lengthSize: Int) throws {
    guard [2, 4, 8].contains(addressSize), [2, 4, 8].contains(lengthSize) else {
      throw FormatError("is HDF5 with addresses of \(addressSize) and sizes of \(lengthSize) bytes; it is damaged")
    }
  }

  func cursor(at address: Int, count: Int) throws -> ByteCursor {
    ByteCursor(try source.bytes(at: address, count: count))
  }

  /// As `cursor`, but with fewer bytes where the file ends.
  func cursor(at address: Int, upTo count: Int) throws -> ByteCursor {
    try source.requireRange(address, 0)
    return try cursor(at: address, count: min(count, source.size - address))
  }

  /// The next address; nil for the one that means "none".
  func address(_ cursor: inout ByteCursor) throws -> Int? {
    let value = try cursor.unsigned(addressSize)
    guard value != UInt64.max >> (64 - 8 * UInt64(addressSize)) else { return nil }
    guard let address = Int(exactly: value) else {
      throw FormatError("has an address of more than 63 bits; it is damaged")
    }
    return address
  }

  func length(_ cursor: inout ByteCursor) throws -> Int { try cursor.number(lengthSize) }

  /// nil for the length that means "without bound".
  func boundedLength(_ cursor: inout ByteCursor) throws -> Int? { Int(exactly: try cursor.unsigned(lengthSize)) }
}

/// Counts what is walked through, so that a file whose nodes name one another in circles, or again and again, comes to
/// an end: what is opened, and what is read of one dataset, take no more time than a few files of that size.
final class HDF5Walk {
  private var left: Int
  init(_ file: HDF5Bytes) { left = 4096 + file.source.size / 4 }

  /// - Parameter bytes: those that are looked at: a file of nodes that do not overlap has a step for each 16.
  func step(bytes: Int = 0) throws {
    left -= 1 + bytes / 16
    guard left >= 0 else {
      throw FormatError("has nodes that name one another more often than the file can hold; it is damaged")
    }
  }
}
