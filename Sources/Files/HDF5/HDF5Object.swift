/// An object header: the messages that say what a group or a dataset is.
struct HDF5Object {
  enum Message: Int {
    case dataspace = 1
    case linkInfo = 2
    case datatype = 3
    case fillValue = 5
    case link = 6
    case layout = 8
    case filters = 11
    case attribute = 12
    case continuation = 16
    case symbolTable = 17
  }

  private let messages: [(type: Int, isShared: Bool, body: [UInt8])]
  private let file: HDF5Bytes

  /// Of all messages together.
  var byteCount: Int { messages.reduce(0) { $0 + 16 + $1.body.count } }

  private static let mostMessages = 20_000

  /// - Throws: `FormatError` where there is no whole object header.
  init(at address: Int, in file: HDF5Bytes) throws {
    self.file = file
    let start = try file.source.bytes(at: address, count: 4)
    messages =
      start == Array("OHDR".utf8) ? try Self.newer(at: address, file) : try Self.older(at: address, file)
  }

  func body(_ message: Message) throws -> ByteCursor? { try bodies(message).first }

  func has(_ message: Message) -> Bool { messages.contains { $0.type == message.rawValue } }

  func bodies(_ message: Message) throws -> [ByteCursor] {
    try messages.filter { $0.type == message.rawValue }.map { found in
      found.isShared ? try shared(ByteCursor(found.body), message) : ByteCursor(found.body)
    }
  }

  /// A message that stands once for several objects: the type that a file gave a name.
  private func shared(_ reference: ByteCursor, _ message: Message) throws -> ByteCursor {
    var reference = reference
    let (version, kind) = (try reference.byte(), try reference.byte())
    if version == 1 { try reference.skip(6) }
    guard version < 3 || kind == 2, let address = try file.address(&reference) else {
      throw FormatError("keeps messages in a shared heap; write it with h5py's defaults")
    }
    let other = try HDF5Object(at: address, in: file)
    guard let found = other.messages.first(where: { $0.type == message.rawValue }), !found.isShared else {
      throw FormatError("has a shared message that leads nowhere; it is damaged")
    }
    return ByteCursor(found.body)
  }

  /// Version 1: a prefix of 16 bytes, blocks without signature, messages on boundaries of 8.
  private static func older(at address: Int, _ file: HDF5Bytes) throws -> [(type: Int, isShared: Bool, body: [UInt8])] {
    var prefix = try file.cursor(at: address, count: 16)
    guard try prefix.byte() == 1 else { throw FormatError("has no object where it names one; it is damaged") }
    try prefix.skip(1)
    let count = try prefix.number(2)
    try prefix.skip(4)
    var blocks = [(address + 16, try prefix.number(4))]
    var result: [(Int, Bool, [UInt8])] = []
    var total = 0
    while !blocks.isEmpty, result.count < count {
      let (start, size) = blocks.removeFirst()
      total += size
      guard total <= file.source.size else { throw FormatError("has an object larger than itself; it is damaged") }
      var block = try file.cursor(at: start, count: size)
      while block.left >= 8, result.count < count {
        let (type, length, flags) = (try block.number(2), try block.number(2), try block.byte())
        try block.skip(3)
        let body = try block.raw(length)
        if type == Message.continuation.rawValue { blocks.append(try continuation(body, file)) }
        result.append((type, flags & 2 != 0, body))
      }
    }
    return result
  }

  /// Version 2: blocks with a signature and a checksum, messages back to back.
  private static func newer(at address: Int, _ file: HDF5Bytes) throws -> [(type: Int, isShared: Bool, body: [UInt8])] {
    var prefix = try file.cursor(at: address, upTo: 64)
    try prefix.expect("OHDR")
    guard try prefix.byte() == 2 else { throw FormatError("has an object header of an unknown version") }
    let flags = try prefix.byte()
    try prefix.skip((flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0))
    let size = try prefix.number(1 << (flags & 3))
    var blocks = [(address + prefix.position, size)]
    var result: [(Int, Bool, [UInt8])] = []
    var total = 0
    while !blocks.isEmpty {
      let (start, size) = blocks.removeFirst()
      total = total.addingReportingOverflow(size).partialValue
      guard (0...file.source.size).contains(total) else {
        throw FormatError("has an object larger than itself; it is damaged")
      }
      var block = try file.cursor(at: start, count: size)
      while block.left >= (flags & 4 != 0 ? 6 : 4) {
        let (type, length, messageFlags) = (try block.byte(), try block.number(2), try block.byte())
        if flags & 4 != 0 { try block.skip(2) }
        let body = try block.raw(length)
        if type == Message.continuation.rawValue {
          let (start, size) = try continuation(body, file)
          guard size >= 8, try file.source.bytes(at: start, count: 4) == Array("OCHK".utf8) else {
            throw FormatError("has an object that goes on nowhere; it is damaged")
          }
          // Without signature and checksum.
          blocks.append((start + 4, size - 8))
        }
        result.append((type, messageFlags & 2 != 0, body))
        guard result.count <= mostMessages else {
          throw FormatError("has an object with more than \(mostMessages) messages")
        }
      }
    }
    return result
  }

  private static func continuation(_ body: [UInt8], _ file: HDF5Bytes) throws -> (Int, Int) {
    var cursor = ByteCursor(body)
    guard let address = try file.address(&cursor) else {
      throw FormatError("has an object that goes on nowhere; it is damaged")
    }
    return (address, try file.length(&cursor))
  }
}

/// Sizes of a dataset or an attribute.
struct HDF5Dataspace {
  /// nil where there are no elements at all ("null").
  let sizes: [Int]?
  /// What the sizes may grow to; nil without bound.
  let maximum: [Int?]

  init(_ body: ByteCursor, _ file: HDF5Bytes) throws {
    var cursor = body
    let version = try cursor.byte()
    let (rank, flags) = (try cursor.byte(), try cursor.byte())
    var isNull = false
    switch version {
    case 1: try cursor.skip(5)
    case 2: isNull = try cursor.byte() == 2
    default: throw FormatError("has a dataspace of version \(version)")
    }
    guard rank <= 32 else { throw FormatError("has an array of \(rank) dimensions") }
    let found = try (0..<rank).map { _ in try file.length(&cursor) }
    _ = try elementCount(found)
    // All bits set means without bound, as with addresses.
    maximum = flags & 1 != 0 ? try found.map { size in try file.boundedLength(&cursor).map { max(size, $0) } } : found
    sizes = isNull ? nil : found
  }
}
