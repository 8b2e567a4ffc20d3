/// Attributes of an object: what MATLAB notes beside its arrays.
struct HDF5Attributes {
  private(set) var texts: [String: String] = [:]
  private(set) var numbers: [String: Int] = [:]

  init(_ object: HDF5Object, in file: HDF5Bytes) throws {
    for var message in try object.bodies(.attribute) {
      let version = try message.byte()
      let flags = try message.byte()
      let (nameSize, typeSize, spaceSize) = (try message.number(2), try message.number(2), try message.number(2))
      if version == 3 { try message.skip(1) }
      // Version 1 fills each part up to a multiple of 8 bytes.
      func padded(_ size: Int) -> Int { version == 1 ? (size + 7) / 8 * 8 : size }
      let name = String(decoding: try message.raw(padded(nameSize)).prefix { $0 != 0 }, as: UTF8.self)
      guard flags & 1 == 0 else { continue }
      var typeBody = ByteCursor(try message.raw(padded(typeSize)))
      let type = try HDF5Datatype(&typeBody)
      let space = try HDF5Dataspace(ByteCursor(try message.raw(padded(spaceSize))), file)
      guard let sizes = space.sizes, try elementCount(sizes) == 1 else { continue }
      switch type {
      case .text(let byteCount):
        texts[name] = String(decoding: try message.raw(byteCount).prefix { $0 != 0 }, as: UTF8.self)
      case .number(let stored, let isBigEndian):
        let value = MemoryBytes(try message.raw(stored.byteCount))
        numbers[name] = Int(
          exactly: try StoredElements(stored, isBigEndian: isBigEndian, count: 1, in: value).doubles()[0])
      default: continue
      }
    }
  }
}

extension HDF5Dataset {
  /// The texts of a dataset of texts, in row-major order.
  ///
  /// - Throws: `FormatError` where they are damaged.
  func texts(in file: HDF5Bytes) throws -> [String] {
    let bytes = try bytes()
    var budget = TextBudget(file.source)
    switch type {
    case .text(let byteCount):
      try budget.spend(count * byteCount)
      return try (0..<count).map { index in
        var text = try bytes.bytes(at: index * byteCount, count: byteCount)[...].prefix { $0 != 0 }
        while text.last == UInt8(ascii: " ") { text.removeLast() }
        return String(decoding: text, as: UTF8.self)
      }
    case .longText(let elementSize):
      var heap = GlobalHeap(file)
      guard elementSize == 8 + file.addressSize else { throw FormatError("has texts of an unknown form") }
      return try (0..<count).map { index in
        var element = ByteCursor(try bytes.bytes(at: index * elementSize, count: elementSize))
        let length = try element.number(4)
        let address = try file.address(&element)
        let object = try element.number(4)
        guard length > 0, let address, address > 0 else { return "" }
        try budget.spend(length)
        let stored = try heap.object(object, in: address)
        guard length <= stored.count else { throw FormatError("has a text longer than its place; it is damaged") }
        return String(decoding: stored.prefix(length).prefix { $0 != 0 }, as: UTF8.self)
      }
    default: throw FormatError("is not made of texts")
    }
  }

  /// The addresses that a dataset of references holds.
  func references(in file: HDF5Bytes) throws -> [Int] {
    guard case .reference(let byteCount) = type, byteCount == file.addressSize else {
      throw FormatError("is not made of references")
    }
    let bytes = try bytes()
    return try (0..<count).map { index in
      var element = ByteCursor(try bytes.bytes(at: index * byteCount, count: byteCount))
      guard let address = try file.address(&element) else {
        throw FormatError("refers to nothing at its element \(index + 1)")
      }
      return address
    }
  }
}

/// Texts of any length lie in collections, which are read once.
private struct GlobalHeap {
  private let file: HDF5Bytes
  private let walk: HDF5Walk
  private var collections: [Int: [Int: Range<Int>]] = [:]

  init(_ file: HDF5Bytes) {
    self.file = file
    walk = HDF5Walk(file)
  }

  mutating func object(_ number: Int, in address: Int) throws -> [UInt8] {
    if collections[address] == nil { collections[address] = try Self.places(at: address, file, walk) }
    guard let place = collections[address]?[number] else {
      throw FormatError("has a text that does not exist; it is damaged")
    }
    return try file.source.bytes(at: place.lowerBound, count: place.count)
  }

  private static func places(at address: Int, _ file: HDF5Bytes, _ walk: HDF5Walk) throws -> [Int: Range<Int>] {
    var header = try file.cursor(at: address, count: 8 + file.lengthSize)
    try header.expect("GCOL")
    try header.skip(4)
    let size = try file.length(&header)
    try file.source.requireRange(address, size)
    var result: [Int: Range<Int>] = [:]
    var place = address + 8 + file.lengthSize
    while place + 8 + file.lengthSize <= address + size {
      try walk.step(bytes: 8 + file.lengthSize)
      var entry = try file.cursor(at: place, count: 8 + file.lengthSize)
      let number = try entry.number(2)
      try entry.skip(6)
      let length = try file.length(&entry)
      // Number 0 is the free rest.
      guard number > 0 else { break }
      place += 8 + file.lengthSize
      guard length <= address + size - place else { throw FormatError("has a text outside its heap; it is damaged") }
      result[number] = place..<place + length
      place += (length + 7) / 8 * 8
    }
    return result
  }
}
