/// How a number lies in a file.
package enum StoredType: Sendable, Equatable {
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64
  case float16, bfloat16, float32, float64
  /// A byte; anything but 0 is true.
  case boolean

  package var byteCount: Int {
    switch self {
    case .int8, .uint8, .boolean: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    }
  }

  /// The integer type of so many bytes.
  static func integer(byteCount: Int, isSigned: Bool) -> StoredType? {
    switch byteCount {
    case 1: isSigned ? .int8 : .uint8
    case 2: isSigned ? .int16 : .uint16
    case 4: isSigned ? .int32 : .uint32
    case 8: isSigned ? .int64 : .uint64
    default: nil
    }
  }

  /// IEEE 754's type of so many bytes.
  static func float(byteCount: Int) -> StoredType? {
    switch byteCount {
    case 2: .float16
    case 4: .float32
    case 8: .float64
    default: nil
    }
  }
}

/// Numbers of one type back to back.
struct StoredElements {
  let type: StoredType
  let isBigEndian: Bool
  let count: Int
  private let bytes: any ByteSource

  /// - Throws: `FormatError` unless `bytes` has room for so many from `offset` on: nothing is allocated for what is not
  ///   there.
  init(_ type: StoredType, isBigEndian: Bool = false, count: Int, in bytes: any ByteSource, at offset: Int = 0) throws {
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: type.byteCount)
    guard !overflow, offset >= 0, offset <= bytes.size, byteCount <= bytes.size - offset else {
      throw FormatError(
        "claims \(count) elements of \(type.byteCount) bytes, but \(max(0, bytes.size - offset)) bytes are there; "
          + "copy or make it again"
      )
    }
    self.type = type
    self.isBigEndian = isBigEndian
    self.count = count
    self.bytes = try bytes.part(at: offset, count: byteCount)
  }

  /// Whether a part may be read at no more than its own cost, in any order.
  var isRandomAccess: Bool { bytes.isRandomAccess }

  /// Writes the elements of `range`, rounded to `Value` where that is narrower.
  func read<Value: BinaryFloatingPoint>(_ range: Range<Int>, into target: UnsafeMutablePointer<Value>) throws {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "elements \(range) of \(count)")
    if lies(as: Value.self) {
      return try bytes.read(
        at: range.lowerBound * type.byteCount,
        into: UnsafeMutableRawBufferPointer(start: target, count: range.count * type.byteCount))
    }
    let most = min(range.count, 1 << 16)
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, most * type.byteCount), alignment: 16)
    defer { scratch.deallocate() }
    var start = range.lowerBound
    while start < range.upperBound {
      let some = min(most, range.upperBound - start)
      let piece = UnsafeMutableRawBufferPointer(rebasing: scratch[..<(some * type.byteCount)])
      try bytes.read(at: start * type.byteCount, into: piece)
      decode(UnsafeRawBufferPointer(piece), some, into: target + (start - range.lowerBound))
      start += some
    }
  }

  /// Whether the bytes in the file are those in memory.
  private func lies<Value: BinaryFloatingPoint>(as _: Value.Type) -> Bool {
    guard !isBigEndian, 1.littleEndian == 1 else { return false }
    return type == .float32 && Value.self == Float.self || type == .float64 && Value.self == Double.self
  }

  /// All elements.
  func doubles() throws -> [Double] {
    try [Double](unsafeUninitializedCapacity: count) { buffer, filled in
      if let start = buffer.baseAddress { try read(0..<count, into: start) }
      filled = count
    }
  }

  /// All elements, which must be whole numbers.
  func integers() throws -> [Int] {
    try doubles().map {
      guard let value = Int(exactly: $0) else {
        throw FormatError("has \($0) where a whole number should be; it is damaged")
      }
      return value
    }
  }

  private func decode<Value: BinaryFloatingPoint>(
    _ bytes: UnsafeRawBufferPointer, _ count: Int, into target: UnsafeMutablePointer<Value>
  ) {
    func integers<Stored: FixedWidthInteger>(_: Stored.Type) {
      let size = MemoryLayout<Stored>.size
      for i in 0..<count {
        let stored = bytes.loadUnaligned(fromByteOffset: i * size, as: Stored.self)
        target[i] = Value(isBigEndian ? stored.byteSwapped : stored)
      }
    }
    func floats<Bits: FixedWidthInteger, Stored: BinaryFloatingPoint>(_: Bits.Type, _ make: (Bits) -> Stored) {
      let size = MemoryLayout<Bits>.size
      for i in 0..<count {
        let stored = bytes.loadUnaligned(fromByteOffset: i * size, as: Bits.self)
        target[i] = Value(make(isBigEndian ? stored.byteSwapped : stored))
      }
    }
    switch type {
    case .int8: integers(Int8.self)
    case .int16: integers(Int16.self)
    case .int32: integers(Int32.self)
    case .int64: integers(Int64.self)
    case .uint8: integers(UInt8.self)
    case .uint16: integers(UInt16.self)
    case .uint32: integers(UInt32.self)
    case .uint64: integers(UInt64.self)
    case .boolean: for i in 0..<count { target[i] = bytes[i] == 0 ? 0 : 1 }
    case .float16: floats(UInt16.self) { Float16(bitPattern: $0) }
    case .bfloat16: floats(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .float32: floats(UInt32.self) { Float(bitPattern: $0) }
    case .float64: floats(UInt64.self) { Double(bitPattern: $0) }
    }
  }
}
