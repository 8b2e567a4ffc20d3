import Foundation
import Matrices
import SwiftProtobuf

/// TensorBoard's event file: one file per process start in a run's `tensorboard` directory, scalars only.
package final class EventFileWriter {
  package let path: String
  private let storage: any Storage
  private let file: Int32
  private var buffer: [UInt8] = []

  /// Starts a new file in `directory`, which must exist. TensorBoard then forgets earlier points of the same directory
  /// from `firstStep` on, so that a resumed run stays one line: `firstStep` is the first step that will be (re)written,
  /// 0 for a fresh run. Throws `StorageError`.
  package init(directory: String, firstStep: Int, storage: any Storage = PosixStorage()) throws {
    precondition(firstStep >= 0, "a step of \(firstStep)")
    // TensorBoard reads files in the order of their names. The start time leads the name, so it must not go back even if
    // the clock does.
    let prefix = "events.out.tfevents."
    let earlier = try storage.entries(of: directory).compactMap { name -> Int? in
      name.hasPrefix(prefix) ? name.dropFirst(prefix.count).split(separator: ".").first.flatMap { Int($0) } : nil
    }
    let started = max(Int(Date().timeIntervalSince1970), (earlier.max() ?? 0) + 1)
    path = "\(directory)/\(prefix)\(started).\(hostName()).\(ProcessInfo.processInfo.processIdentifier)"
    self.storage = storage
    file = try storage.createFile(path)
    append(try Self.event(step: 0) { $0.fileVersion = "brain.Event:2" })
    append(try Self.event(step: firstStep) { $0.sessionLog.status = .start })
    try flush()
  }

  deinit { try? storage.close(file, path: path) }

  /// Adds one point of the line `tag`. Kept in memory until `flush`, or until 64 KiB have gathered.
  package func scalar(_ tag: String, _ value: Float, step: Int, time: Date = Date()) throws {
    append(
      try Self.event(step: step, time: time) { event in
        var point = Tensorflow_Summary.Value()
        point.tag = tag
        point.simpleValue = value
        event.summary.value.append(point)
      })
    if buffer.count >= 1 << 16 { try flush() }
  }

  /// Hands everything to the operating system, where TensorBoard sees it. Throws `StorageError`.
  package func flush() throws {
    while !buffer.isEmpty {
      let written = try buffer.withUnsafeBytes { try storage.write($0, to: file, path: path) }
      guard written > 0, written <= buffer.count else {
        throw StorageError.impossibleWrite(path: path, written: written, requested: buffer.count)
      }
      buffer.removeFirst(written)
    }
  }

  /// Frames a record: length, its checksum, the bytes, their checksum.
  private func append(_ record: [UInt8]) {
    let length = withUnsafeBytes(of: UInt64(record.count).littleEndian, Array.init)
    buffer += length
    buffer += withUnsafeBytes(of: CRC32C.masked(length).littleEndian, Array.init)
    buffer += record
    buffer += withUnsafeBytes(of: CRC32C.masked(record).littleEndian, Array.init)
  }

  private static func event(
    step: Int, time: Date = Date(), _ content: (inout Tensorflow_Event) -> Void
  ) throws -> [UInt8] {
    var event = Tensorflow_Event()
    event.wallTime = time.timeIntervalSince1970
    event.step = Int64(step)
    content(&event)
    return try event.serializedBytes()
  }
}

/// The Castagnoli checksum, not the one of zlib.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { rest, _ in rest & 1 == 1 ? rest >> 1 ^ 0x82F6_3B78 : rest >> 1 }
  }

  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }

  /// Rotated and shifted, so that the checksum of a file that holds checksums still means something.
  static func masked(_ bytes: [UInt8]) -> UInt32 {
    let crc = checksum(bytes)
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }
}
