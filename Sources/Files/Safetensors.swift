import Foundation
import Matrices

/// A tensor's elements.
package enum TensorData: Sendable {
  case float32(Matrix)
  case float64([Double])
  case int64([Int64])

  fileprivate var dtype: String {
    switch self {
    case .float32: "F32"
    case .float64: "F64"
    case .int64: "I64"
    }
  }

  package var count: Int {
    switch self {
    case .float32(let matrix): matrix.count
    case .float64(let values): values.count
    case .int64(let values): values.count
    }
  }

  /// The elements as numbers, in row-major order.
  package var doubles: [Double] {
    switch self {
    case .float32(let matrix): matrix.elements.map(Double.init)
    case .float64(let values): values
    case .int64(let values): values.map(Double.init)
    }
  }

  fileprivate func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    switch self {
    case .float32(let matrix):
      for r in 0..<matrix.rowCount {
        try body(UnsafeRawBufferPointer(UnsafeBufferPointer(start: matrix.row(r), count: matrix.columnCount)))
      }
    case .float64(let values): try values.withUnsafeBytes(body)
    case .int64(let values): try values.withUnsafeBytes(body)
    }
  }
}

/// A named tensor of a safetensors file. A float32 tensor is held as a matrix of its last dimension's width.
package struct Tensor: Sendable {
  package let name: String
  package let shape: [Int]
  package let data: TensorData

  package init(name: String, shape: [Int], data: TensorData) {
    precondition(shape.reduce(1, *) == data.count, "\(data.count) elements under the shape \(shape)")
    self.name = name
    self.shape = shape
    self.data = data
  }
}

/// A safetensors file that cannot be read. Which exit status it means depends on what the file was for.
package struct SafetensorsError: Error, CustomStringConvertible, Sendable {
  package let path: String
  package let reason: String

  package init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  package var description: String { "\(path): \(reason)" }
}

/// The safetensors format: 8 bytes of header length, a JSON header, the tensors' bytes without gaps, little-endian.
/// Reading refuses what the format forbids: holes, overlaps, trailing bytes, repeated names, sizes that overflow.
package struct SafetensorsFile: Sendable {
  package let path: String
  package let metadata: [String: String]
  package let tensors: [Tensor]

  private static let largestHeader = 100_000_000
  private static let sizes = ["F32": 4, "F64": 8, "I64": 8]

  /// - Throws: `SafetensorsError`.
  package init(path: String) throws {
    func fail(_ reason: String) -> SafetensorsError { SafetensorsError(path: path, reason: reason) }
    var status = stat()
    guard stat(path, &status) == 0 else { throw fail("cannot be opened: \(String(cString: strerror(errno)))") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw fail("is not a regular file") }
    let bytes: Data
    do { bytes = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) } catch {
      throw fail("cannot be read: \(error.localizedDescription)")
    }
    guard bytes.count >= 8 else { throw fail("has \(bytes.count) bytes, too few for a header") }
    let length = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(Self.largestHeader), length <= UInt64(bytes.count - 8) else {
      throw fail("its header claims \(length) bytes, but the file has \(bytes.count)")
    }
    let start = 8 + Int(length)
    let header: SafetensorsHeader
    do { header = try SafetensorsHeader(Array(bytes[8..<start])) } catch let error as SafetensorsHeader.Malformed {
      throw fail(error.reason)
    }
    var end = 0
    var tensors: [Tensor] = []
    for entry in header.entries.sorted(by: { ($0.first, $0.last) < ($1.first, $1.last) }) {
      guard let size = Self.sizes[entry.dtype] else { throw fail("tensor '\(entry.name)' has type \(entry.dtype)") }
      var count = 1
      for dimension in entry.shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
        guard !overflow, product <= bytes.count else { throw fail("tensor '\(entry.name)' has shape \(entry.shape)") }
        count = product
      }
      guard entry.first == end, entry.last - entry.first == count * size, entry.last <= bytes.count - start else {
        throw fail(
          "tensor '\(entry.name)' of shape \(entry.shape) claims bytes \(entry.first) to \(entry.last); "
            + "expected \(end) to \(end + count * size) of \(bytes.count - start)")
      }
      end = entry.last
      let part = bytes[(start + entry.first)..<(start + entry.last)]
      tensors.append(Tensor(name: entry.name, shape: entry.shape, data: Self.decode(part, entry, count)))
    }
    guard end == bytes.count - start else {
      throw fail("\(bytes.count - start - end) bytes follow the last tensor")
    }
    self.path = path
    metadata = header.metadata
    self.tensors = tensors
  }

  private static func decode(_ bytes: Data, _ entry: SafetensorsHeader.Entry, _ count: Int) -> TensorData {
    switch entry.dtype {
    case "F64":
      var values = [Double](repeating: 0, count: count)
      _ = values.withUnsafeMutableBytes { bytes.copyBytes(to: $0) }
      return .float64(values)
    case "I64":
      var values = [Int64](repeating: 0, count: count)
      _ = values.withUnsafeMutableBytes { bytes.copyBytes(to: $0) }
      return .int64(values)
    default:
      let columns = entry.shape.last ?? 1
      let matrix = Matrix(rows: columns > 0 ? count / columns : 0, columns: columns)
      if count > 0 { bytes.copyBytes(to: UnsafeMutableRawBufferPointer(start: matrix.start, count: 4 * count)) }
      return .float32(matrix)
    }
  }

  /// - Throws: `SafetensorsError` naming the tensor that is missing.
  package func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors.first(where: { $0.name == name }) else {
      throw SafetensorsError(path: path, reason: "has no tensor '\(name)'")
    }
    return tensor
  }

  /// A float32 tensor of at most two dimensions, as a matrix; a vector is one row.
  ///
  /// - Throws: `SafetensorsError` when it is missing, of another type, or (if given) of another shape.
  package func matrix(_ name: String, shape: [Int]? = nil) throws -> Matrix {
    let tensor = try tensor(name)
    guard case .float32(let matrix) = tensor.data, tensor.shape.count <= 2 else {
      throw SafetensorsError(path: path, reason: "tensor '\(name)' is not a float32 matrix or vector")
    }
    if let shape, shape != tensor.shape {
      throw SafetensorsError(path: path, reason: "tensor '\(name)' has shape \(tensor.shape) instead of \(shape)")
    }
    return matrix
  }

  /// The bytes of a file with these tensors, in this order, handed to `write` piece by piece. The same content gives the
  /// same bytes.
  package static func encode(
    _ tensors: [Tensor], metadata: [String: String], write: (UnsafeRawBufferPointer) throws -> Void
  ) rethrows {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\($0.key.asJSON):\($0.value.asJSON)" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var end = 0
    for tensor in tensors {
      let first = end
      end += tensor.data.count * (sizes[tensor.data.dtype] ?? 0)
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(tensor.name.asJSON):{\"dtype\":\"\(tensor.data.dtype)\",\"shape\":[\(shape)],\"data_offsets\":[\(first),\(end)]}"
      )
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(0x20) }
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    try (length + header).withUnsafeBytes(write)
    for tensor in tensors { try tensor.data.withBytes(write) }
  }
}
