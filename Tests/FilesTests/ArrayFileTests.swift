import Foundation
import Matrices
import TestSupport
import Testing

@testable import Files

@Suite struct ArrayFileTests {
  @Test func safetensorsOfEveryType() throws {
    let file = try ArrayFile(path: fixture("types.safetensors"))
    #expect(file.format == .safetensors)
    for code in fixtureCodes {
      #expect(try file.numbers(code == "?" ? "b1" : code) == fixtureValues(code, count: 12), "\(code)")
    }
    #expect(file.description("b1")?.kind == .booleans)
  }

  @Test func otherFormatsAreNamed() throws {
    for (start, reason) in [
      ([0x1F, 0x8B, 8, 0], "packed with gzip"), (Array("PAR1".utf8), "parquet"), ([0xFF, 0xFE, 97, 0], "UTF-16"),
      ([0, 1, 2, 3], "no format"),
    ] as [([UInt8], String)] {
      let said = refusal { _ = try ArrayFile(bytes: start + [0, 0, 0, 0], path: "x") }
      #expect(said?.contains(reason) == true, "\(said ?? "nothing")")
    }
    #expect(refusal { _ = try ArrayFile(path: "/nowhere") }?.contains("No such file") == true)
    #expect(refusal { _ = try ArrayFile(path: "/") }?.contains("not a plain file") == true)
  }

  private static let everything = [
    "plain.mat", "compressed.mat", "kinds.mat", "big_endian.mat", "hdf5.mat", "kinds73.mat", "default.h5", "latest.h5",
    "stored.npz",
    "packed.npz", "version1.npy", "objects.npy", "types.safetensors", "kinds.pt", "deflated.pt", "module.pt",
  ]

  /// Every array of a file, read in each way that it may be read.
  private func readAll(_ bytes: [UInt8]) throws {
    let file = try ArrayFile(bytes: bytes, path: "x")
    for array in file.arrays {
      var ways: [() throws -> Void] = []
      switch array.kind {
      case .numbers, .booleans:
        ways = [
          { _ = try file.numbers(array.name) }, { _ = try file.rows(of: array.name, .first).next(2) },
          { _ = try file.rows(of: array.name, .last).next(2) },
        ]
      case .texts: ways = [{ _ = try file.texts(array.name) }]
      case .other: break
      }
      for way in ways { do { try way() } catch is ArrayFileError {} }
    }
  }

  /// Files that are cut, or in which bytes are changed, are read or refused; nothing else happens. The seed that failed
  /// is printed.
  @Test(arguments: everything) func damagedFilesAreReadOrRefused(_ name: String) throws {
    let original = try fixtureBytes(name)
    var seed = UInt64.random(in: 0...UInt64.max)
    print("damage of \(name) from seed \(seed)")
    func random(_ bound: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % bound
    }
    for trial in 0..<40 {
      var bytes = original
      if trial % 5 == 0 {
        bytes = Array(bytes.prefix(random(bytes.count)))
      } else {
        for _ in 0...random(4) {
          let place = random(trial % 2 == 0 ? min(600, bytes.count) : bytes.count)
          bytes[place] = [0, 255, 127, UInt8(random(256)), bytes[place] ^ UInt8(1 << random(8))][random(5)]
        }
      }
      do { try readAll(bytes) } catch is ArrayFileError {}
    }
  }

  /// Deflated bytes may stand for 1032 times as many, and no header may claim more.
  @Test func claimsAreBounded() throws {
    #expect(throws: FormatError.self) {
      try InflatedBytes(MemoryBytes([1, 2, 3]), wrapping: .zlib, size: 3 * 1032 + 1)
    }
    #expect(throws: FormatError.self) { try elementCount([1 << 32, 1 << 32]) }
    #expect(throws: FormatError.self) {
      try StoredElements(.float64, count: 2, in: MemoryBytes([UInt8](repeating: 0, count: 15)))
    }
    let sparse = SparseColumns(
      sizes: [1 << 40, 1], rows: [], starts: [0, 0], values: try StoredElements(.uint8, count: 0, in: MemoryBytes([])),
      storedSize: 1000)
    #expect(throws: FormatError.self) { try sparse.dense() }
  }
}
