import Files
import Foundation
import Matrices
import Testing

@testable import Datasets

/// Features alone, as prediction reads them: 5 rows of 3 in every format, some rows at a time.
@Suite struct FeatureRowsTests {
  private let rows = Matrix(rows: 5, columns: 3, elements: (0..<15).map { Float($0) - 7 })

  private func flipped() -> Matrix {
    let flipped = Matrix(rows: 3, columns: 5)
    for r in 0..<5 { for c in 0..<3 { flipped[c, r] = rows[r, c] } }
    return flipped
  }

  private func read(_ reference: String, featureSize: Int? = nil) throws -> (elements: [Float], notes: [String]) {
    let (blocks, notes) = try FeatureRows.open(ArrayReference(reference), featureSize: featureSize)
    var elements: [Float] = []
    while let block = try blocks.next(2) {
      #expect(block.rowCount <= 2 && block.columnCount == blocks.columnCount)
      elements += block.elements
    }
    #expect(blocks.position == blocks.rowCount)
    return (elements, notes)
  }

  @Test func everyFormatGivesTheSameRows() throws {
    try withScratch { folder in
      let (a, b, c, d) = (folder + "/a.npy", folder + "/b.npz", folder + "/c.mat", folder + "/d.csv")
      try NumpyWriter.write(path: a, NumpyArray("a", matrix: rows))
      try NumpyWriter.write(
        path: b, archive: [NumpyArray("labels", integers: [1]), NumpyArray("features", matrix: rows)])
      try MatlabWriter.write(path: c, [MatlabVariable("features", .transposed(rows))])
      try ("id,f0,f1,f2,label\n" + (0..<5).map { "\($0),\(rows[$0, 0]),\(rows[$0, 1]),\(rows[$0, 2]),cat\n" }.joined())
        .write(toFile: d, atomically: false, encoding: .utf8)
      for path in [a, b, c, d] { #expect(try read(path).elements == rows.elements, "\(path)") }
      #expect(try read(d).notes.first?.contains("'id', 'label' left out") == true)
      #expect(try read(b + ":features").elements == rows.elements)
      let other = folder + "/e.npy"
      try NumpyWriter.write(path: other, NumpyArray("e", matrix: flipped()))
      #expect(try read(other, featureSize: 3).elements == rows.elements)
      #expect(try read(other, featureSize: 3).notes.first?.contains("is 3×5: its rows are the 3 features") == true)
      #expect(try read(other).elements == flipped().elements, "without a size, rows are rows")
    }
  }

  @Test func whatHasNoRowsIsRefused() throws {
    try withScratch { folder in
      let path = folder + "/a.npz"
      try NumpyWriter.write(path: path, archive: [NumpyArray("p", integers: [1]), NumpyArray("q", matrix: rows)])
      #expect(throws: DataProblem.self) { try read(path) }
      #expect(throws: DataProblem.self) { try read(path + ":r") }
      try "a,b\n".write(toFile: folder + "/b.csv", atomically: false, encoding: .utf8)
      #expect(throws: ArrayFileError.self) { try read(folder + "/b.csv") }
    }
  }
}
