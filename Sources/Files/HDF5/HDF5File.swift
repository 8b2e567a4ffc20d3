/// The arrays of an HDF5 file, by their paths from the root: as h5py and others write it, or as MATLAB does (version
/// 7.3).
struct HDF5File {
  private(set) var arrays: [StoredArray] = []
  /// Whether MATLAB's conventions hold: sizes reversed, texts as numbers, cells as references.
  let isMatlab: Bool

  private let file: HDF5Bytes
  private static let deepest = 16
  private static let mostArrays = 10_000

  /// - Parameter start: place of the superblock.
  /// - Throws: `FormatError` for a file that is truncated or damaged.
  init(_ source: any ByteSource, superblock start: Int) throws {
    file = try HDF5Bytes(source, superblock: start)
    let header = try source.bytes(at: 0, count: min(start, 128))
    isMatlab =
      header.count == 128 && header.suffix(2) == Array("IM".utf8) && header.starts(with: "MATLAB".utf8)
    var path: Set<Int> = []
    let walk = HDF5Walk(file)
    try addGroup(try HDF5Object(at: file.rootHeader, in: file), at: file.rootHeader, prefix: "", &path, walk)
  }

  private mutating func addGroup(
    _ object: HDF5Object, at address: Int, prefix: String, _ path: inout Set<Int>, _ walk: HDF5Walk
  ) throws {
    // A group that contains itself is listed once.
    guard path.count < Self.deepest, path.insert(address).inserted else { return }
    defer { path.remove(address) }
    for member in try HDF5Group(object, in: file, walk).members {
      // What MATLAB's cells refer to.
      if isMatlab && (member.name == "#refs#" || member.name == "#subsystem#") { continue }
      let name = prefix + member.name
      let object = try HDF5Object(at: member.address, in: file)
      try walk.step(bytes: object.byteCount)
      guard arrays.count < Self.mostArrays else { throw FormatError("has more than \(Self.mostArrays) datasets") }
      if let dataset = try HDF5Dataset(object, in: file) {
        arrays.append(
          try isMatlab ? MatlabHDF5(file: file).array(name, dataset, object) : dataset.array(name, in: file))
      } else if isMatlab, let sparse = try MatlabHDF5(file: file).sparse(name, object, walk) {
        arrays.append(sparse)
      } else if object.has(.symbolTable) || object.has(.linkInfo) || object.has(.link) {
        try addGroup(object, at: member.address, prefix: name + (isMatlab ? "." : "/"), &path, walk)
      }
    }
  }
}

extension HDF5Dataset {
  /// As h5py shows it.
  fileprivate func array(_ name: String, in file: HDF5Bytes) -> StoredArray {
    guard let sizes else { return StoredArray(name, sizes: [0], kind: .other("empty")) }
    return StoredArray(name, sizes: sizes, kind: type.kind) {
      switch type {
      case .number: .numbers(try numbers())
      case .text, .longText: .texts { try texts(in: file) }
      default: .none
      }
    }
  }

  func numbers() throws -> StoredElements {
    guard case .number(let type, let isBigEndian) = type else { throw FormatError("is not made of numbers") }
    return try StoredElements(type, isBigEndian: isBigEndian, count: count, in: try bytes())
  }
}
