/// The tensors of a file that `torch.save` wrote (PyTorch 1.6 and later): a zip archive with a pickle that says which tensors there are,
/// and an entry of bytes for each storage. Tensors in dictionaries of dictionaries are named as "netG.fc1.weight". Bytes stay in the file
/// until rows are asked for.
enum TorchFile {
  /// A table of contents beyond this is none of a model.
  private static let longestPickle = 1 << 26
  private static let mostValues = 1_000_000

  /// PyTorch before 1.6, and `_use_new_zipfile_serialization=False`: pickles one after the other, the first of a magic number.
  static let legacyStart: [UInt8] = [0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  static let legacyCure =
    "is PyTorch's form of before version 1.6, which is not read; save it again with a newer PyTorch: "
    + "torch.save(torch.load(FILE, map_location=\"cpu\", weights_only=True), FILE)"

  /// Where the archive's pickle is; nil for an archive of something else.
  static func pickle(in zip: ZipArchive) -> ZipArchive.Member? {
    zip.members.first { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }
  }

  /// - Throws: `FormatError` for anything but plain tensors in dictionaries and lists, or bytes that are not there.
  static func arrays(_ zip: ZipArchive, pickle member: ZipArchive.Member) throws -> [StoredArray] {
    let folder = member.name.dropLast("data.pkl".count)
    func bytes(_ name: String) throws -> (any ByteSource)? {
      try zip.members.first { $0.name == folder + name }.map { try zip.content(of: $0) }
    }
    let content = try zip.content(of: member)
    guard content.size <= longestPickle else { throw FormatError("has a pickle of \(content.size) bytes, too many") }
    let order = try bytes("byteorder").map {
      String(decoding: try $0.bytes(at: 0, count: min($0.size, 8)), as: UTF8.self)
    }
    guard order == nil || order == "little" || order == "big" else {
      throw FormatError("has the byte order '\(order?.forTerminal ?? "")', which is none")
    }
    let value = try PickleReader.value(of: try content.bytes(at: 0, count: content.size))
    var tensors: [(name: String, tensor: PickledTensor)] = []
    var visits = 0
    try collect(value, "", &visits, &tensors)
    guard !tensors.isEmpty else { throw FormatError("holds no tensor; \(PickleReader.cure)") }
    let entries = Dictionary(zip.members.map { ($0.name, $0) }) { first, _ in first }
    return try tensors.map { name, tensor in
      guard let entry = entries[folder + "data/" + tensor.storage.key] else {
        throw FormatError("lacks the bytes of its tensor '\(name.forTerminal)'; copy or make it again")
      }
      do { return try array(name, tensor, isBigEndian: order == "big") { try zip.content(of: entry) } } catch let error
        as FormatError
      { throw FormatError("its tensor '\(name.forTerminal)' \(error.reason)") }
    }
  }

  /// The tensors of nested dictionaries and lists; numbers and texts beside them are passed over.
  ///
  /// - Parameter visits: values gone through: a list that lies in others many times over counts each time.
  private static func collect(
    _ value: Pickled, _ name: String, _ visits: inout Int, _ tensors: inout [(name: String, tensor: PickledTensor)]
  ) throws {
    visits += 1
    guard visits <= mostValues else { throw FormatError("holds more than \(mostValues) values; \(PickleReader.cure)") }
    func inside(_ key: String) -> String { name.isEmpty ? key : name + "." + key }
    switch value {
    case .tensor(let tensor): tensors.append((name.isEmpty ? "tensor" : name, tensor))
    case .dictionary(let items):
      for (key, value) in items.pairs { try collect(value, inside(key), &visits, &tensors) }
    case .list(let items):
      for (place, value) in items.values.enumerated() { try collect(value, inside("\(place)"), &visits, &tensors) }
    case .tuple(let items, _):
      for (place, value) in items.enumerated() { try collect(value, inside("\(place)"), &visits, &tensors) }
    case .none, .boolean, .integer, .float, .text: break
    case .global, .storage: throw FormatError("holds something else than tensors; \(PickleReader.cure)")
    }
  }

  /// A view of a storage, which has to lie within it, as it has to lie within its entry.
  private static func array(
    _ name: String, _ tensor: PickledTensor, isBigEndian: Bool, bytes: @escaping () throws -> any ByteSource
  ) throws -> StoredArray {
    let (storage, count) = (tensor.storage, try elementCount(tensor.sizes))
    let whole = try StoredElements(storage.type, isBigEndian: isBigEndian, count: storage.count, in: try bytes())
    guard count <= storage.count, tensor.offset <= storage.count - count else {
      throw FormatError(
        "claims \(sizesText(tensor.sizes)) elements in a storage of \(whole.count), as an expanded tensor does; save it after .contiguous()"
      )
    }
    let isColumnMajor = try tensor.isColumnMajor()
    return StoredArray(
      name, sizes: tensor.sizes, isColumnMajor: isColumnMajor, kind: storage.type == .boolean ? .booleans : .numbers
    ) {
      .numbers(
        try StoredElements(
          storage.type, isBigEndian: isBigEndian, count: count, in: try bytes(),
          at: tensor.offset * storage.type.byteCount))
    }
  }
}

extension PickledTensor {
  /// Whether its first index is the fastest one; else the last is.
  ///
  /// - Throws: `FormatError` where neither is.
  fileprivate func isColumnMajor() throws -> Bool {
    func isPacked(_ order: [Int]) -> Bool {
      var step = 1
      for index in order where sizes[index] != 1 {
        guard strides[index] == step else { return false }
        step *= sizes[index]
      }
      return true
    }
    if sizes.contains(0) || isPacked(sizes.indices.reversed()) { return false }
    guard isPacked(Array(sizes.indices)) else {
      throw FormatError("is a view with gaps between its elements; store a copy: tensor.contiguous()")
    }
    return true
  }
}
