import Foundation
import Matrices

/// A safetensors file: little-endian UInt64 header length, JSON header, then the tensors' bytes back to back
/// (https://github.com/huggingface/safetensors). Everything the header claims is checked before memory is taken for it.
package struct SafetensorsFile: Sendable {
  package static let headerLimit = 100_000_000

  package let path: String
  package let metadata: [String: String]
  /// In the order of the file.
  package let tensors: [Tensor]
  /// Size and SHA-256 of exactly the bytes that were parsed.
  package let digest: ContentDigest
  private let indexByName: [String: Int]

  /// Reads a whole file. Throws `SafetensorsError` for a file that breaks the format in any way, `StorageError` where
  /// there is no plain file to read.
  package init(path: String, storage: any Storage = PosixStorage()) throws {
    let source = try FileSource(path: path, storage: storage)
    let (layout, _) = try Self.layout(source, path: path)
    tensors = try layout.entries.map { entry in
      guard let type = ElementType(rawValue: entry.type.safetensorsName) else {
        throw SafetensorsError(
          path: path, problem: .unknownType(tensor: entry.name, type: entry.type.safetensorsName))
      }
      guard let data = try type.readElements(entry.elementCount, from: source) else {
        throw SafetensorsError(path: path, problem: .endedEarly(tensor: entry.name))
      }
      return Tensor(name: entry.name, shape: entry.shape, data: data)
    }
    metadata = layout.metadata
    digest = source.digest
    self.path = path
    indexByName = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
  }

  /// The checked header alone, the place of the first tensor's bytes, and the size of the file.
  static func layout(path: String, storage: any Storage) throws -> (SafetensorsLayout, dataStart: Int, size: Int) {
    let source = try FileSource(path: path, storage: storage)
    let (layout, dataStart) = try layout(source, path: path)
    return (layout, dataStart, source.size)
  }

  private static func layout(_ source: FileSource, path: String) throws -> (SafetensorsLayout, dataStart: Int) {
    func refuse(_ problem: SafetensorsError.Problem) -> SafetensorsError {
      SafetensorsError(path: path, problem: problem)
    }
    guard source.size >= 10, let prefix = try source.read(8) else { throw refuse(.tooShort(size: source.size)) }
    let length = prefix.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(Self.headerLimit) else {
      throw refuse(.headerTooLong(length: length, limit: Self.headerLimit))
    }
    guard length <= UInt64(source.size - 8), let header = try source.read(Int(length)) else {
      throw refuse(.headerBeyondFile(length: length, available: source.size - 8))
    }
    do {
      return (try SafetensorsLayout(header: header, dataSize: source.size - 8 - Int(length)), 8 + Int(length))
    } catch {
      throw refuse(error)
    }
  }

  package var names: [String] { tensors.map(\.name) }
  package func contains(_ name: String) -> Bool { indexByName[name] != nil }

  /// Throws `SafetensorsError` with `missingTensor`.
  package func tensor(_ name: String) throws -> Tensor {
    guard let index = indexByName[name] else {
      throw SafetensorsError(path: path, problem: .missingTensor(name: name, available: names))
    }
    return tensors[index]
  }

  /// A float32 tensor. Throws `missingTensor`, or `wrongType` for any other type: nothing is rounded silently.
  package func floats(_ name: String) throws -> (shape: [Int], values: [Float]) {
    let tensor = try tensor(name)
    guard case .float32(let values) = tensor.data else { throw wrongType(tensor, expected: "F32") }
    return (tensor.shape, values)
  }

  /// A float32 or float64 tensor. Throws `missingTensor` or `wrongType`.
  package func doubles(_ name: String) throws -> (shape: [Int], values: [Double]) {
    let tensor = try tensor(name)
    switch tensor.data {
    case .float64(let values): return (tensor.shape, values)
    case .float32(let values): return (tensor.shape, values.map(Double.init))
    default: throw wrongType(tensor, expected: "F64 or F32")
    }
  }

  /// A tensor of any integer type. Throws `missingTensor` or `wrongType`.
  package func integers(_ name: String) throws -> (shape: [Int], values: [Int]) {
    let tensor = try tensor(name)
    switch tensor.data {
    case .int64(let values): return (tensor.shape, values.map(Int.init))
    case .int32(let values): return (tensor.shape, values.map(Int.init))
    case .uint8(let values): return (tensor.shape, values.map(Int.init))
    default: throw wrongType(tensor, expected: "I64, I32 or U8")
    }
  }

  /// A float32 tensor of rank 2, or of rank 1 as one row. Throws `missingTensor`, `wrongType` or `wrongRank`.
  package func matrix(_ name: String) throws -> Matrix {
    let (shape, values) = try floats(name)
    guard shape.count == 1 || shape.count == 2 else {
      throw SafetensorsError(path: path, problem: .wrongRank(tensor: name, shape: shape))
    }
    return Matrix(rows: shape.count == 1 ? 1 : shape[0], columns: shape[shape.count - 1], elements: values)
  }

  /// The same, of exactly this shape. Throws also `wrongShape`.
  package func matrix(_ name: String, shape: [Int]) throws -> Matrix {
    let actual = try tensor(name).shape
    guard actual == shape else {
      throw SafetensorsError(path: path, problem: .wrongShape(tensor: name, expected: shape, actual: actual))
    }
    return try matrix(name)
  }

  private func wrongType(_ tensor: Tensor, expected: String) -> SafetensorsError {
    SafetensorsError(
      path: path, problem: .wrongType(tensor: tensor.name, expected: expected, actual: tensor.data.type.rawValue))
  }
}

extension ElementType {
  /// The next `count` elements of the file, or `nil` when it ends before.
  fileprivate func readElements(_ count: Int, from source: FileSource) throws -> TensorData? {
    func elements<Element>(_: Element.Type) throws -> [Element]? {
      var complete = true
      let values = try [Element](unsafeUninitializedCapacity: count) { buffer, filled in
        complete = try source.read(
          into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count])))
        filled = complete ? count : 0
      }
      return complete ? values : nil
    }
    switch self {
    case .float32: return try elements(Float.self).map(TensorData.float32)
    case .float64: return try elements(Double.self).map(TensorData.float64)
    case .int64: return try elements(Int64.self).map(TensorData.int64)
    case .int32: return try elements(Int32.self).map(TensorData.int32)
    case .uint8: return try elements(UInt8.self).map(TensorData.uint8)
    }
  }
}

/// What a header says, checked against itself and against the amount of data behind it.
struct SafetensorsLayout {
  struct Entry {
    let name: String
    let type: StoredType
    let shape: [Int]
    let elementCount: Int
    let start: Int
    let end: Int
  }

  private(set) var metadata: [String: String] = [:]
  /// In the order of the data.
  private(set) var entries: [Entry] = []

  init(header: [UInt8], dataSize: Int) throws(SafetensorsError.Problem) {
    guard let first = header.first else { throw .tooShort(size: 8) }
    guard first == UInt8(ascii: "{") else { throw .headerNotAnObject(firstByte: first) }
    let members: [JSONMember]
    do throws(JSONError) {
      guard case .object(let found) = try JSONValue(parsing: header) else {
        throw JSONError(offset: 0, reason: "no object")
      }
      members = found
    } catch {
      throw .badHeader(error)
    }
    for member in members {
      if member.key == "__metadata__" {
        metadata = try Self.metadata(member.value)
      } else {
        entries.append(try Self.entry(member))
      }
    }
    entries.sort { ($0.start, $0.end) < ($1.start, $1.end) }
    var end = 0
    for entry in entries {
      guard entry.start == end else {
        throw .notContiguous(tensor: entry.name, expectedStart: end, actualStart: entry.start)
      }
      end = entry.end
    }
    guard end == dataSize else { throw .dataSizeMismatch(expected: end, actual: dataSize) }
  }

  private static func metadata(_ value: JSONValue) throws(SafetensorsError.Problem) -> [String: String] {
    guard case .object(let members) = value else { throw .badMetadata(key: "__metadata__") }
    var result: [String: String] = [:]
    for member in members {
      guard let text = member.value.string else { throw .badMetadata(key: member.key) }
      result[member.key] = text
    }
    return result
  }

  private static func entry(_ member: JSONMember) throws(SafetensorsError.Problem) -> Entry {
    let name = member.key
    guard case .object(let fields) = member.value, fields.count == 3, let typeName = member.value["dtype"]?.string,
      case .array(let sizes) = member.value["shape"], case .array(let offsets) = member.value["data_offsets"]
    else { throw .badTensor(name: name, reason: "lacks dtype, shape or data_offsets, or has something else") }
    guard let type = StoredType(safetensorsName: typeName) else { throw .unknownType(tensor: name, type: typeName) }
    let shape = sizes.compactMap(\.integer)
    guard shape.count == sizes.count, shape.allSatisfy({ $0 >= 0 }) else {
      throw .badTensor(name: name, reason: "has a shape that is not made of sizes")
    }
    let bounds = offsets.compactMap(\.integer)
    guard offsets.count == 2, bounds.count == 2, bounds[0] >= 0, bounds[0] <= bounds[1] else {
      throw .badTensor(name: name, reason: "has data_offsets that are not a start and an end")
    }
    var elementCount = 1
    for size in shape {
      let (product, overflow) = elementCount.multipliedReportingOverflow(by: size)
      if overflow { throw .shapeTooLarge(tensor: name, shape: shape) }
      elementCount = product
    }
    let (byteCount, overflow) = elementCount.multipliedReportingOverflow(by: type.byteCount)
    if overflow { throw .shapeTooLarge(tensor: name, shape: shape) }
    guard bounds[1] - bounds[0] == byteCount else {
      throw .sizeMismatch(
        tensor: name, type: typeName, shape: shape, expected: byteCount, actual: bounds[1] - bounds[0])
    }
    return Entry(
      name: name, type: type, shape: shape, elementCount: elementCount, start: bounds[0], end: bounds[1])
  }
}
