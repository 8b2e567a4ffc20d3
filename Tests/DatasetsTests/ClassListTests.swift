import Files
import Foundation
import Matrices
import TestSupport
import Testing

@testable import Datasets

/// Which classes are unseen and what they are called, in forms that are easily taken for something else.
@Suite struct ClassListTests {
  private let data = SmallData()
  private var labels: [Int] { data.labels.map { Int($0) - 1 } }

  /// An archive with classes that have no names, whose unseen ones are `unseen`; their numbers from 0.
  private func unseen(_ unseen: NumpyArray) throws -> [Int] {
    try withScratch { folder in
      try NumpyWriter.write(
        path: "\(folder)/a.npz",
        archive: [
          NumpyArray("features", matrix: data.features), NumpyArray("labels", integers: labels),
          NumpyArray("descriptors", matrix: data.descriptors), unseen,
        ])
      return try GZSLDataset.load(folder: "\(folder)/a.npz", options: DataOptions()).test.unseenClasses
    }
  }

  @Test func unseenClassesMayBeMarked() throws {
    let marks = [0, 0, 0, 0, 1, 1]
    #expect(try unseen(NumpyArray("unseen", integers: [4, 5])) == [4, 5])
    #expect(try unseen(NumpyArray("unseen", integers: marks)) == [4, 5])
    #expect(try unseen(NumpyArray("unseen", integers: labels.map { marks[$0] })) == [4, 5], "a place for each row")
    #expect(
      refusal { _ = try unseen(NumpyArray("unseen", integers: [0, 1, 1])) }?.contains(
        "3 zeros and ones, but there are 6 classes") == true)
    var torn = labels.map { marks[$0] }
    torn[35] = 0
    #expect(
      refusal { _ = try unseen(NumpyArray("unseen", integers: torn)) }?.contains("row 36 are marked both ways") == true)
  }

  private func assembled(_ names: [String], _ unseen: [String], labels texts: [String]? = nil) throws -> [String] {
    try withScratch { folder in
      func write(_ name: String, _ lines: [String]) throws {
        try lines.joined(separator: "\n").write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
      }
      try NumpyWriter.write(path: "\(folder)/x.npy", NumpyArray("x", matrix: data.features))
      try write("y.csv", ["code"] + (texts ?? labels.map { names[$0] }))
      try write("d.csv", [",class,class_id,a,b"] + names.indices.map { "\($0),\(names[$0]),\($0),\($0 * $0),1" })
      var parts = DataParts(features: ArrayReference(path: folder + "/x.npy"))
      parts.labels = ArrayReference(path: folder + "/y.csv")
      parts.descriptors = ArrayReference(path: folder + "/d.csv")
      parts.unseen = unseen
      parts.draws.testFraction = 0.2
      let made = try GZSLDataset.assemble(parts, to: folder + "/out")
      #expect(
        made.labels == labels && made.descriptors.columnCount == 2, "columns that number the classes describe them")
      #expect(made.notes.contains { $0.contains("'', 'class_id' left out") }, "\(made.notes)")
      return made.test.unseenClasses.map { made.classNames[$0] }
    }
  }

  @Test func namesMayLookLikeNumbers() throws {
    let codes = ["250.01", "401.9", "V27.0", "010", "10", "428"]
    #expect(try assembled(codes, ["V27.0", "010"]) == ["V27.0", "010"])
    let padded = ["007", "008", "009", "010", "011", "100"]
    #expect(try assembled(padded, ["008", "100"]) == ["008", "100"])
    #expect(
      try assembled(padded, ["8", "100"], labels: labels.map { String(Int(padded[$0]) ?? 0) }) == ["008", "100"])
    #expect(try assembled(["1", "2", "3", "4", "5", "6"], ["5", "6"]) == ["5", "6"])
    #expect(
      refusal { _ = try assembled(codes, ["V27.1"]) }?.contains("no descriptor for the unseen classes V27.1") == true)
  }

  /// A table whose classes have numbers alone is joined by them, in whatever order it lists the classes.
  @Test func numbersOfClassesJoinWhereThereAreNoNames() throws {
    try withScratch { folder in
      let path = folder + "/d.csv"
      try "label,a,b\n3,1,0\n1,2,5\n0,7,2\n".write(toFile: path, atomically: false, encoding: .utf8)
      let table = try ArrayFile(path: path).descriptorTable(named: nil)
      #expect(table.names == ["3", "1", "0"] && table.descriptors.elements == [1, 0, 2, 5, 7, 2])
    }
  }

  /// Descriptors of classes that are neither seen nor unseen: each form keeps the task, and the digest knows of it.
  @Test func classesThatAreLeftOutStaySo() throws {
    try withScratch { folder in
      let names = data.names ?? []
      let more = Matrix(rows: 8, columns: 2)
      for c in 0..<8 { for a in 0..<2 { more[c, a] = c < 6 ? data.descriptors[c, a] : Float(c + a) } }
      func write(_ path: String, unseen: [String]) throws {
        try NumpyWriter.write(
          path: path,
          archive: [
            NumpyArray("features", matrix: data.features), NumpyArray("labels", texts: labels.map { names[$0] }),
            NumpyArray("descriptors", matrix: more), NumpyArray("classes", texts: names + ["gnu", "hen"]),
            NumpyArray("unseen", texts: unseen),
          ])
      }
      try write("\(folder)/a.npz", unseen: ["eel", "fox"])
      try write("\(folder)/b.npz", unseen: ["eel", "fox", "gnu", "hen"])
      let whole = try GZSLDataset.load(folder: "\(folder)/a.npz", options: DataOptions())
      #expect(whole.test.unseenClasses == [4, 5] && whole.test.leftOutClasses(of: 8) == [6, 7])
      let other = try GZSLDataset.load(folder: "\(folder)/b.npz", options: DataOptions())
      #expect(other.contentDigest != whole.contentDigest, "another task")
      for (form, name) in [(DataForm.xlsa17, "layout"), (.prepared, "prepared"), (.npz, "again.npz")] {
        _ = try GZSLDataset.convert(
          folder: "\(folder)/a.npz", options: DataOptions(), to: "\(folder)/\(name)", form: form)
        let read = try GZSLDataset.load(folder: "\(folder)/\(name)", options: DataOptions())
        #expect(read.test == whole.test && read.contentDigest == whole.contentDigest, "\(form)")
      }
    }
  }

  /// Another descriptor file is joined by the names of att_splits.mat; a damaged one must not mean that nobody joins.
  @Test func otherDescriptorsNeedTheUsualFileWhole() throws {
    var options = DataOptions()
    options.classEmbeddingFile = "sent_splits.mat"
    try data.withFolder { folder in
      let reversed = Matrix(rows: 6, columns: 2)
      for c in 0..<6 { for a in 0..<2 { reversed[c, a] = data.descriptors[5 - c, a] } }
      try MatlabWriter.write(
        path: folder + "/sent_splits.mat",
        [
          MatlabVariable("att", .transposed(reversed)),
          MatlabVariable("allclasses_names", .cells((data.names ?? []).reversed())),
        ] + data.locations.map { MatlabVariable($0, .column($1)) })
      let joined = try GZSLDataset.load(folder: folder, options: options)
      #expect(joined.descriptors.elements == data.descriptors.elements && joined.classNames == data.names)
      let usual = folder + "/att_splits.mat"
      let bytes = try #require(FileManager.default.contents(atPath: usual))
      try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: usual))
      #expect(
        refusal { _ = try GZSLDataset.load(folder: folder, options: options) }?.contains("att_splits.mat") == true)
      try FileManager.default.removeItem(atPath: usual)
      let alone = try GZSLDataset.load(folder: folder, options: options)
      #expect(alone.notes.contains { $0.contains("which only an att_splits.mat") }, "\(alone.notes)")
    }
  }
}
