import Foundation
import Matrices

/// A file of arrays, or an array in it, that cannot be used.
package struct ArrayFileError: ReportableError, Equatable {
  package let path: String
  /// What the format calls an array, and its name.
  package let array: String?
  package let reason: String

  package init(path: String, array: String? = nil, reason: String) {
    self.path = path
    self.array = array
    self.reason = reason
  }

  package var exitStatus: ExitStatus { .badData }
  package var description: String { array.map { "\(path), \($0): \(reason)" } ?? "\(path): \(reason)" }
}

/// Which index of an array counts the rows of the matrix that is wanted.
package enum RowAxis: Sendable {
  case first
  case last
}

/// A file of named arrays in any of the formats that are read: .npy, .npz, .csv, .safetensors, HDF5, .mat of
/// versions 5 and 7.3, and PyTorch's zip form. Which one it is, its first bytes say. Nothing in a file is executed, and what it claims is
/// checked before memory is taken.
package final class ArrayFile {
  package enum Format: String, Sendable {
    case npy = "an npy file"
    case npz = "an npz archive"
    case csv = "a csv file"
    case safetensors = "a safetensors file"
    case hdf5 = "an HDF5 file"
    case matlab = "a MATLAB file"
    case torch = "a PyTorch file"

    /// What its users call an array.
    var noun: String {
      switch self {
      case .npy, .npz: "array"
      case .csv: "column"
      case .safetensors, .torch: "tensor"
      case .hdf5: "dataset"
      case .matlab: "variable"
      }
    }
  }

  /// An array as a list of contents shows it.
  package struct Description: Sendable, Equatable {
    package let name: String
    /// numpy's shape, MATLAB's size; [] for a single number.
    package let sizes: [Int]
    package let kind: ArrayKind
  }

  package let path: String
  package let format: Format
  private let stored: [StoredArray]
  private let csv: CsvFile?

  /// - Throws: `ArrayFileError` for a file that is missing, damaged, or of no known format; `StorageError` where it
  ///   cannot be read.
  ///
  /// - Parameter headings: names that the first line of a csv file makes its header, if it has one of them.
  package convenience init(path: String, headings: Set<String> = []) throws {
    do { try self.init(FileBytes(path: path), path: path, headings: headings) } catch let error as FormatError {
      throw ArrayFileError(path: path, reason: error.reason)
    }
  }

  /// The same for bytes that lie in memory.
  ///
  /// - Parameter path: the name that messages give it; its last part names the array of an npy file.
  package convenience init(bytes: [UInt8], path: String) throws {
    do { try self.init(MemoryBytes(bytes), path: path) } catch let error as FormatError {
      throw ArrayFileError(path: path, reason: error.reason)
    }
  }

  private init(_ source: any ByteSource, path: String, headings: Set<String> = []) throws {
    self.path = path
    var csv: CsvFile?
    switch try Self.recognise(source) {
    case .npy:
      format = .npy
      let name = (((path as NSString).lastPathComponent) as NSString).deletingPathExtension
      stored = [try NumpyFile.array(source, name: name)]
    case .zip:
      let zip = try ZipArchive(source)
      if let pickle = TorchFile.pickle(in: zip) {
        format = .torch
        stored = try TorchFile.arrays(zip, pickle: pickle)
      } else {
        format = .npz
        stored = try NumpyFile.archive(zip)
      }
    case .hdf5(let superblock):
      let file = try HDF5File(source, superblock: superblock)
      format = file.isMatlab ? .matlab : .hdf5
      stored = file.arrays
    case .matlab(let isBigEndian):
      format = .matlab
      stored = try MatlabFile(source, isBigEndian: isBigEndian).arrays
    case .safetensors(let headerSize):
      format = .safetensors
      stored = try SafetensorsArrays.arrays(source, headerSize: headerSize)
    case .text:
      format = .csv
      let table = try CsvFile(source, headings: headings)
      csv = table
      stored = table.arrays
    }
    self.csv = csv
  }

  private enum Recognised {
    case npy, zip, text
    case hdf5(superblock: Int)
    case matlab(isBigEndian: Bool)
    case safetensors(headerSize: Int)
  }

  private static func recognise(_ source: any ByteSource) throws -> Recognised {
    guard source.size > 0 else { throw FormatError("is empty") }
    let start = try source.bytes(at: 0, count: min(source.size, 4096))
    if start.starts(with: NumpyFile.signature) { return .npy }
    if start.starts(with: "PK".utf8), start.count >= 4, start[2] < 16 { return .zip }
    if let superblock = try HDF5Bytes.superblock(in: source) { return .hdf5(superblock: superblock) }
    let matlab = MatlabFile.isOne(start)
    if matlab.isOne { return .matlab(isBigEndian: matlab.isBigEndian) }
    if start.count > 8, start[8] == UInt8(ascii: "{") {
      var cursor = ByteCursor(start)
      let size = try cursor.unsigned(8)
      if size <= UInt64(source.size - 8) { return .safetensors(headerSize: Int(size)) }
    }
    if MatlabFile.isVersion4(start) {
      throw FormatError(
        "is a MATLAB file of version 4; store version 5: save -v7 in MATLAB, scipy.io.savemat without format=\"4\"")
    }
    for (signature, what) in Self.foreign where start.starts(with: signature) { throw FormatError(what) }
    guard !start.contains(0),
      start.starts(with: [0xEF, 0xBB, 0xBF]) || start.allSatisfy({ $0 >= 32 || (9...13).contains($0) })
    else {
      throw FormatError(
        "is of no format that is read here: .npy, .npz, .csv, .safetensors, HDF5, .mat of version 5 or 7.3, PyTorch's")
    }
    return .text
  }

  /// What people try, and what to do instead.
  private static let foreign: [([UInt8], String)] = [
    (TorchFile.legacyStart, TorchFile.legacyCure), ([0x80, 2], pickle), ([0x80, 3], pickle), ([0x80, 4], pickle),
    ([0x80, 5], pickle),
    ([0x1F, 0x8B], "is packed with gzip; unpack it first"),
    ([0xFF, 0xFE], "is UTF-16; save it as UTF-8"), ([0xFE, 0xFF], "is UTF-16; save it as UTF-8"),
    (Array("PAR1".utf8), "is a parquet file; save it with pandas.DataFrame.to_csv, or its numbers with numpy.savez"),
    (Array("ARROW1".utf8), "is an Arrow file; save it with pandas.DataFrame.to_csv, or its numbers with numpy.savez"),
    (Array("MATLAB 5".utf8), "is a MATLAB file whose header is cut or damaged; copy or make it again"),
  ]
  private static let pickle = "is a Python pickle, which runs whatever code it holds; save arrays with numpy.savez"

  /// What the file holds, in its order.
  package var arrays: [Description] { stored.map { Description(name: $0.name, sizes: $0.sizes, kind: $0.kind) } }

  package func contains(_ name: String) -> Bool { stored.contains { $0.name == name } }

  /// nil where there is none of that name.
  package func description(_ name: String) -> Description? { arrays.first { $0.name == name } }

  private func require(_ name: String) throws -> StoredArray {
    let found = stored.filter { $0.name == name }
    guard let array = found.first else {
      let known = stored.prefix(20).map(\.name).joined(separator: ", ") + (stored.count > 20 ? ", …" : "")
      throw error(name, "is missing; the file has \(known.isEmpty ? "none" : known)")
    }
    guard found.count == 1 else { throw error(name, "stands there \(found.count) times; give each its own name") }
    return array
  }

  private func error(_ name: String, _ reason: String) -> ArrayFileError {
    ArrayFileError(path: path, array: "\(format.noun) '\(name)'", reason: reason)
  }

  private func naming<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as FormatError { throw self.error(name, error.reason) }
  }

  private func numbers(of array: StoredArray) throws -> StoredElements {
    try naming(array.name) {
      if case .other(let reason) = array.kind { throw FormatError("is \(reason)") }
      guard case .numbers(let elements) = try array.content() else {
        throw FormatError("is made of texts, not of numbers")
      }
      return elements
    }
  }

  /// An array's numbers, in the order of its sizes with the last index fastest, or the first where the format has it so
  /// (.mat).
  ///
  /// - Throws: `ArrayFileError` where it is missing or not made of real numbers; `StorageError`.
  package func numbers(_ name: String) throws -> [Double] {
    let elements = try numbers(of: try require(name))
    return try naming(name) { try elements.doubles() }
  }

  /// An array's texts; numbers are no texts.
  ///
  /// - Throws: `ArrayFileError` where it is missing or holds anything but texts; `StorageError`.
  package func texts(_ name: String) throws -> [String] {
    let array = try require(name)
    return try naming(name) {
      if case .other(let reason) = array.kind { throw FormatError("is \(reason)") }
      guard case .texts(let read) = try array.content() else { throw FormatError("is made of numbers, not of texts") }
      return try read()
    }
  }

  /// A column of a csv file letter by letter, whatever it is made of; nil for another format.
  ///
  /// - Throws: `ArrayFileError` where it is missing; `StorageError`.
  package func cells(_ name: String) throws -> [String]? {
    guard let csv, let column = csv.columns.firstIndex(where: { $0.name == name }) else { return nil }
    return try naming(name) { try csv.texts(column) }
  }

  /// A two-dimensional array as a matrix of floats. Sizes of 1 beyond the second dimension do not count, and more than
  /// two otherwise are laid side by side.
  ///
  /// - Parameter axis: which index counts the rows.
  /// - Throws: `ArrayFileError` where it is missing, empty, or not made of real numbers; `StorageError`.
  package func matrix(_ name: String, rows axis: RowAxis) throws -> Matrix {
    let blocks = try rows(of: name, axis)
    return try blocks.next(blocks.rowCount) ?? Matrix(rows: 0, columns: blocks.columnCount)
  }

  /// The same row by row, some at a time.
  package func rows(of name: String, _ axis: RowAxis) throws -> RowBlocks {
    let array = try require(name)
    let elements = try numbers(of: array)
    return try naming(name) {
      guard let rowCount = axis == .first ? array.sizes.first : array.sizes.last, elements.count > 0 else {
        throw FormatError("has the sizes \(sizesText(array.sizes)); rows and columns are needed")
      }
      let isRowMajor = array.sizes.count == 1 || (axis == .first) != array.isColumnMajor
      return RowBlocks(
        rowCount: rowCount, columnCount: elements.count / rowCount,
        source: isRowMajor ? .runs(elements) : .columns(elements),
        wrap: { self.error(name, $0.reason) })
    }
  }

  /// The columns of a csv file that are made of numbers, side by side.
  ///
  /// - Parameter names: in this order.
  package func rows(ofColumns names: [String]) throws -> RowBlocks {
    guard let csv else { throw ArrayFileError(path: path, reason: "is no csv file") }
    let columns = try names.map { name in
      _ = try require(name)
      return csv.columns.firstIndex { $0.name == name } ?? 0
    }
    guard !columns.isEmpty, csv.rowCount > 0 else { throw ArrayFileError(path: path, reason: "has no row of numbers") }
    do {
      return RowBlocks(
        rowCount: csv.rowCount, columnCount: columns.count, source: .table(try CsvRows(csv, columns: columns)),
        wrap: { ArrayFileError(path: self.path, reason: $0.reason) })
    } catch let error as FormatError { throw ArrayFileError(path: path, reason: error.reason) }
  }
}
