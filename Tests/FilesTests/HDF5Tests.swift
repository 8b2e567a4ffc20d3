import Foundation
import TestSupport
import Testing

@testable import Files

/// What h5py wrote, once with its defaults, once with the library's latest formats.
@Suite struct HDF5Tests {
  @Test(arguments: ["default.h5", "latest.h5"]) func readsEveryType(_ name: String) throws {
    let file = try ArrayFile(path: fixture(name))
    #expect(file.format == .hdf5)
    for code in fixtureCodes {
      for array in ["types/\(code)", "types/big_\(code)"] where file.contains(array) {
        #expect(try file.numbers(array) == fixtureValues(code, count: 12), "\(array)")
        #expect((file.description(array)?.kind == .booleans) == (code == "?"))
      }
    }
    #expect(file.contains("types/big_f8"))
    #expect(try file.texts("names") == fixtureNames)
    #expect(try file.texts("fixed") == fixtureNames)
    #expect(file.description("single_number")?.sizes == [])
    #expect(try file.numbers("single_number") == [2.5])
    #expect(refusal { _ = try file.numbers("complex") }?.contains("imaginary part") == true)
    #expect(refusal { _ = try file.numbers("table") }?.contains("a table of 2 fields") == true)
  }

  /// Chunks in all five indexes, packed in all known ways.
  @Test(arguments: ["default.h5", "latest.h5"]) func readsEveryLayout(_ name: String) throws {
    let file = try ArrayFile(path: fixture(name))
    let layouts = [
      "gzip", "shuffled", "checked", "lzf", "plain", "single", "single_packed", "growing", "growing_sideways",
      "growing_both", "bounded",
    ]
    for array in layouts {
      #expect(try file.numbers(array) == fixtureValues("f4", count: 80), "\(array)")
      let blocks = try file.rows(of: array, .first)
      var elements: [Float] = []
      while let block = try blocks.next(3) { elements += block.elements }
      #expect(elements.map(Double.init) == fixtureValues("f4", count: 80), "\(array)")
    }
    let count = name == "latest.h5" ? 1500 : 150
    for array in ["many_chunks", "many_growing"] {
      #expect(try file.numbers(array) == fixtureValues("i2", count: count), "\(array)")
    }
    #expect(try file.numbers("partly") == fixtureValues("f4", count: 6) + [Double](repeating: 7, count: 24))
  }

  @Test(arguments: ["default.h5", "latest.h5"]) func readsEveryGroup(_ name: String) throws {
    let file = try ArrayFile(path: fixture(name))
    for i in 0..<60 { #expect(try file.numbers("many/member_\(i)") == [Double(i)]) }
    // A link by name is left out, a group inside itself is listed once.
    #expect(!file.contains("soft") && !file.contains("loop/gzip"))
  }

  @Test func filtersUndoWhatTheyDid() throws {
    // Fletcher's checksum of two words, and one that does not fit.
    let body = ByteCursor([2, 1, 3, 0, 0, 0, 0, 0])
    let filters = try HDF5Filters(body, elementSize: 1)
    let chunk: [UInt8] = [1, 2, 3, 4]
    let low = 0x0102 + 0x0304
    let high = 0x0102 + low
    let sum = [UInt8(low & 255), UInt8(low >> 8), UInt8(high & 255), UInt8(high >> 8)]
    #expect(try filters.unpack(chunk + sum, skipped: 0, byteCount: 4) == chunk)
    #expect(throws: FormatError.self) { try filters.unpack(chunk + [0] + sum.dropFirst(), skipped: 0, byteCount: 4) }
    #expect(try filters.unpack(chunk, skipped: 1, byteCount: 4) == chunk, "a chunk without the filter")
  }
}
