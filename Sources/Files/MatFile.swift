import CMatIO
import Foundation
import Matrices

/// A .mat file, or a variable in it, that cannot be used.
package struct MatFileError: ReportableError, Equatable {
  package let path: String
  package let variable: String?
  package let reason: String

  package init(path: String, variable: String? = nil, reason: String) {
    self.path = path
    self.variable = variable
    self.reason = reason
  }

  package var exitStatus: ExitStatus { .badData }
  package var description: String { variable.map { "\(path), variable '\($0)': \(reason)" } ?? "\(path): \(reason)" }
}

/// A MATLAB file open for reading: version 5, plain or compressed, and version 7.3 (HDF5). Sole user of matio.
///
/// MATLAB's arrays are column-major: an R×C array is handed out as the row-major C×R matrix that has the same bytes, so
/// `features` (X×N there) comes as one row per image.
package final class MatFile {
  package let path: String
  private let file: OpaquePointer
  /// Names, sizes and classes of the variables, in file order.
  package let variables: [Variable]

  package struct Variable: Sendable, Equatable {
    package let name: String
    /// MATLAB's sizes.
    package let rows: Int
    package let columns: Int
    package let kind: Kind
  }

  package enum Kind: Sendable, Equatable {
    case numbers
    case text
    case cells
    case other(String)
  }

  /// Elements above this many are refused: 2³³ floats are 32 GiB.
  private static let largestCount = 1 << 33

  /// - Throws: `MatFileError` for a file that is missing, truncated, or no .mat file.
  package init(path: String) throws {
    self.path = path
    try checkContainer(path)
    guard let file = Mat_Open(path, Int32(MAT_ACC_RDONLY.rawValue)) else {
      throw MatFileError(path: path, reason: "is not a MATLAB file of version 5 or 7.3")
    }
    self.file = file
    var found: [Variable] = []
    Mat_Rewind(file)
    while let info = Mat_VarReadNextInfo(file) {
      defer { Mat_VarFree(info) }
      let variable = info.pointee
      guard let cName = variable.name else { continue }
      let sizes = UnsafeBufferPointer(start: variable.dims, count: variable.dims == nil ? 0 : Int(variable.rank))
      let isMatrix = sizes.count == 2 && sizes.allSatisfy { $0 <= Self.largestCount }
      found.append(
        Variable(
          name: String(cString: cName), rows: isMatrix ? Int(sizes[0]) : 0, columns: isMatrix ? Int(sizes[1]) : 0,
          kind: isMatrix ? kind(variable) : .other("an array of \(sizes.count) dimensions")))
      guard found.count <= 10_000 else {
        throw MatFileError(path: path, reason: "has more than 10000 variables")
      }
    }
    variables = found
  }

  deinit { Mat_Close(file) }

  package func variable(_ name: String) -> Variable? { variables.first { $0.name == name } }

  /// A numeric R×C variable as a C×R matrix of floats; whole numbers above 2²⁴ would be rounded.
  ///
  /// - Throws: `MatFileError` when it is missing, not numeric, complex, or cannot be read whole.
  package func matrix(_ name: String) throws -> Matrix {
    try withNumbers(name) { pointer, rows, columns in
      let result = Matrix(rows: columns, columns: rows)
      try convert(pointer.pointee, name, count: rows * columns, to: result.start) { Float($0) }
      return result
    }
  }

  /// A numeric variable's elements in column-major order, whatever its shape.
  ///
  /// - Throws: `MatFileError` as `matrix`.
  package func numbers(_ name: String) throws -> [Double] {
    try withNumbers(name) { pointer, rows, columns in
      var result = [Double](repeating: 0, count: rows * columns)
      try result.withUnsafeMutableBufferPointer { target in
        guard let start = target.baseAddress else { return }
        try convert(pointer.pointee, name, count: rows * columns, to: start) { $0 }
      }
      return result
    }
  }

  /// The texts of a cell array of texts, in column-major order.
  ///
  /// - Throws: `MatFileError` when it is missing or holds anything but texts.
  package func texts(_ name: String) throws -> [String] {
    let variable = try require(name)
    guard variable.kind == .cells, let pointer = Mat_VarRead(file, name) else {
      throw MatFileError(path: path, variable: name, reason: "is not a cell array of texts")
    }
    defer { Mat_VarFree(pointer) }
    let count = variable.rows * variable.columns
    guard count == 0 || pointer.pointee.data != nil else {
      throw MatFileError(path: path, variable: name, reason: "could not be read; the file may be damaged")
    }
    return try (0..<count).map { index in
      guard let cell = Mat_VarGetCell(pointer, Int32(index)), let text = decodeText(cell) else {
        throw MatFileError(path: path, variable: name, reason: "cell \(index + 1) of \(count) is not a text")
      }
      return text
    }
  }

  private func require(_ name: String) throws -> Variable {
    guard let variable = variable(name) else {
      let known = variables.map(\.name).joined(separator: ", ")
      throw MatFileError(
        path: path, variable: name, reason: "is missing; the file has \(known.isEmpty ? "none" : known)")
    }
    return variable
  }

  private func withNumbers<Result>(
    _ name: String, _ body: (UnsafeMutablePointer<matvar_t>, Int, Int) throws -> Result
  ) throws -> Result {
    let variable = try require(name)
    guard variable.kind == .numbers else {
      throw MatFileError(path: path, variable: name, reason: "is not a real numeric matrix but \(variable.kind)")
    }
    let (count, overflow) = variable.rows.multipliedReportingOverflow(by: variable.columns)
    guard !overflow, count <= Self.largestCount else {
      throw MatFileError(
        path: path, variable: name, reason: "claims \(variable.rows)×\(variable.columns) elements, too many")
    }
    guard let pointer = Mat_VarRead(file, name) else {
      throw MatFileError(path: path, variable: name, reason: "could not be read; the file may be damaged")
    }
    defer { Mat_VarFree(pointer) }
    return try body(pointer, variable.rows, variable.columns)
  }

  private func convert<Value>(
    _ variable: matvar_t, _ name: String, count: Int, to target: UnsafeMutablePointer<Value>,
    _ make: (Double) -> Value
  ) throws {
    let size = Int(Mat_SizeOf(variable.data_type))
    guard count == 0 || (variable.data != nil && size > 0 && Int(variable.nbytes) >= count * size) else {
      throw MatFileError(
        path: path, variable: name, reason: "has \(variable.nbytes) bytes for \(count) elements; the file is damaged")
    }
    guard let data = variable.data else { return }
    func copy<Element>(_ type: Element.Type, _ number: (Element) -> Double) {
      let source = data.assumingMemoryBound(to: type)
      for i in 0..<count { target[i] = make(number(source[i])) }
    }
    switch variable.data_type {
    case MAT_T_DOUBLE: copy(Double.self) { $0 }
    case MAT_T_SINGLE: copy(Float.self) { Double($0) }
    case MAT_T_INT8: copy(Int8.self) { Double($0) }
    case MAT_T_UINT8: copy(UInt8.self) { Double($0) }
    case MAT_T_INT16: copy(Int16.self) { Double($0) }
    case MAT_T_UINT16: copy(UInt16.self) { Double($0) }
    case MAT_T_INT32: copy(Int32.self) { Double($0) }
    case MAT_T_UINT32: copy(UInt32.self) { Double($0) }
    case MAT_T_INT64: copy(Int64.self) { Double($0) }
    case MAT_T_UINT64: copy(UInt64.self) { Double($0) }
    default:
      throw MatFileError(path: path, variable: name, reason: "has elements of an unknown type")
    }
  }
}

private func kind(_ variable: matvar_t) -> MatFile.Kind {
  if variable.isComplex != 0 { return .other("complex") }
  switch variable.class_type {
  case MAT_C_DOUBLE, MAT_C_SINGLE, MAT_C_INT8, MAT_C_UINT8, MAT_C_INT16, MAT_C_UINT16, MAT_C_INT32, MAT_C_UINT32,
    MAT_C_INT64, MAT_C_UINT64:
    return .numbers
  case MAT_C_CHAR: return .text
  case MAT_C_CELL: return .cells
  case MAT_C_SPARSE: return .other("sparse; store it with full()")
  case MAT_C_EMPTY:
    return .other("empty, or HDF5 that MATLAB did not write; store it as version 5, e.g. with scipy.io.savemat")
  default: return .other("of an unsupported class")
  }
}

/// A 1×n char array; bytes are UTF-8, wider units UTF-16 or UTF-32.
private func decodeText(_ pointer: UnsafeMutablePointer<matvar_t>) -> String? {
  let variable = pointer.pointee
  // matio forgets the class of an empty text.
  if variable.class_type == MAT_C_EMPTY { return "" }
  guard variable.class_type == MAT_C_CHAR, variable.rank == 2, let dims = variable.dims else { return nil }
  let count = Int(dims[0]) * Int(dims[1])
  guard count > 0 else { return "" }
  guard let data = variable.data else { return nil }
  let size = Int(Mat_SizeOf(variable.data_type))
  guard size > 0 else { return nil }
  let available = Int(variable.nbytes) / size
  switch size {
  case 1:
    // UTF-8 may take more bytes than characters.
    let bytes = data.assumingMemoryBound(to: UInt8.self)
    return String(decoding: UnsafeBufferPointer(start: bytes, count: available), as: UTF8.self)
  case 2 where available >= count:
    let units = data.assumingMemoryBound(to: UInt16.self)
    return String(decoding: UnsafeBufferPointer(start: units, count: count), as: UTF16.self)
  case 4 where available >= count:
    let units = data.assumingMemoryBound(to: UInt32.self)
    return String(decoding: UnsafeBufferPointer(start: units, count: count), as: UTF32.self)
  default: return nil
  }
}

/// Refuses what matio need not see: files that are missing, too short, neither format, or of version 5 and truncated.
private func checkContainer(_ path: String) throws {
  func fail(_ reason: String) -> MatFileError { MatFileError(path: path, reason: reason) }
  var status = stat()
  guard stat(path, &status) == 0 else {
    throw fail("cannot be opened: \(String(cString: strerror(errno))). Give the folder with --data.")
  }
  guard status.st_mode & S_IFMT == S_IFREG else { throw fail("is not a regular file") }
  guard let handle = FileHandle(forReadingAtPath: path) else {
    throw fail("cannot be opened: \(String(cString: strerror(errno)))")
  }
  defer { try? handle.close() }
  let size = Int(status.st_size)
  guard let header = try? handle.read(upToCount: 520), header.count >= 128 else {
    throw fail("has \(size) bytes, too few for a MATLAB file")
  }
  let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
  if Array(header.prefix(8)) == signature || Array(header.dropFirst(512)) == signature { return }
  guard header[126] == UInt8(ascii: "I"), header[127] == UInt8(ascii: "M"), header[125] == 1 else {
    throw fail("is not a little-endian MATLAB file of version 5 or 7.3")
  }
  var position = 128
  while position < size {
    guard (try? handle.seek(toOffset: UInt64(position))) != nil, let tag = try? handle.read(upToCount: 8),
      tag.count == 8
    else { throw fail("ends inside a variable's tag at byte \(position); copy it again") }
    let bytes = tag.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    let type = tag.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard type == 14 || type == 15 else { throw fail("has an element of type \(type) at byte \(position)") }
    // Compressed elements are not padded.
    position += 8 + (type == 14 ? (bytes + 7) / 8 * 8 : bytes)
    guard position - 7 <= size, position <= size || type == 14 else {
      throw fail("is truncated: a variable ends at byte \(position), the file at \(size); copy it again")
    }
  }
}
