import Files
import Foundation
import Matrices
import Testing

@testable import Datasets

/// Names and descriptors of classes in a file of their own, as `extend` and `synthesize` take them.
@Suite struct ClassDescriptorsTests {
  private let rows = Matrix(rows: 2, columns: 3, elements: [1, 2, 3, 4, 5, 6.5])

  private func read(_ path: String, _ attributeSize: Int = 3) throws -> ClassDescriptors {
    try ClassDescriptors(ArrayReference(path), attributeSize: attributeSize)
  }

  @Test func everyFormatGivesTheSameClasses() throws {
    try withScratch { folder in
      let (a, b, c, d) = (folder + "/a.csv", folder + "/b.npz", folder + "/c.mat", folder + "/d.csv")
      try "class,x,y,z\nkiller whale,1,2,3\n\"a,b\",4,5,6.5\n".write(toFile: a, atomically: false, encoding: .utf8)
      let names = ["killer whale", "a,b"]
      try NumpyWriter.write(
        path: b, archive: [NumpyArray("classes", texts: names), NumpyArray("descriptors", matrix: rows)])
      try MatlabWriter.write(
        path: c, [MatlabVariable("allclasses_names", .cells(names)), MatlabVariable("att", .transposed(rows))])
      // One class alone, whose first line must not be taken for numbers.
      try "x;y;z;class\n1;2;3;7\n".write(toFile: d, atomically: false, encoding: .utf8)
      for path in [a, b, c] {
        let read = try read(path)
        #expect(read.names == names && read.descriptors.elements == rows.elements, "\(path)")
      }
      let one = try read(d)
      #expect(one.names == ["7"] && one.descriptors.elements == [1, 2, 3])
    }
  }

  @Test(arguments: [
    ("class,x,y,z\na,1,2,3\na,1,2,4\n", "class 'a' stands there twice"),
    ("class,x,y,z\na,1,nan,3\n", "number 2 of class 'a' is not finite"),
    ("class,x,y\na,1,2\n", "have 2 numbers, and the model takes 3"),
    ("x,y,z\n1,2,3\n", "the descriptors have no class names"),
    ("class,x,y,z\n,1,2,3\nb,1,2,3\n", "row 1 has no class name"),
    ("class,x,y,z\n", "no row of numbers"), ("", "is empty"),
  ]) func whatIsWrongIsSaid(_ text: String, _ message: String) throws {
    try withScratch { folder in
      try text.write(toFile: folder + "/d.csv", atomically: false, encoding: .utf8)
      let error = #expect(throws: (any Error).self) { try read(folder + "/d.csv") } as? any ReportableError
      #expect("\(error.map { "\($0)" } ?? "")".contains(message) && error?.exitStatus == .badData)
    }
  }
}
