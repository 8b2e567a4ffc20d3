import Foundation
import Matrices

extension SafetensorsFile {
  /// Creates `path`, which must not exist, and makes it durable. The bytes depend on the contents alone: tensors are
  /// ordered by element type, largest first so that each is aligned, and then by name, as the Python package does it;
  /// metadata by key. Throws `StorageError`; an incomplete file may then remain for the caller to remove.
  @discardableResult
  package static func write(
    path: String, tensors: [Tensor], metadata: [String: String] = [:], storage: any Storage = PosixStorage()
  ) throws -> ContentDigest {
    precondition(Set(tensors.map(\.name)).count == tensors.count, "two tensors share a name")
    precondition(!tensors.contains { $0.name == "__metadata__" }, "__metadata__ is not a tensor's name")
    let ordered = tensors.sorted {
      let (a, b) = ($0.data.type.fileOrder, $1.data.type.fileOrder)
      return a != b ? a < b : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }
    return try DurableFile.create(path, storage: storage) { sink in
      try sink.write(header(ordered, metadata))
      for tensor in ordered { try tensor.data.forEachRun(sink.write) }
    }
  }

  /// Length and JSON, padded with spaces to a multiple of 8 bytes.
  private static func header(_ tensors: [Tensor], _ metadata: [String: String]) -> [UInt8] {
    var members: [JSONMember] = []
    if !metadata.isEmpty {
      let sorted = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      members.append(JSONMember("__metadata__", .object(sorted.map { JSONMember($0.key, .string($0.value)) })))
    }
    var start = 0
    for tensor in tensors {
      let end = start + tensor.data.count * tensor.data.type.byteCount
      members.append(
        JSONMember(
          tensor.name,
          .object([
            JSONMember("dtype", .string(tensor.data.type.rawValue)),
            JSONMember("shape", .array(tensor.shape.map(JSONValue.integer))),
            JSONMember("data_offsets", .array([.integer(start), .integer(end)])),
          ])))
      start = end
    }
    var json = Array(JSONValue.object(members).text().utf8)
    json += [UInt8](repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    precondition(json.count <= headerLimit, "a header of \(json.count) bytes exceeds the format's \(headerLimit)")
    return withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + json
  }
}

extension ElementType {
  fileprivate var fileOrder: Int {
    switch self {
    case .int64: 0
    case .float64: 1
    case .float32: 2
    case .int32: 3
    case .uint8: 4
    }
  }
}
