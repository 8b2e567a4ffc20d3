@testable import Files
import Foundation
import Matrices
import TestSupport
import Testing

@Suite struct MatlabTests {
  @Test(arguments: ["plain.mat", "compressed.mat", "hdf5.mat"]) func readsEveryClass(_ name: String) throws {
    let file = try ArrayFile(path: fixture(name))
    #expect(file.format == .matlab)
    let features = try file.matrix("features", rows: .last)
    // 3×5 in MATLAB: five rows of three here.
    #expect(features.rowCount == 5 && features.columnCount == 3)
    for image in 0..<5 {
      for dimension in 0..<3 {
        let expected = Float(dimension * 5 + image - 7) / 4
        #expect(features[image, dimension] == expected)
      }
    }
    #expect(try file.numbers("labels") == [1, 2, 250, 4, 3])
    #expect(try file.numbers("wide_row") == [1, 40000, 3])
    #expect(try file.numbers("signed") == [-5, 7])
    #expect(try file.numbers("small") == [-128, 127])
    #expect(try file.numbers("exact") == [0.1, -2.5, 1e300, 3])
    #expect(try file.texts("allclasses_names") == fixtureNames)
    #expect(file.description("features")?.sizes == [3, 5])
  }

  @Test(arguments: ["kinds.mat", "kinds73.mat"]) func readsWhatPeopleHave(_ name: String) throws {
    let file = try ArrayFile(path: fixture(name))
    #expect(try file.matrix("sparse", rows: .first).elements == [0, 2.5, 0, -1, 0, 0, 0, 0, 0, 4, 0, 7])
    #expect(file.description("mask")?.kind == .booleans && file.description("sparse_mask")?.kind == .booleans)
    #expect(try file.numbers("mask") == [1, 0, 1])
    #expect(try file.numbers("sparse_mask") == [1, 0, 1])
    #expect(try file.texts("char_matrix") == ["cat", "horse", "emu"])
    #expect(try file.matrix("data.features", rows: .first).elements.map(Double.init) == fixtureValues("f8", count: 6))
    #expect(try file.numbers("data.inner.labels") == fixtureValues("u1", count: 4))
    #expect(try file.texts("data.inner.names") == fixtureNames)
    #expect(try file.texts("nested") == fixtureNames)
    #expect(try file.texts("numbers_as_names") == ["3", "4.5"])
    #expect(file.description("three")?.sizes == [2, 3, 2])
    // A row of features for each first index, whatever the others are.
    let rows = try file.matrix("three", rows: .first)
    #expect(rows.rowCount == 2 && rows.columnCount == 6)
    #expect(
      try file.numbers("three") == [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11].map { fixtureValues("i4", count: 12)[$0] })
  }

  @Test func readsTheOtherByteOrder() throws {
    let file = try ArrayFile(path: fixture("big_endian.mat"))
    #expect(try file.matrix("features", rows: .first).elements == (0..<15).map { Float($0 - 7) })
    #expect(try file.numbers("ab") == [7, 9])
  }

  /// scipy counts characters, not UTF-16 units: one beyond the basic plane is stored as UTF-8, with as many as there are.
  @Test func namesBeyondTheBasicPlane() throws {
    let path = NSTemporaryDirectory() + "cegzsl-" + UUID().uuidString + ".mat"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let names = ["😀", "𠀀x", "größer", "b"]
    try MatlabWriter.write(path: path, [MatlabVariable("names", .cells(names))])
    #expect(try ArrayFile(path: path).texts("names") == names)
    let bytes = try #require(FileManager.default.contents(atPath: path))
    #expect(bytes.range(of: Data("😀".utf8)) != nil && bytes.range(of: Data("größer".utf8)) == nil)
  }

  /// However many rows are claimed, nothing is allocated for them.
  @Test func rowsWithoutColumns() {
    #expect(rowsOfText([], rowCount: 1 << 57) == [""])
    #expect(rowsOfText([], rowCount: 0) == [] && rowsOfText(["a", "b"], rowCount: 2) == ["a", "b"])
  }

  @Test func emptyArraysOfVersion73() throws {
    let file = try ArrayFile(path: fixture("kinds73.mat"))
    #expect(try file.numbers("empty").isEmpty)
    #expect(try file.texts("with_empty") == ["a", ""])
  }

  @Test func refusesWhatItCannotUse() throws {
    let file = try ArrayFile(path: fixture("plain.mat"))
    func refused(_ name: String, _ reason: String) {
      let said = refusal { _ = try file.numbers(name) }
      #expect(said?.contains(reason) == true, "\(said ?? "nothing")")
    }
    refused("nothing", "variable 'nothing': is missing; the file has features")
    refused("complex", "imaginary part")
    refused("word", "made of texts, not of numbers")
    refused("allclasses_names", "made of texts, not of numbers")
    #expect(throws: ArrayFileError.self) { try file.texts("features") }
    #expect(throws: ArrayFileError.self) { try ArrayFile(path: "/nowhere.mat") }
    #expect(refusal { _ = try file.matrix("empty", rows: .last) }?.contains("0×0") == true)
    let several = refusal { _ = try ArrayFile(path: fixture("kinds.mat")).numbers("several") }
    #expect(several?.contains("an array of 2 structures") == true)
  }

  /// A version 5 file cut anywhere is refused when it is opened or read.
  @Test(arguments: ["plain.mat", "compressed.mat"]) func truncationIsNoticed(_ name: String) throws {
    let bytes = try fixtureBytes(name)
    for cut in stride(from: 0, to: bytes.count, by: 13) {
      do {
        let file = try ArrayFile(bytes: Array(bytes[..<cut]), path: "cut")
        // A cut between two variables leaves a whole, shorter file.
        #expect(file.arrays.count < 10, "cut at \(cut) of \(bytes.count)")
      } catch is ArrayFileError {}
    }
  }

  /// zlib's own checksum is the end of a compressed variable.
  @Test func damageIsNoticed() throws {
    var bytes = try fixtureBytes("compressed.mat")
    let end = 136 + Int(bytes[132]) + Int(bytes[133]) << 8
    bytes[end - 1] ^= 1
    let said = refusal { _ = try ArrayFile(bytes: bytes, path: "x").numbers("features") }
    #expect(said?.contains("deflated bytes are damaged") == true, "\(said ?? "nothing")")
  }

  @Test func writesWhatItReads() throws {
    let folder = NSTemporaryDirectory() + "cegzsl-written-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let matrix = Matrix(rows: 4, columns: 3, elements: (0..<12).map { Float($0) * 0.5 })
    let wide = Matrix(rows: 5, columns: 9, elements: (0..<45).map(Float.init))
    let variables = [
      MatlabVariable("features", .transposed(matrix)), MatlabVariable("labels", rowsFromZero: [0, 1, 2]),
      MatlabVariable("names", .cells(["a", "größer", "", "日本"])), MatlabVariable("none", .column([])),
      MatlabVariable("part", .transposed(wide.columns(2..<5))),
    ]
    try MatlabWriter.write(path: folder + "/a.mat", variables)
    let file = try ArrayFile(path: folder + "/a.mat")
    #expect(try file.matrix("features", rows: .last).elements == matrix.elements)
    #expect(file.description("features")?.sizes == [3, 4])
    #expect(try file.numbers("labels") == [1, 2, 3])
    #expect(try file.texts("names") == ["a", "größer", "", "日本"])
    #expect(try file.numbers("none").isEmpty)
    #expect(try file.matrix("part", rows: .last).elements == wide.columns(2..<5).elements)
    #expect(throws: StorageError.self) { try MatlabWriter.write(path: "/nowhere/file.mat", variables) }
    #expect(throws: StorageError.self, "nothing is overwritten") {
      try MatlabWriter.write(path: folder + "/a.mat", variables)
    }
  }
}
