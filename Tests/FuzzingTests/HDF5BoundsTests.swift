import Foundation
import Fuzzing
import Testing

@testable import Files

/// What a small HDF5 file may cost: nodes that are named again and again, chunks that lie in one another, sizes at the end of numbers.
@Suite struct HDF5BoundsTests {
  /// 12⁸ paths lead to the last of nine groups.
  @Test func groupsThatLieInOneAnotherComeToAnEnd() throws {
    let path = try #require(Bundle.module.url(forResource: "Corpus/hdf5/paths.h5", withExtension: nil)).path
    let error = #expect(throws: ArrayFileError.self) { try ArrayFile(path: path) }
    #expect(error?.reason.contains("name one another more often") == true, "\(error?.description ?? "")")
  }

  /// A superblock, and a fixed array of entries that all name the same chunk.
  private func file(entries: Int) throws -> HDF5Bytes {
    func number(_ value: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    var bytes = HDF5Bytes.signature + [2, 8, 8, 0] + number(0) + number(-1) + number(0) + number(0) + [0, 0, 0, 0]
    #expect(bytes.count == 48)
    bytes += Array("FAHD".utf8) + [0, 0, 8, 30] + number(entries) + number(72)
    #expect(bytes.count == 72)
    bytes += Array("FADB".utf8) + [0, 0] + number(48)
    for _ in 0..<entries { bytes += number(0) }
    return try HDF5Bytes(MemoryBytes(bytes), superblock: 0)
  }

  private func layout(_ sizes: [Int], chunk: Int, _ file: HDF5Bytes, _ index: HDF5ChunkLayout.Index) -> HDF5ChunkLayout
  {
    HDF5ChunkLayout(
      sizes: sizes, maximum: sizes, chunkSizes: [chunk], elementSize: 1, isFiltered: false,
      leavesEdgesUnfiltered: false,
      index: index, file: file)
  }

  @Test func chunksThatLieInOneAnotherAreRefused() throws {
    let file = try file(entries: 20)
    // 246 bytes: chunks of 12 could lie side by side, chunks of 13 could not.
    #expect(file.source.size == 246)
    #expect(try layout([240], chunk: 12, file, .fixedArray(48)).table().count == 20)
    let error = #expect(throws: FormatError.self) { try layout([260], chunk: 13, file, .fixedArray(48)).table() }
    #expect(error?.reason.contains("lie in one another") == true)
  }

  @Test func sizesAtTheEndOfNumbersDoNotTrap() throws {
    let layout = layout([.max], chunk: 4096, try file(entries: 1), .single(0, byteCount: 1, skippedFilters: 0))
    #expect(layout.counts == [.max / 4096 + 1])
    #expect(try layout.table().count == 1)
    #expect(throws: FormatError.self) { try HDF5ChunkedBytes(layout: layout, filters: .none, fill: [0]) }
  }

  /// A table of chunks of one byte would take fifty times the file.
  @Test func tablesLargerThanTheFileAreRefused() throws {
    let bytes = HDF5Bytes.signature + [2, 8, 8] + [UInt8](repeating: 0, count: 300_000)
    let file = try HDF5Bytes(MemoryBytes(bytes), superblock: 0)
    #expect(throws: FormatError.self) { try layout([290_000], chunk: 1, file, .implicit(0)).table() }
    #expect(try layout([290_000], chunk: 100, file, .implicit(0)).table().count == 2900)
  }
}
