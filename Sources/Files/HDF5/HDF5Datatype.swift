/// What the elements of a dataset are.
indirect enum HDF5Datatype {
  case number(StoredType, isBigEndian: Bool)
  /// So many bytes, ended by zeros or filled up with blanks.
  case text(byteCount: Int)
  /// A text of any length in a heap of the file; `elementSize` bytes lead to it.
  case longText(elementSize: Int)
  /// An object's address.
  case reference(byteCount: Int)
  /// Nothing to use; the text completes "… is".
  case other(String, byteCount: Int)

  var byteCount: Int {
    switch self {
    case .number(let type, _): type.byteCount
    case .text(let byteCount), .longText(let byteCount), .reference(let byteCount), .other(_, let byteCount): byteCount
    }
  }

  var kind: ArrayKind {
    switch self {
    case .number(.boolean, _): .booleans
    case .number: .numbers
    case .text, .longText: .texts
    case .reference: .other("made of references to other objects")
    case .other(let reason, _): .other(reason)
    }
  }

  init(_ cursor: inout ByteCursor, depth: Int = 0) throws {
    let first = try cursor.byte()
    let (version, kind) = (first >> 4, first & 15)
    let bits = try cursor.number(3)
    let byteCount = try cursor.number(4)
    guard byteCount > 0, byteCount < 1 << 24, depth < 8 else {
      throw FormatError("has elements of \(byteCount) bytes; it is damaged")
    }
    let isBigEndian = bits & 1 != 0
    switch kind {
    case 0, 4:
      let (offset, precision) = (try cursor.number(2), try cursor.number(2))
      let type = StoredType.integer(byteCount: byteCount, isSigned: kind == 0 && bits & 8 != 0)
      guard offset == 0, precision == 8 * byteCount, let type else {
        self = .other(
          "made of whole numbers of \(precision) bits; store them with 8, 16, 32 or 64", byteCount: byteCount)
        return
      }
      self = .number(type, isBigEndian: isBigEndian)
    case 1:
      let properties = try (0..<4).map { try cursor.number($0 < 2 ? 2 : 1) }
      let (mantissa, mantissaSize) = (try cursor.byte(), try cursor.byte())
      try cursor.skip(4)
      self = Self.float(
        byteCount, properties + [mantissa, mantissaSize], isBigEndian: isBigEndian, isVAX: bits & 0x40 != 0)
    case 3: self = .text(byteCount: byteCount)
    case 6: self = try Self.compound(cursor, members: bits & 0xFFFF, version: version, byteCount: byteCount)
    case 7:
      self =
        bits & 15 == 0
        ? .reference(byteCount: byteCount) : .other("made of references to regions", byteCount: byteCount)
    case 8: self = try Self.enumeration(&cursor, memberCount: bits & 0xFFFF, version: version, depth: depth)
    case 9:
      self =
        bits & 15 == 1
        ? .longText(elementSize: byteCount)
        : .other("made of lists of different lengths; store a rectangular array", byteCount: byteCount)
    case 2: self = .other("made of times", byteCount: byteCount)
    case 5: self = .other("made of opaque bytes", byteCount: byteCount)
    case 10: self = .other("made of small arrays; store one array with more dimensions", byteCount: byteCount)
    default: throw FormatError("has elements of class \(kind), which is unknown")
    }
  }

  /// IEEE 754's layouts only.
  private static func float(_ byteCount: Int, _ properties: [Int], isBigEndian: Bool, isVAX: Bool) -> HDF5Datatype {
    let known: [Int: [Int]] = [2: [0, 16, 10, 5, 0, 10], 4: [0, 32, 23, 8, 0, 23], 8: [0, 64, 52, 11, 0, 52]]
    guard !isVAX, known[byteCount] == properties, let type = StoredType.float(byteCount: byteCount) else {
      // bfloat16 as h5py and TensorFlow's exporters write it.
      if !isVAX, properties == [0, 16, 7, 8, 0, 7] { return .number(.bfloat16, isBigEndian: isBigEndian) }
      return .other(
        "made of floats of \(byteCount) bytes in an unusual layout; store float32 or float64", byteCount: byteCount)
    }
    return .number(type, isBigEndian: isBigEndian)
  }

  /// numpy's booleans are an enumeration of FALSE and TRUE in bytes; others are their numbers.
  private static func enumeration(_ cursor: inout ByteCursor, memberCount: Int, version: Int, depth: Int) throws
    -> HDF5Datatype
  {
    let base = try HDF5Datatype(&cursor, depth: depth + 1)
    guard case .number(let type, let isBigEndian) = base else {
      return .other("an enumeration", byteCount: base.byteCount)
    }
    var names: [String] = []
    for _ in 0..<memberCount {
      var name: [UInt8] = []
      while true {
        let byte = try cursor.byte()
        if byte == 0 { break }
        name.append(UInt8(byte))
      }
      // Up to version 2 a name fills a multiple of 8 bytes.
      if version < 3 { try cursor.skip(min((8 - (name.count + 1) % 8) % 8, cursor.left)) }
      names.append(String(decoding: name, as: UTF8.self).uppercased())
    }
    let isBoolean = type.byteCount == 1 && names.sorted() == ["FALSE", "TRUE"]
    return .number(isBoolean ? .boolean : type, isBigEndian: isBigEndian)
  }

  private static func compound(_ cursor: ByteCursor, members: Int, version: Int, byteCount: Int) throws -> HDF5Datatype
  {
    // h5py stores a complex number as the pair (r, i).
    if members == 2, cursor.bytes[cursor.position...].first == UInt8(ascii: "r") {
      return .other("complex: its numbers have an imaginary part", byteCount: byteCount)
    }
    return .other(
      "a table of \(members) fields (pandas.to_hdf writes such); store each as an array of its own",
      byteCount: byteCount)
  }
}
