import Foundation
import Testing

@testable import Files

@Suite struct EventFileTests {
  private func withTemporaryDirectory(_ body: (String) throws -> Void) throws {
    let path = NSTemporaryDirectory() + "cegzsl-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  /// The records of a file, after checking both checksums of each.
  private func records(_ path: String) throws -> [[UInt8]] {
    var rest = Array(try Data(contentsOf: URL(fileURLWithPath: path)))[...]
    func number<Word: FixedWidthInteger>(_: Word.Type) -> Word {
      defer { rest = rest.dropFirst(Word.bitWidth / 8) }
      return rest.prefix(Word.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Word($1) }
    }
    var result: [[UInt8]] = []
    while !rest.isEmpty {
      let length = Array(rest.prefix(8))
      let count = Int(number(UInt64.self))
      #expect(number(UInt32.self) == CRC32C.masked(length))
      let record = Array(rest.prefix(count))
      rest = rest.dropFirst(count)
      #expect(number(UInt32.self) == CRC32C.masked(record))
      result.append(record)
    }
    return result
  }

  private func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = Array(hexadecimal)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0..<$0 + 2]), radix: 16) ?? 0 }
  }

  /// The catalogue's check value of CRC-32C, and the mask as TensorBoard's Python package computes it.
  @Test func checksum() {
    #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.masked(Array("123456789".utf8)) == 0xC78A_B0E5)
  }

  @Test func recordsAreThoseOfTensorBoard() throws {
    try withTemporaryDirectory { directory in
      let writer = try EventFileWriter(directory: directory, firstStep: 7)
      try writer.scalar("loss/critic", -0.75, step: 300, time: Date(timeIntervalSince1970: 1.5))
      try writer.flush()
      let records = try records(writer.path)
      #expect(records.count == 3)
      // wall_time takes nine bytes; the rest was serialized by TensorBoard's Python package.
      #expect(Array(records[0].dropFirst(9)) == [0x10, 0, 0x1A, 13] + Array("brain.Event:2".utf8))
      #expect(Array(records[1].dropFirst(9)) == bytes("10073a020801"))
      #expect(records[2] == bytes("09000000000000f83f10ac022a140a120a0b6c6f73732f63726974696315000040bf"))
    }
  }

  @Test func laterFilesHaveLaterNames() throws {
    try withTemporaryDirectory { directory in
      // A clock that was ahead.
      try Data().write(to: URL(fileURLWithPath: directory + "/events.out.tfevents.4000000000.host.1"))
      let paths = try (0..<3).map { try EventFileWriter(directory: directory, firstStep: $0).path }
      #expect(paths == paths.sorted() && Set(paths).count == 3)
      #expect(paths[0].contains("events.out.tfevents.4000000001."))
    }
  }

  @Test func manyPointsReachTheFileWithoutFlush() throws {
    try withTemporaryDirectory { directory in
      let writer = try EventFileWriter(directory: directory, firstStep: 0)
      for step in 0..<3000 { try writer.scalar("a", Float(step), step: step) }
      #expect(try Data(contentsOf: URL(fileURLWithPath: writer.path)).count >= 1 << 16)
      try writer.flush()
      #expect(try records(writer.path).count == 3002)
    }
  }

  @Test func aMissingDirectoryIsNamed() throws {
    let error = #expect(throws: StorageError.self) { try EventFileWriter(directory: "/nowhere/at/all", firstStep: 0) }
    #expect(error?.description.contains("/nowhere/at/all") == true)
  }
}
