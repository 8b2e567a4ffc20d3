import Foundation
import Matrices
import TestSupport
import Testing

@testable import Files

@Suite struct NumpyTests {
  /// Every type, byte order and order of elements, stored and packed.
  @Test(arguments: ["stored.npz", "packed.npz"]) func readsEveryType(_ name: String) throws {
    let file = try ArrayFile(path: fixture(name))
    for code in fixtureCodes {
      let plain = code == "?" ? "b1" : code
      for prefix in ["", "big_", "fortran_", "fortran_big_"] {
        let array = try #require(file.description(prefix + plain), "\(prefix + plain)")
        #expect(array.sizes == [3, 4] && (array.kind == .booleans) == (code == "?"))
        let matrix = try file.matrix(array.name, rows: .first)
        #expect(matrix.elements.map(Double.init) == fixtureValues(code, count: 12), "\(array.name)")
        let across = try file.matrix(array.name, rows: .last)
        #expect(across.rowCount == 4 && across[3, 1] == matrix[1, 3], "\(array.name)")
      }
    }
    for texts in ["names", "big_names", "bytes"] { #expect(try file.texts(texts) == fixtureNames, "\(texts)") }
    #expect(file.description("scalar")?.sizes == [])
    #expect(try file.numbers("scalar") == [2.5])
    #expect(file.description("three")?.sizes == [2, 3, 2])
    for (array, reason) in [
      ("complex", "imaginary part"), ("dates", "made of dates"), ("structured", "structured array"),
    ] {
      #expect(refusal { _ = try file.numbers(array) }?.contains(reason) == true, "\(array)")
    }
  }

  @Test(arguments: 1...3) func readsEveryVersion(_ version: Int) throws {
    let file = try ArrayFile(path: fixture("version\(version).npy"))
    #expect(file.format == .npy && file.arrays.map(\.name) == ["version\(version)"])
    #expect(try file.numbers("version\(version)") == fixtureValues("f4", count: 12))
  }

  @Test func objectsAreNeverUnpickled() throws {
    let file = try ArrayFile(path: fixture("objects.npy"))
    let said = refusal { _ = try file.texts("objects") }
    #expect(said?.contains("Python objects, which only unpickling could read") == true, "\(said ?? "nothing")")
    for start: [UInt8] in [[0x80, 4, 0x95], [0x80, 2, 0x8A]] {
      #expect(refusal { _ = try ArrayFile(bytes: start + [1, 2, 3], path: "x") }?.contains("Python pickle") == true)
    }
  }

  /// The same rows, however many are asked for at a time, along and across the elements' order.
  @Test func blocksAreTheWhole() throws {
    for name in ["stored.npz", "packed.npz"] {
      let file = try ArrayFile(path: fixture(name))
      for array in ["f4", "fortran_f4"] {
        for axis in [RowAxis.first, .last] {
          let whole = try file.matrix(array, rows: axis)
          for most in 1...5 {
            let blocks = try file.rows(of: array, axis)
            var elements: [Float] = []
            while let block = try blocks.next(most) {
              #expect(block.rowCount <= most)
              elements += block.elements
            }
            #expect(elements == whole.elements && blocks.position == whole.rowCount, "\(name) \(array) \(axis) \(most)")
          }
        }
      }
    }
  }

  @Test func damageIsNoticed() throws {
    let bytes = try fixtureBytes("stored.npz")
    // Inside the elements of the first array.
    let place = try #require(bytes.firstIndex(of: 0x93)) + 128 + 5
    var damaged = bytes
    damaged[place] ^= 4
    let first = try ArrayFile(bytes: damaged, path: "x").arrays[0].name
    #expect(refusal { _ = try ArrayFile(bytes: damaged, path: "x").numbers(first) }?.contains("checksum") == true)
    #expect(
      refusal { _ = try ArrayFile(bytes: Array(bytes.dropLast(30)), path: "x") }?.contains("without its end") == true)
    // A claim that the file cannot hold is refused before memory is taken.
    let huge =
      Array("\u{93}NUMPY".unicodeScalars.map { UInt8($0.value) }) + [1, 0, 118, 0]
      + Array(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1000), }".padding(
          toLength: 117, withPad: " ", startingAt: 0
        ).utf8)
      + [10] + [UInt8](repeating: 0, count: 64)
    let said = refusal { _ = try ArrayFile(bytes: huge, path: "x") }
    #expect(said?.contains("but 64 bytes are there") == true, "\(said ?? "nothing")")
  }

  @Test func writesWhatItReads() throws {
    let folder = NSTemporaryDirectory() + "cegzsl-numpy-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let wide = Matrix(rows: 5, columns: 9, elements: (0..<45).map(Float.init))
    let arrays = [
      NumpyArray("features", matrix: wide.columns(1..<4)), NumpyArray("rows", integers: [3, -1, 1 << 40]),
      NumpyArray("names", texts: ["a", "größer", "", "😀\0日"]), NumpyArray("no_names", texts: []),
      NumpyArray("exact", shape: [2, 1], .float64([0.1, 1e300])),
    ]
    for name in ["a.npz", "b.npz"] { try NumpyWriter.write(path: "\(folder)/\(name)", archive: arrays) }
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: folder + "/a.npz"))
        == Data(contentsOf: URL(fileURLWithPath: folder + "/b.npz")))
    let file = try ArrayFile(path: folder + "/a.npz")
    #expect(try file.matrix("features", rows: .first).elements == wide.columns(1..<4).elements)
    #expect(try file.numbers("rows") == [3, -1, Double(1 << 40)])
    #expect(try file.texts("names") == ["a", "größer", "", "😀\0日"])
    #expect(try file.texts("no_names").isEmpty)
    #expect(try file.numbers("exact") == [0.1, 1e300])
    try NumpyWriter.write(path: folder + "/one.npy", NumpyArray("x", integers: [1, 2]))
    #expect(try ArrayFile(path: folder + "/one.npy").numbers("one") == [1, 2])
  }

  @Test func rowsMayComeInBlocks() throws {
    let folder = NSTemporaryDirectory() + "cegzsl-numpy-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let matrix = Matrix(rows: 7, columns: 3, elements: (0..<21).map(Float.init))
    try NumpyWriter.write(path: folder + "/whole.npy", NumpyArray("x", matrix: matrix))
    try NumpyWriter.write(path: folder + "/blocks.npy", rows: 7, columns: 3) { add in
      for rows in [0..<4, 4..<4, 4..<7] { try add(matrix.rows(rows)) }
    }
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: folder + "/whole.npy"))
        == Data(contentsOf: URL(fileURLWithPath: folder + "/blocks.npy")))
  }
}
