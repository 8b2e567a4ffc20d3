/// The tensors of a safetensors file as arrays, of every type that the format has for real numbers but those of one
/// byte.
enum SafetensorsArrays {
  static func arrays(_ source: any ByteSource, headerSize: Int) throws -> [StoredArray] {
    guard headerSize <= SafetensorsFile.headerLimit else {
      throw FormatError("has a header of \(headerSize) bytes, too many")
    }
    let header = try source.bytes(at: 8, count: headerSize)
    let layout: SafetensorsLayout
    do throws(SafetensorsError.Problem) {
      layout = try SafetensorsLayout(header: header, dataSize: source.size - 8 - headerSize)
    } catch { throw FormatError("is \(error)") }
    return layout.entries.map { entry in
      StoredArray(entry.name, sizes: entry.shape, kind: entry.type == .boolean ? .booleans : .numbers) {
        .numbers(
          try StoredElements(entry.type, count: entry.elementCount, in: source, at: 8 + headerSize + entry.start))
      }
    }
  }
}

extension StoredType {
  private static let safetensorsNames: [(type: StoredType, name: String)] = [
    (.boolean, "BOOL"), (.uint8, "U8"), (.int8, "I8"), (.uint16, "U16"), (.int16, "I16"), (.uint32, "U32"),
    (.int32, "I32"),
    (.uint64, "U64"), (.int64, "I64"), (.float16, "F16"), (.bfloat16, "BF16"), (.float32, "F32"), (.float64, "F64"),
  ]

  /// nil for a type that is not read.
  init?(safetensorsName name: String) {
    guard let found = Self.safetensorsNames.first(where: { $0.name == name }) else { return nil }
    self = found.type
  }

  var safetensorsName: String { Self.safetensorsNames.first { $0.type == self }?.name ?? "" }
}
