/// The members of a group by name, with the addresses of their object headers. Links that lead elsewhere by name (soft,
/// external) are left out.
struct HDF5Group {
  private(set) var members: [(name: String, address: Int)] = []

  static let mostMembers = 100_000

  /// - Throws: `FormatError` for a group that is damaged.
  init(_ object: HDF5Object, in file: HDF5Bytes, _ walk: HDF5Walk) throws {
    if var table = try object.body(.symbolTable) {
      guard let tree = try file.address(&table), let heap = try file.address(&table) else { return }
      try addOlder(tree: tree, names: try LocalHeap(at: heap, in: file), in: file, walk: walk)
    }
    for var link in try object.bodies(.link) { try add(&link, file) }
    if var info = try object.body(.linkInfo) {
      try info.skip(1)
      let flags = try info.byte()
      if flags & 1 != 0 { try info.skip(8) }
      if let heap = try file.address(&info), let tree = try file.address(&info) {
        let heap = try FractalHeap(at: heap, in: file)
        try HDF5TreeV2(at: tree, in: file).forEachRecord(walk) { record in
          var record = record
          // Behind the hash of the name.
          try record.skip(4)
          var link = ByteCursor(try heap.object(&record))
          try add(&link, file)
        }
      }
    }
  }

  private mutating func add(_ name: String, _ address: Int) throws {
    guard members.count < Self.mostMembers else {
      throw FormatError("has a group of more than \(Self.mostMembers) members")
    }
    members.append((name, address))
  }

  /// A link message; what it links to by name stays unknown.
  private mutating func add(_ link: inout ByteCursor, _ file: HDF5Bytes) throws {
    guard try link.byte() == 1 else { throw FormatError("has a link of an unknown version") }
    let flags = try link.byte()
    let kind = flags & 8 != 0 ? try link.byte() : 0
    try link.skip((flags & 4 != 0 ? 8 : 0) + (flags & 16 != 0 ? 1 : 0))
    let length = try link.number(1 << (flags & 3))
    let name = String(decoding: try link.raw(length), as: UTF8.self)
    guard kind == 0, let address = try file.address(&link) else { return }
    try add(name, address)
  }

  /// The tree of names that all versions write unless they are asked for the latest: leaves are lists of symbols.
  private mutating func addOlder(tree: Int, names: LocalHeap, in file: HDF5Bytes, walk: HDF5Walk) throws {
    try HDF5TreeV1(at: tree, kind: 0, keySize: file.lengthSize, in: file).forEachLeaf(walk) { _, leaf in
      var list = try file.cursor(at: leaf, count: 8)
      try list.expect("SNOD")
      try list.skip(2)
      let count = try list.number(2)
      try walk.step(bytes: count * (2 * file.addressSize + 24))
      var entries = try file.cursor(at: leaf + 8, count: count * (2 * file.addressSize + 24))
      for _ in 0..<count {
        let name = try names.name(at: try entries.number(file.addressSize))
        let address = try file.address(&entries)
        // A cache type of 2 is a link by name.
        let cache = try entries.number(4)
        try entries.skip(20)
        if cache != 2, let address { try add(name, address) }
      }
    }
  }
}

/// Names of an older group's members, ended by zeros.
private struct LocalHeap {
  private let bytes: [UInt8]

  init(at address: Int, in file: HDF5Bytes) throws {
    var cursor = try file.cursor(at: address, count: 8 + 2 * file.lengthSize + file.addressSize)
    try cursor.expect("HEAP")
    try cursor.skip(4)
    let size = try file.length(&cursor)
    try cursor.skip(file.lengthSize)
    guard let data = try file.address(&cursor) else { throw FormatError("has a group without names; it is damaged") }
    bytes = try file.source.bytes(at: data, count: size)
  }

  func name(at offset: Int) throws -> String {
    guard offset < bytes.count, let end = bytes[offset...].firstIndex(of: 0) else {
      throw FormatError("has a name outside its heap; it is damaged")
    }
    return String(decoding: bytes[offset..<end], as: UTF8.self)
  }
}

/// A tree of version 1: nodes of level 0 lead to leaves, others to nodes.
struct HDF5TreeV1 {
  let address: Int
  /// 0 for groups, 1 for chunks.
  let kind: Int
  /// Bytes of a key; one stands before each child and one at the end.
  let keySize: Int
  let file: HDF5Bytes

  init(at address: Int, kind: Int, keySize: Int, in file: HDF5Bytes) {
    (self.address, self.kind, self.keySize, self.file) = (address, kind, keySize, file)
  }

  /// Hands over the key before each leaf, and its address.
  func forEachLeaf(_ walk: HDF5Walk, _ body: (ByteCursor, Int) throws -> Void) throws {
    try visit(address, level: nil, walk, body)
  }

  private func visit(_ node: Int, level: Int?, _ walk: HDF5Walk, _ body: (ByteCursor, Int) throws -> Void) throws {
    try walk.step()
    var cursor = try file.cursor(at: node, count: 8 + 2 * file.addressSize)
    try cursor.expect("TREE")
    guard try cursor.byte() == kind else { throw FormatError("has a tree of another kind; it is damaged") }
    let found = try cursor.byte()
    guard level == nil || found == level else {
      throw FormatError("has a tree with a node out of place; it is damaged")
    }
    let count = try cursor.number(2)
    try walk.step(bytes: count * (keySize + file.addressSize))
    var entries = try file.cursor(
      at: node + 8 + 2 * file.addressSize, count: count * (keySize + file.addressSize) + (count > 0 ? keySize : 0))
    for _ in 0..<count {
      let key = ByteCursor(try entries.raw(keySize))
      guard let child = try file.address(&entries) else { continue }
      if found == 0 {
        try walk.step()
        try body(key, child)
      } else {
        try visit(child, level: found - 1, walk, body)
      }
    }
  }
}
