import Matrices

/// An array for an npy file or an npz archive, in row-major order.
package struct NumpyArray {
  package enum Value {
    case data(TensorData)
    case texts([String])
  }

  package let name: String
  package let shape: [Int]
  package let value: Value

  package init(_ name: String, shape: [Int], _ data: TensorData) {
    precondition(shape.reduce(1, *) == data.count, "\(data.count) elements do not fill \(shape)")
    (self.name, self.shape, value) = (name, shape, .data(data))
  }

  package init(_ name: String, matrix: Matrix) {
    self.init(name, shape: [matrix.rowCount, matrix.columnCount], .matrix(matrix))
  }

  package init(_ name: String, integers: [Int]) {
    self.init(name, shape: [integers.count], .int64(integers.map(Int64.init)))
  }

  package init(_ name: String, texts: [String]) { (self.name, shape, value) = (name, [texts.count], .texts(texts)) }

  /// numpy's texts all have the length of the longest, in code points.
  private var textLength: Int {
    guard case .texts(let texts) = value else { return 0 }
    return max(1, texts.map(\.unicodeScalars.count).max() ?? 1)
  }

  private var typeCode: String {
    switch value {
    case .texts: "<U\(textLength)"
    case .data(let data):
      switch data.type {
      case .float32: "<f4"
      case .float64: "<f8"
      case .int64: "<i8"
      case .int32: "<i4"
      case .uint8: "|u1"
      }
    }
  }

  fileprivate var header: [UInt8] { Self.header(typeCode: typeCode, shape: shape) }

  /// Version 1 of the format; the header ends on a boundary of 64 bytes.
  fileprivate static func header(typeCode: String, shape: [Int]) -> [UInt8] {
    let sizes = shape.map { "\($0)," }.joined(separator: " ")
    let shapeText = shape.count > 1 ? String(sizes.dropLast()) : sizes
    let text = "{'descr': '\(typeCode)', 'fortran_order': False, 'shape': (\(shapeText)), }"
    let length = (10 + text.utf8.count + 1 + 63) / 64 * 64 - 10
    return NumpyFile.signature + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8)
      + [UInt8](repeating: 32, count: length - text.utf8.count - 1) + [10]
  }

  fileprivate var byteCount: Int {
    switch value {
    case .data(let data): header.count + data.count * data.type.byteCount
    case .texts(let texts): header.count + 4 * textLength * texts.count
    }
  }

  /// Hands over the file's bytes, piece by piece.
  fileprivate func forEachRun(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try header.withUnsafeBytes(body)
    switch value {
    case .data(let data): try data.forEachRun(body)
    case .texts(let texts):
      let length = textLength
      for text in texts {
        let codes = text.unicodeScalars.map(\.value)
        try (codes + [UInt32](repeating: 0, count: length - codes.count)).withUnsafeBytes(body)
      }
    }
  }
}

/// Writes npy files, and npz archives as numpy.savez does: members are stored, not packed.
package enum NumpyWriter {
  /// Creates `path`, which must not exist, and makes it durable. The bytes depend on the content alone.
  ///
  /// - Throws: `StorageError`, after which an incomplete file may remain for the caller to remove.
  @discardableResult
  package static func write(
    path: String, _ array: NumpyArray, storage: any Storage = PosixStorage()
  ) throws -> ContentDigest {
    try DurableFile.create(path, storage: storage) { sink in try array.forEachRun(sink.write) }
  }

  /// A matrix whose rows come in blocks.
  ///
  /// - Parameter body: hands over all rows, in their order.
  /// - Throws: as above, and what `body` throws.
  package static func write(
    path: String, rows: Int, columns: Int, storage: any Storage = PosixStorage(),
    body: ((Matrix) throws -> Void) throws -> Void
  ) throws {
    _ = try DurableFile.create(path, storage: storage) { sink in
      try sink.write(NumpyArray.header(typeCode: "<f4", shape: [rows, columns]))
      var count = 0
      try body { block in
        precondition(block.columnCount == columns, "\(block.columnCount) columns, not \(columns)")
        count += block.rowCount
        try TensorData.matrix(block).forEachRun(sink.write)
      }
      precondition(count == rows, "\(count) rows, not \(rows)")
    }
  }

  /// An archive of arrays with different names.
  @discardableResult
  package static func write(
    path: String, archive arrays: [NumpyArray], storage: any Storage = PosixStorage()
  ) throws -> ContentDigest {
    precondition(Set(arrays.map(\.name)).count == arrays.count, "two arrays share a name")
    return try DurableFile.create(path, storage: storage) { sink in
      var directory: [UInt8] = []
      var offset = 0
      for array in arrays {
        let member = try ZipMember(array, offset: offset)
        try sink.write(member.localHeader)
        try array.forEachRun(sink.write)
        directory += member.directoryEntry
        offset += member.localHeader.count + member.byteCount
      }
      try sink.write(directory + ZipMember.end(count: arrays.count, size: directory.count, offset: offset))
    }
  }
}

/// What a zip archive notes about a stored member. Sizes are always in the long form, as numpy writes them.
private struct ZipMember {
  let byteCount: Int
  private let name: [UInt8]
  private let crc: UInt32
  private let offset: Int

  init(_ array: NumpyArray, offset: Int) throws {
    name = Array("\(array.name).npy".utf8)
    byteCount = array.byteCount
    self.offset = offset
    var crc: UInt32 = 0
    try array.forEachRun { crc = checksum(crc, $0) }
    self.crc = crc
  }

  /// Version 4.5, names in UTF-8, stored, the first of January 1980, checksum, sizes in the extra field.
  private var common: [UInt8] {
    Self.bytes(45, 2) + Self.bytes(0x800, 2) + Self.bytes(0, 2) + Self.bytes(0, 2) + Self.bytes(0x21, 2)
      + Self.bytes(Int(crc), 4)
      + Self.bytes(0xFFFF_FFFF, 4) + Self.bytes(0xFFFF_FFFF, 4) + Self.bytes(name.count, 2)
  }

  var localHeader: [UInt8] {
    let extra = Self.bytes(1, 2) + Self.bytes(16, 2) + Self.bytes(byteCount, 8) + Self.bytes(byteCount, 8)
    return Array("PK\u{3}\u{4}".utf8) + common + Self.bytes(extra.count, 2) + name + extra
  }

  var directoryEntry: [UInt8] {
    let extra =
      Self.bytes(1, 2) + Self.bytes(24, 2) + Self.bytes(byteCount, 8) + Self.bytes(byteCount, 8) + Self.bytes(offset, 8)
    return Array("PK\u{1}\u{2}".utf8) + Self.bytes(45, 2) + common + Self.bytes(extra.count, 2) + Self.bytes(0, 10)
      + Self.bytes(0xFFFF_FFFF, 4) + name + extra
  }

  /// The end, behind its long form.
  static func end(count: Int, size: Int, offset: Int) -> [UInt8] {
    let long =
      Array("PK\u{6}\u{6}".utf8) + bytes(44, 8) + bytes(45, 2) + bytes(45, 2) + bytes(0, 8) + bytes(count, 8)
      + bytes(count, 8)
      + bytes(size, 8) + bytes(offset, 8)
    let locator = Array("PK\u{6}\u{7}".utf8) + bytes(0, 4) + bytes(offset + size, 8) + bytes(1, 4)
    let short =
      Array("PK\u{5}\u{6}".utf8) + bytes(0, 4) + bytes(min(count, 0xFFFF), 2) + bytes(min(count, 0xFFFF), 2)
      + bytes(min(size, 0xFFFF_FFFF), 4) + bytes(min(offset, 0xFFFF_FFFF), 4) + bytes(0, 2)
    return long + locator + short
  }

  private static func bytes(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0 }
  }
}
