/// Protocol-buffer wire format: each field is a varint (number × 8 + wire type) and its value. A generator and a run-time library for
/// the few messages of event files and ONNX would cost more than they carry.
struct ProtobufEncoder {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func field(_ number: UInt64, varint value: UInt64) {
    varint(number << 3)
    varint(value)
  }

  mutating func field(_ number: UInt64, double value: Double) {
    varint(number << 3 | 1)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
  }

  mutating func field(_ number: UInt64, float value: Float) {
    varint(number << 3 | 5)
    bytes += withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
  }

  mutating func field(_ number: UInt64, string value: String) {
    varint(number << 3 | 2)
    varint(UInt64(value.utf8.count))
    bytes += Array(value.utf8)
  }

  mutating func field(_ number: UInt64, bytes value: UnsafeRawBufferPointer) {
    varint(number << 3 | 2)
    varint(UInt64(value.count))
    bytes += value
  }

  /// A message inside the message.
  mutating func field(_ number: UInt64, _ content: (inout ProtobufEncoder) -> Void) {
    var message = ProtobufEncoder()
    content(&message)
    varint(number << 3 | 2)
    varint(UInt64(message.bytes.count))
    bytes += message.bytes
  }
}
