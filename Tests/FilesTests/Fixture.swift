import Foundation
import Testing

@testable import Files

/// Files of `Fixtures`, which other programs wrote.
func fixture(_ name: String) throws -> String {
  try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil)).path
}

func fixtureBytes(_ name: String) throws -> [UInt8] {
  Array(try Data(contentsOf: URL(fileURLWithPath: fixture(name))))
}

let fixtureNames = ["antelope", "grizzly+bear", "killer_whale", "Größe"]
let fixtureCodes = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "?"]

/// The elements that `Fixtures/make_fixtures.py` gave an array of a type, row by row.
func fixtureValues(_ code: String, count: Int) -> [Double] {
  let k = fixtureCodes.firstIndex(of: code) ?? 0
  return (0..<count).map { i in
    if code == "?" { return (i * 7 + k) % 3 == 0 ? 1 : 0 }
    return Double((i * 7 + k) % 50 - (code.hasPrefix("u") ? 0 : 10)) / (code.hasPrefix("f") ? 4 : 1)
  }
}
