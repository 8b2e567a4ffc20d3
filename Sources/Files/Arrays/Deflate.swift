import CZlib

/// What comes out of deflated bytes, produced as it is asked for. Looking back starts over, so readers go forward.
///
/// Sole user of zlib, with `checksum`.
final class InflatedBytes: ByteSource {
  enum Wrapping: Int32 {
    /// RFC 1950, as MATLAB and HDF5 write it.
    case zlib = 15
    /// RFC 1951 alone, as zip archives have it.
    case none = -15
  }

  /// No deflated byte stands for more than this many.
  static let greatestRatio = 1032

  let size: Int
  var storedSize: Int { packed.storedSize }
  var isRandomAccess: Bool { false }
  private let isExact: Bool
  private let padding: Int
  private let packed: any ByteSource
  private let wrapping: Wrapping
  private let stream: UnsafeMutablePointer<z_stream>
  private var isStarted = false
  private var isAtEnd = false
  /// Bytes that came out so far.
  private var position = 0
  private var taken = 0
  private var input = [UInt8](repeating: 0, count: 0)

  /// - Parameters:
  ///   - size: bytes that come out, where the file says so: more than deflate can hold is refused, and once the last is read,
  ///     so is a stream that goes on, or whose own checksum does not fit.
  ///   - padding: so many at the end are nothing that anybody reads.
  init(_ packed: any ByteSource, wrapping: Wrapping, size: Int? = nil, padding: Int = 0) throws {
    let (most, overflow) = packed.size.multipliedReportingOverflow(by: Self.greatestRatio)
    let limit = overflow ? Int.max : most
    if let size, size > limit {
      throw FormatError("claims \(size) bytes in \(packed.size) deflated ones, more than deflate can hold")
    }
    self.size = size ?? limit
    isExact = size != nil
    self.padding = padding
    self.packed = packed
    self.wrapping = wrapping
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
  }

  deinit {
    if isStarted { inflateEnd(stream) }
    stream.deallocate()
  }

  func read(at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
    try requireRange(offset, bytes.count)
    if !isStarted || offset < position { try restart() }
    if offset > position {
      let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: min(offset - position, 1 << 16), alignment: 16)
      defer { scratch.deallocate() }
      while offset > position {
        try produce(UnsafeMutableRawBufferPointer(rebasing: scratch.prefix(offset - position)))
      }
    }
    try produce(bytes)
    if isExact && !isAtEnd && size - position <= padding { try requireEnd() }
  }

  private func restart() throws {
    if isStarted { inflateEnd(stream) }
    stream.pointee = z_stream()
    guard cegzsl_inflate_start(stream, wrapping.rawValue) == Z_OK else { throw FormatError("no memory to inflate it") }
    (isStarted, isAtEnd, position, taken) = (true, false, 0, 0)
  }

  private func produce(_ bytes: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      done += try some(UnsafeMutableRawBufferPointer(rebasing: bytes[done...]))
    }
    position += done
  }

  /// Some bytes; none only where input was taken in.
  private func some(_ bytes: UnsafeMutableRawBufferPointer) throws -> Int {
    if stream.pointee.avail_in == 0, taken < packed.size {
      input = try packed.bytes(at: taken, count: min(1 << 16, packed.size - taken))
      taken += input.count
      stream.pointee.avail_in = UInt32(input.count)
    }
    let count = isAtEnd ? 0 : try inflateOnce(bytes)
    // Without progress there is neither input nor anything that zlib still held back.
    guard count > 0 || (stream.pointee.avail_in == 0 && taken < packed.size && !isAtEnd) else {
      throw FormatError("its deflated bytes end early; copy or make it again")
    }
    return count
  }

  /// What follows the last byte is the checksum and nothing else.
  private func requireEnd() throws {
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    defer { scratch.deallocate() }
    while position < size { position += try some(scratch) }
    while !isAtEnd {
      let count = try inflateOnce(scratch)
      guard count == 0 else { throw FormatError("its deflated bytes go on behind their end; it is damaged") }
      guard !isAtEnd, stream.pointee.avail_in == 0 else { continue }
      guard taken < packed.size else { throw FormatError("its deflated bytes end early; copy or make it again") }
      input = try packed.bytes(at: taken, count: min(1 << 16, packed.size - taken))
      taken += input.count
      stream.pointee.avail_in = UInt32(input.count)
    }
  }

  /// Turns some of the input that is there into at most 1 GiB; returns how many bytes came out.
  private func inflateOnce(_ target: UnsafeMutableRawBufferPointer) throws -> Int {
    let room = min(target.count, 1 << 30)
    let result = input.withUnsafeMutableBufferPointer { source -> Int32 in
      guard let start = source.baseAddress, let out = target.baseAddress else { return Z_BUF_ERROR }
      stream.pointee.next_in = start + (source.count - Int(stream.pointee.avail_in))
      stream.pointee.next_out = out.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_out = UInt32(room)
      return inflate(stream, Z_NO_FLUSH)
    }
    switch result {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END: isAtEnd = true
    default: throw FormatError("its deflated bytes are damaged; copy or make it again")
    }
    return room - Int(stream.pointee.avail_out)
  }
}

/// CRC-32 of zip archives, over `bytes` after those that gave `checksum` (0 at the start).
func checksum(_ checksum: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
  UInt32(crc32_z(UInt(checksum), bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
}

/// Bytes whose CRC-32 is known: once all were read, those before always earlier or at the same time, it is compared.
final class CheckedBytes: ByteSource {
  private let content: any ByteSource
  private let expected: UInt32
  /// How far the bytes were gone through.
  private var position = 0
  private var found: UInt32 = 0

  init(_ content: any ByteSource, checksum: UInt32) {
    self.content = content
    expected = checksum
  }

  var size: Int { content.size }
  var storedSize: Int { content.storedSize }
  var isRandomAccess: Bool { content.isRandomAccess }

  func read(at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
    try content.read(at: offset, into: bytes)
    guard offset <= position, position < offset + bytes.count else { return }
    found = checksum(found, UnsafeRawBufferPointer(rebasing: bytes[(position - offset)...]))
    position = offset + bytes.count
    guard position < size || found == expected else {
      throw FormatError("its bytes do not have the checksum that the archive notes; copy or make it again")
    }
  }
}
