import Files
import Foundation
import Matrices
import Testing

private func fixture(_ name: String) throws -> String {
  try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "mat")).path
}

@Suite struct MatFileTests {
  @Test(arguments: ["plain", "compressed", "hdf5"]) func readsEveryClass(_ name: String) throws {
    let file = try MatFile(path: fixture(name))
    let features = try file.matrix("features")
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
    #expect(try file.texts("allclasses_names") == ["antelope", "grizzly+bear", "killer_whale", "Größe"])
  }

  @Test func refusesWhatItCannotUse() throws {
    let file = try MatFile(path: fixture("plain"))
    #expect(throws: MatFileError.self) { try file.matrix("nothing") }
    #expect(throws: MatFileError.self) { try file.matrix("complex") }
    #expect(throws: MatFileError.self) { try file.numbers("word") }
    #expect(throws: MatFileError.self) { try file.texts("features") }
    #expect(throws: MatFileError.self) { try file.numbers("allclasses_names") }
    #expect(throws: MatFileError.self) { try MatFile(path: "/nowhere.mat") }
    do {
      _ = try file.matrix("nothing")
    } catch let error as MatFileError {
      #expect(error.description.contains("'nothing'") && error.description.contains("features"))
      #expect(error.exitStatus == .badData)
    }
  }

  /// A version 5 file cut anywhere is refused when it is opened or read; nothing crashes.
  @Test(arguments: ["plain", "compressed"]) func truncationIsNoticed(_ name: String) throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: fixture(name)))
    let path = NSTemporaryDirectory() + "cegzsl-cut-" + UUID().uuidString + ".mat"
    defer { try? FileManager.default.removeItem(atPath: path) }
    for cut in stride(from: 0, to: bytes.count, by: 13) {
      try bytes.prefix(cut).write(to: URL(fileURLWithPath: path))
      do {
        let file = try MatFile(path: path)
        // A cut between two variables leaves a whole, shorter file.
        #expect(file.variables.count < 10, "cut at \(cut) of \(bytes.count)")
      } catch is MatFileError {}
    }
  }

  @Test func writesWhatItReads() throws {
    let path = NSTemporaryDirectory() + "cegzsl-written-" + UUID().uuidString + ".mat"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let matrix = Matrix(rows: 4, columns: 3, elements: (0..<12).map { Float($0) * 0.5 })
    let writer = try MatFileWriter(path: path)
    try writer.writeTransposed("features", matrix)
    try writer.writeColumn("labels", [1, 2, 3])
    try writer.writeCells("names", ["a", "größer", ""])
    #expect(!FileManager.default.fileExists(atPath: path), "a partial file is not visible")
    try writer.close()
    let file = try MatFile(path: path)
    #expect(try file.matrix("features").elements == matrix.elements)
    #expect(try file.numbers("labels") == [1, 2, 3])
    let texts = try file.texts("names")
    #expect(texts == ["a", "größer", ""], "\(texts.map { Array($0.utf8) })")
    #expect(throws: StorageError.self) { try MatFileWriter(path: "/nowhere/file.mat") }
  }
}
