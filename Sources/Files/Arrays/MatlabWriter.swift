import Matrices

/// A variable for a MATLAB file.
package struct MatlabVariable {
  package enum Value {
    /// A row-major R×C matrix as MATLAB's C×R single array: the same bytes.
    case transposed(Matrix)
    /// A double column.
    case column([Double])
    /// A cell column of texts.
    case cells([String])
  }

  package let name: String
  package let value: Value

  package init(_ name: String, _ value: Value) {
    self.name = name
    self.value = value
  }

  /// Row numbers as MATLAB counts them.
  package init(_ name: String, rowsFromZero rows: [Int]) { self.init(name, .column(rows.map { Double($0 + 1) })) }
}

/// Writes MATLAB files of version 5, which MATLAB, scipy and this program read. Nothing is packed: floats hardly get
/// smaller.
package enum MatlabWriter {
  /// What a variable of this version may take, by MATLAB's own limit.
  private static let mostBytes = 1 << 31

  /// Creates `path`, which must not exist, and makes it durable. The bytes depend on the content alone.
  ///
  /// - Throws: `ArrayFileError` for a variable that is too large for the format; `StorageError`, after which an
  ///   incomplete file may remain for the caller to remove.
  @discardableResult
  package static func write(
    path: String, _ variables: [MatlabVariable], storage: any Storage = PosixStorage()
  ) throws -> ContentDigest {
    for variable in variables where variable.byteCount > mostBytes {
      throw ArrayFileError(
        path: path, array: "variable '\(variable.name)'",
        reason:
          "takes \(variable.byteCount >> 20) MiB, and MATLAB files of version 5 hold 2048 in a variable; write a "
          + "prepared folder or npz instead: cegzsl convert --to prepared, or a name that ends in .npz")
    }
    return try DurableFile.create(path, storage: storage) { sink in
      try sink.write(header)
      for variable in variables { try variable.write(to: sink) }
    }
  }

  /// 116 bytes of text, 8 of nothing, version 1.0, and the mark of little-endian bytes.
  private static var header: [UInt8] {
    let text = Array("MATLAB 5.0 MAT-file, written by cegzsl".utf8)
    return text + [UInt8](repeating: 32, count: 116 - text.count) + [UInt8](repeating: 0, count: 8) + [0, 1]
      + Array("IM".utf8)
  }
}

extension MatlabVariable {
  private var matrixClass: MatlabMatrix.Class {
    switch value {
    case .transposed: .single
    case .column: .double
    case .cells: .cell
    }
  }

  private var sizes: [Int] {
    switch value {
    case .transposed(let matrix): [matrix.columnCount, matrix.rowCount]
    case .column(let values): [values.count, 1]
    case .cells(let texts): [texts.count, 1]
    }
  }

  fileprivate var byteCount: Int {
    switch value {
    case .transposed(let matrix): matrix.count * 4
    case .column(let values): values.count * 8
    case .cells(let texts): texts.reduce(0) { $0 + 80 + 2 * $1.utf16.count }
    }
  }

  fileprivate func write(to sink: FileSink) throws {
    let start = Self.start(matrixClass, sizes, name: name)
    switch value {
    case .transposed(let matrix):
      let tag = Self.tag(.single, matrix.count * 4)
      try sink.write(Self.tag(.matrix, start.count + tag.count + Self.padded(matrix.count * 4)) + start + tag)
      try TensorData.matrix(matrix).forEachRun(sink.write)
      try sink.write(Self.padding(matrix.count * 4))
    case .column(let values):
      let tag = Self.tag(.double, values.count * 8)
      try sink.write(Self.tag(.matrix, start.count + tag.count + values.count * 8) + start + tag)
      try values.withUnsafeBytes(sink.write)
    case .cells(let texts):
      let cells = texts.flatMap(Self.cell)
      try sink.write(Self.tag(.matrix, start.count + cells.count) + start + cells)
    }
  }

  /// A text of its own inside a cell array.
  private static func cell(_ text: String) -> [UInt8] {
    let units = Array(text.utf16)
    let scalars = text.unicodeScalars.count
    let start = start(.char, [units.isEmpty ? 0 : 1, scalars], name: "")
    // scipy counts characters, and where two units are one it reads UTF-8 alone.
    let isWide = scalars != units.count
    let data =
      isWide ? Array(text.utf8) : units.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    let content = start + tag(isWide ? .utf8 : .utf16, data.count) + data + padding(data.count)
    return tag(.matrix, content.count) + content
  }

  /// Flags, sizes and name.
  private static func start(_ matrixClass: MatlabMatrix.Class, _ sizes: [Int], name: String) -> [UInt8] {
    let sizeBytes = sizes.flatMap { word(UInt32(truncatingIfNeeded: $0)) }
    let nameBytes = Array(name.utf8)
    return tag(.uint32, 8) + word(UInt32(matrixClass.rawValue)) + word(0) + tag(.int32, sizeBytes.count) + sizeBytes
      + padding(sizeBytes.count) + tag(.int8, nameBytes.count) + nameBytes + padding(nameBytes.count)
  }

  private static func word(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
  private static func tag(_ kind: MatlabElement.Kind, _ byteCount: Int) -> [UInt8] {
    word(UInt32(kind.rawValue)) + word(UInt32(byteCount))
  }
  private static func padded(_ byteCount: Int) -> Int { (byteCount + 7) / 8 * 8 }
  private static func padding(_ byteCount: Int) -> [UInt8] {
    [UInt8](repeating: 0, count: padded(byteCount) - byteCount)
  }
}
