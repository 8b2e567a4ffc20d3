import Glibc
import Matrices

/// Float32 tensors of a safetensors file that are mapped instead of read: the system brings in what is touched, and all
/// processes of a machine share it.
package enum MappedTensor {
  /// The elements of a float32 tensor of rank 2, read-only: writing to them ends the process. The file must not shrink
  /// while it is in use.
  ///
  /// - Throws: `SafetensorsError` for a file that breaks the format or lacks the tensor, `StorageError`.
  package static func matrix(_ name: String, path: String, storage: any Storage = PosixStorage()) throws -> Matrix {
    let (layout, dataStart, size) = try SafetensorsFile.layout(path: path, storage: storage)
    guard let entry = layout.entries.first(where: { $0.name == name }) else {
      throw SafetensorsError(path: path, problem: .missingTensor(name: name, available: layout.entries.map(\.name)))
    }
    guard entry.type == .float32 else {
      throw SafetensorsError(
        path: path, problem: .wrongType(tensor: name, expected: "F32", actual: entry.type.safetensorsName))
    }
    guard entry.shape.count == 2 else {
      throw SafetensorsError(path: path, problem: .wrongRank(tensor: name, shape: entry.shape))
    }
    let (rows, columns) = (entry.shape[0], entry.shape[1])
    let offset = dataStart + entry.start
    guard rows > 0, columns > 0 else { return Matrix(rows: rows, columns: columns) }
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw StorageError.callFailed(call: "open", path: path, code: errno) }
    defer { close(file) }
    guard let start = mmap(nil, size, PROT_READ, MAP_SHARED, file, 0), start != MAP_FAILED else {
      throw StorageError.callFailed(call: "mmap", path: path, code: errno)
    }
    let mapping = UnsafeMutableRawBufferPointer(start: start, count: size)
    guard offset % 4 == 0 else {
      // A foreign file whose header is not padded: copied, since floats must lie on their boundary.
      defer { munmap(start, size) }
      let copy = Matrix(rows: rows, columns: columns)
      UnsafeMutableRawPointer(copy.start).copyMemory(from: start + offset, byteCount: rows * columns * 4)
      return copy
    }
    return Matrix(
      storage: FloatStorage(mapping: mapping, byteOffset: offset, count: rows * columns), offset: 0, rowCount: rows,
      columnCount: columns, rowStride: columns)
  }
}
