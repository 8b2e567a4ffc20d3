/// A zip archive's table of contents (PKWARE's APPNOTE 6.3, sections 4.3 and 4.5): members stored or deflated, of any
/// size.
struct ZipArchive {
  struct Member {
    let name: String
    fileprivate let method: Int
    fileprivate let flags: Int
    fileprivate let checksum: UInt32
    fileprivate let packedSize: Int
    fileprivate let size: Int
    fileprivate let headerOffset: Int
  }

  let members: [Member]
  private let source: any ByteSource

  static let mostMembers = 100_000

  /// - Throws: `FormatError` where there is no complete table.
  init(_ source: any ByteSource) throws {
    self.source = source
    let (count, size, offset) = try Self.directory(source)
    guard count <= Self.mostMembers else { throw FormatError("has \(count) members, too many") }
    var cursor = ByteCursor(try source.bytes(at: offset, count: size))
    members = try (0..<count).map { _ in try Self.member(&cursor) }
    let names = members.map(\.name)
    guard Set(names).count == names.count else { throw FormatError("has two members of the same name") }
  }

  /// Member count, and size and place of the central directory.
  private static func directory(_ source: any ByteSource) throws -> (count: Int, size: Int, offset: Int) {
    let tailSize = min(source.size, 22 + 65535)
    let tail = try source.bytes(at: source.size - tailSize, count: tailSize)
    guard tailSize >= 22,
      let end = stride(from: tailSize - 22, through: 0, by: -1).first(where: {
        tail[$0] == 0x50 && tail[$0 + 1] == 0x4B && tail[$0 + 2] == 5 && tail[$0 + 3] == 6
      })
    else { throw FormatError("is a zip archive without its end; copy or make it again") }
    var cursor = ByteCursor(Array(tail[end...]))
    try cursor.skip(10)
    let (count, size, offset) = (try cursor.number(2), try cursor.number(4), try cursor.number(4))
    guard count == 0xFFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF else { return (count, size, offset) }
    // Zip64: a locator of 20 bytes stands before the end, and says where the longer end is.
    let place = source.size - tailSize + end
    var locator = ByteCursor(try source.bytes(at: place - 20, count: 20))
    try locator.expect("PK\u{6}\u{7}")
    try locator.skip(4)
    var long = ByteCursor(try source.bytes(at: try locator.number(8), count: 56))
    try long.expect("PK\u{6}\u{6}")
    try long.skip(28)
    return (try long.number(8), try long.number(8), try long.number(8))
  }

  private static func member(_ cursor: inout ByteCursor) throws -> Member {
    try cursor.expect("PK\u{1}\u{2}")
    try cursor.skip(4)
    let flags = try cursor.number(2)
    let method = try cursor.number(2)
    try cursor.skip(4)
    let checksum = UInt32(try cursor.number(4))
    var (packed, size) = (try cursor.number(4), try cursor.number(4))
    let (nameSize, extraSize, commentSize) = (try cursor.number(2), try cursor.number(2), try cursor.number(2))
    try cursor.skip(8)
    var offset = try cursor.number(4)
    let name = String(decoding: try cursor.raw(nameSize), as: UTF8.self)
    var extra = ByteCursor(try cursor.raw(extraSize))
    while extra.left >= 4 {
      let (kind, length) = (try extra.number(2), try extra.number(2))
      var field = ByteCursor(try extra.raw(min(length, extra.left)))
      guard kind == 1 else { continue }
      // Those that did not fit, in this order.
      if size == 0xFFFF_FFFF { size = try field.number(8) }
      if packed == 0xFFFF_FFFF { packed = try field.number(8) }
      if offset == 0xFFFF_FFFF { offset = try field.number(8) }
    }
    try cursor.skip(commentSize)
    return Member(
      name: name, method: method, flags: flags, checksum: checksum, packedSize: packed, size: size,
      headerOffset: offset)
  }

  /// What a member holds; its checksum is compared when it was read to its end.
  ///
  /// - Throws: `FormatError` for one that is encrypted, packed in another way than deflate, or not there.
  func content(of member: Member) throws -> any ByteSource {
    guard member.flags & 1 == 0 else { throw FormatError("is encrypted") }
    var header = ByteCursor(try source.bytes(at: member.headerOffset, count: 30))
    try header.expect("PK\u{3}\u{4}")
    try header.skip(22)
    let start = member.headerOffset + 30 + (try header.number(2)) + (try header.number(2))
    let packed = try source.part(at: start, count: member.packedSize)
    switch member.method {
    case 0:
      guard member.size == member.packedSize else {
        throw FormatError("is stored with two different sizes; it is damaged")
      }
      return CheckedBytes(packed, checksum: member.checksum)
    case 8:
      return CheckedBytes(
        try InflatedBytes(packed, wrapping: .none, size: member.size), checksum: member.checksum)
    default:
      throw FormatError("is packed with method \(member.method); numpy.savez and savez_compressed write 0 and 8")
    }
  }
}
