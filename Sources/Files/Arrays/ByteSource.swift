import Foundation

/// Why bytes are not what their format asks for. Whoever knows the file adds its name: see `ArrayFileError`.
struct FormatError: Error, Equatable {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}

/// Bytes with a known end that can be looked at in any order: a file, memory, a part of either, what comes out of
/// compressed bytes. The readers of this folder are functions of one and of nothing else.
protocol ByteSource {
  /// No byte lies beyond; what is deflated may end before, which a read notices.
  var size: Int { get }
  /// Bytes of a file that stand behind it: fewer where they are deflated. What a file may cost in memory is measured by
  /// them.
  var storedSize: Int { get }
  /// Whether looking back costs no more than going on.
  var isRandomAccess: Bool { get }
  /// Fills `bytes` with those from `offset` on.
  ///
  /// - Throws: `FormatError` where the source ends before, `StorageError` where it cannot be read.
  func read(at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws
}

extension ByteSource {
  var storedSize: Int { size }
  var isRandomAccess: Bool { true }

  /// - Throws: `FormatError` unless `count` bytes lie at `offset`.
  func requireRange(_ offset: Int, _ count: Int) throws {
    guard offset >= 0, count >= 0, offset <= size, count <= size - offset else {
      throw FormatError("it asks for \(count) bytes at byte \(offset) and ends at byte \(size); copy or make it again")
    }
  }

  /// A copy of some bytes; memory is taken for them only after the range is checked.
  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    try requireRange(offset, count)
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      try read(
        at: offset, into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
      filled = count
    }
  }

  /// A view of a part.
  func part(at offset: Int, count: Int) throws -> ByteSource {
    try requireRange(offset, count)
    return PartialBytes(whole: self, start: offset, size: count)
  }
}

private struct PartialBytes: ByteSource {
  let whole: any ByteSource
  let start: Int
  let size: Int
  var storedSize: Int { min(size, whole.storedSize) }
  var isRandomAccess: Bool { whole.isRandomAccess }

  func read(at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
    try requireRange(offset, bytes.count)
    try whole.read(at: start + offset, into: bytes)
  }
}

/// Bytes in memory.
struct MemoryBytes: ByteSource {
  let elements: [UInt8]
  var size: Int { elements.count }

  init(_ elements: [UInt8]) { self.elements = elements }

  func read(at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
    try requireRange(offset, bytes.count)
    elements.withUnsafeBytes {
      bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + bytes.count]))
    }
  }
}

/// A file open for reading, of the size that it had then; one that shrinks meanwhile is refused, not trusted.
final class FileBytes: ByteSource {
  let path: String
  let size: Int
  private let file: Int32

  /// Links are followed: data sets lie where there is room for them.
  ///
  /// - Throws: `FormatError` where there is no plain file that can be read.
  init(path: String) throws {
    // O_NONBLOCK: opening a pipe without a writer must not wait.
    let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { throw FormatError("cannot be opened: \(String(cString: strerror(errno)))") }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(file)
      throw FormatError("is not a plain file")
    }
    self.path = path
    self.file = file
    size = Int(status.st_size)
  }

  deinit { close(file) }

  func read(at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
    try requireRange(offset, bytes.count)
    var done = 0
    while done < bytes.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
      let count = pread(file, rest.baseAddress, rest.count, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw StorageError.callFailed(call: "read", path: path, code: errno) }
      guard count > 0 else { throw FormatError("became shorter while it was read") }
      done += count
    }
  }
}

/// Numbers and texts one after the other from bytes in memory.
struct ByteCursor {
  let bytes: [UInt8]
  var position = 0
  var isBigEndian = false

  init(_ bytes: [UInt8], isBigEndian: Bool = false) {
    self.bytes = bytes
    self.isBigEndian = isBigEndian
  }

  var left: Int { bytes.count - position }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= left else { throw FormatError("a record of it ends too early; copy or make it again") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func skip(_ count: Int) throws { _ = try take(count) }
  mutating func raw(_ count: Int) throws -> [UInt8] { Array(try take(count)) }

  /// An unsigned number of 1 to 8 bytes.
  mutating func unsigned(_ byteCount: Int) throws -> UInt64 {
    let taken = try take(byteCount)
    return isBigEndian
      ? taken.reduce(0) { $0 << 8 | UInt64($1) } : taken.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func byte() throws -> Int { Int(try unsigned(1)) }

  /// An unsigned number that counts or places something; more than fits an `Int` is refused.
  mutating func number(_ byteCount: Int) throws -> Int {
    guard let number = Int(exactly: try unsigned(byteCount)) else {
      throw FormatError("a size in it exceeds 63 bits; it is damaged")
    }
    return number
  }

  mutating func expect(_ signature: String) throws {
    let found = try raw(signature.utf8.count)
    guard found == Array(signature.utf8) else {
      throw FormatError("a record of it does not begin with \(signature); it is damaged")
    }
  }
}

/// The product of sizes.
///
/// - Throws: `FormatError` where it exceeds 63 bits or a size is negative.
func elementCount(_ sizes: [Int]) throws -> Int {
  var count = 1
  for size in sizes {
    let (product, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow, size >= 0 else { throw FormatError("claims sizes \(sizesText(sizes)), which no file has") }
    count = product
  }
  return count
}

/// "3×4"; a single number as "1 number".
func sizesText(_ sizes: [Int]) -> String {
  sizes.isEmpty ? "a single number" : sizes.map(String.init).joined(separator: "×")
}
