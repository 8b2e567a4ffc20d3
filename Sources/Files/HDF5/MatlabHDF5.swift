/// MATLAB's conventions in files of version 7.3: sizes reversed, texts as numbers, cells as references, sparse matrices
/// as groups.
struct MatlabHDF5 {
  let file: HDF5Bytes

  func array(_ name: String, _ dataset: HDF5Dataset, _ object: HDF5Object) throws -> StoredArray {
    let attributes = try HDF5Attributes(object, in: file)
    let matlabClass = attributes.texts["MATLAB_class"]
    // An empty array is stored as its sizes.
    if attributes.numbers["MATLAB_empty"].map({ $0 != 0 }) == true {
      let kind: ArrayKind = matlabClass == "char" || matlabClass == "cell" ? .texts : .numbers
      return StoredArray(name, sizes: [0, 0], isColumnMajor: true, kind: kind) {
        kind == .texts ? .texts { [] } : .numbers(try StoredElements(.uint8, count: 0, in: MemoryBytes([])))
      }
    }
    let sizes = Array((dataset.sizes ?? [0]).reversed())
    func array(_ kind: ArrayKind, _ content: @escaping () throws -> StoredArray.Content = { .none }) -> StoredArray {
      StoredArray(name, sizes: sizes, isColumnMajor: true, kind: kind, content: content)
    }
    switch (matlabClass, dataset.type) {
    case ("char", .number): return array(.texts) { .texts { try rowsOfCharacters(dataset, sizes) } }
    case ("cell", .reference): return array(.texts) { .texts { try textsOfCells(dataset) } }
    case ("logical", .number): return array(.booleans) { .numbers(try dataset.numbers()) }
    case (_, .number): return array(dataset.type.kind) { .numbers(try dataset.numbers()) }
    case (_, .text), (_, .longText): return array(.texts) { .texts { try dataset.texts(in: file) } }
    case (let other?, _): return array(.other("of MATLAB's class \(other); store numbers, or texts with cellstr()"))
    default: return array(dataset.type.kind)
    }
  }

  private func rowsOfCharacters(_ dataset: HDF5Dataset, _ sizes: [Int]) throws -> [String] {
    guard case .number(let type, let isBigEndian) = dataset.type, type.byteCount <= 4, sizes.count == 2 else {
      throw FormatError("is no row of characters")
    }
    let count = dataset.count
    var cursor = ByteCursor(try dataset.bytes().bytes(at: 0, count: count * type.byteCount), isBigEndian: isBigEndian)
    let units = try (0..<count).map { _ in UInt32(try cursor.unsigned(type.byteCount)) }
    let found = characters(units, byteCount: type.byteCount)
    guard sizes[0] == 1 || found.count == count else { throw FormatError("has \(found.count) characters of \(count)") }
    return rowsOfText(found, rowCount: sizes[0])
  }

  private func textsOfCells(_ dataset: HDF5Dataset) throws -> [String] {
    var budget = TextBudget(file.source)
    let addresses = try dataset.references(in: file)
    let walk = HDF5Walk(file)
    var known: [Int: String] = [:]
    return try addresses.enumerated().map { index, address in
      guard let text = try known[address] ?? text(ofCell: address, depth: 0, walk) else {
        throw FormatError("cell \(index + 1) of \(addresses.count) is not a text")
      }
      known[address] = text
      try budget.spend(text.utf8.count)
      return text
    }
  }

  /// A row of characters, a number, or a cell with one of these.
  private func text(ofCell address: Int, depth: Int, _ walk: HDF5Walk) throws -> String? {
    let object = try HDF5Object(at: address, in: file)
    try walk.step(bytes: object.byteCount)
    guard let dataset = try HDF5Dataset(object, in: file), depth < 8 else { return nil }
    let attributes = try HDF5Attributes(object, in: file)
    if attributes.numbers["MATLAB_empty"].map({ $0 != 0 }) == true { return "" }
    switch (attributes.texts["MATLAB_class"], dataset.type) {
    case ("char", .number):
      let texts = try rowsOfCharacters(dataset, Array((dataset.sizes ?? []).reversed()))
      return texts.count == 1 ? texts[0] : nil
    case ("cell", .reference):
      let inner = try dataset.references(in: file)
      return inner.count == 1 ? try text(ofCell: inner[0], depth: depth + 1, walk) : nil
    case (_, .number) where dataset.count == 1:
      return numberText(try dataset.numbers().doubles()[0])
    default: return nil
    }
  }

  /// A group of `data`, `ir` and `jc` is a sparse matrix; its attribute says how many rows it has.
  func sparse(_ name: String, _ object: HDF5Object, _ walk: HDF5Walk) throws -> StoredArray? {
    let attributes = try HDF5Attributes(object, in: file)
    guard let rowCount = attributes.numbers["MATLAB_sparse"], rowCount >= 0 else { return nil }
    var parts: [String: HDF5Dataset] = [:]
    for member in try HDF5Group(object, in: file, walk).members {
      let part = try HDF5Object(at: member.address, in: file)
      try walk.step(bytes: part.byteCount)
      parts[member.name] = try HDF5Dataset(part, in: file)
    }
    guard let starts = parts["jc"], starts.count > 0 else {
      throw FormatError("has a sparse matrix without jc; it is damaged")
    }
    let sizes = [rowCount, starts.count - 1]
    let kind: ArrayKind = attributes.texts["MATLAB_class"] == "logical" ? .booleans : .numbers
    let (rows, values) = (parts["ir"], parts["data"])
    return StoredArray(name, sizes: sizes, isColumnMajor: true, kind: kind) {
      // Without nonzero elements MATLAB leaves out both.
      let none = try StoredElements(.uint8, count: 0, in: MemoryBytes([]))
      return .numbers(
        try SparseColumns(
          sizes: sizes, rows: try rows?.numbers().integers() ?? [], starts: try starts.numbers().integers(),
          values: try values?.numbers() ?? none, storedSize: file.source.size
        ).dense())
    }
  }
}
