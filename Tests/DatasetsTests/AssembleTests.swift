import Files
import Foundation
import Matrices
import Testing

@testable import Datasets

/// The parts of `SmallData` in other files, brought into the layout.
@Suite struct AssembleTests {
  private let data = SmallData()
  private var names: [String] { data.names ?? [] }
  private var labels: [Int] { data.labels.map { Int($0) - 1 } }
  private var testSeen: [Int] { (data.locations["test_seen_loc"] ?? []).map { Int($0) - 1 } }

  private func assemble(_ folder: String, _ change: (inout DataParts) -> Void = { _ in }) throws -> GZSLDataset {
    var parts = DataParts(features: ArrayReference(path: folder + "/x.npy"))
    parts.labels = ArrayReference(path: folder + "/y.npy")
    parts.descriptors = ArrayReference(path: folder + "/classes.csv")
    parts.unseen = ["eel", "fox"]
    parts.split = ArrayReference(path: folder + "/test.npy")
    change(&parts)
    let made = try GZSLDataset.assemble(parts, to: folder + "/out")
    defer { try? FileManager.default.removeItem(atPath: folder + "/out") }
    let read = try GZSLDataset.load(folder: folder + "/out", options: DataOptions())
    #expect(read.contentDigest == made.contentDigest && read.classNames == made.classNames)
    return made
  }

  /// Runs `body` on a folder with the parts as numpy and a table have them.
  private func withParts(_ body: (String) throws -> Void) throws {
    try withScratch { folder in
      func save(_ name: String, _ array: NumpyArray) throws { try NumpyWriter.write(path: "\(folder)/\(name)", array) }
      try save("x.npy", NumpyArray("x", matrix: data.features))
      try save("y.npy", NumpyArray("y", texts: labels.map { names[$0] }))
      try save("numbers.npy", NumpyArray("y", integers: labels))
      try save("d.npy", NumpyArray("d", matrix: data.descriptors))
      try save("names.npy", NumpyArray("names", texts: names))
      try save("five.npy", NumpyArray("names", texts: Array(names.dropLast())))
      try save("test.npy", NumpyArray("test", integers: testSeen))
      try save("mask.npy", NumpyArray("mask", shape: [36], .uint8((0..<36).map { testSeen.contains($0) ? 1 : 0 })))
      try write("\(folder)/unseen.txt", "eel\nfox\n")
      try write(
        "\(folder)/classes.csv", "class,a,b\n" + names.indices.map { "\(names[$0]),\($0 + 1),\($0 * $0)\n" }.joined())
      // Rows with a word of the split, and something that is no feature.
      let rows = (0..<36).map { r in
        let word = data.locations["trainval_loc"]?.contains(Double(r + 1)) == true ? "train" : "test"
        let features = (0..<3).map { "\(data.features[r, $0])" }.joined(separator: ",")
        return "image\(r).png,\(names[labels[r]]),\(word),\(features)\n"
      }
      try write("\(folder)/rows.csv", "file,label,split,f0,f1,f2\n" + rows.joined())
      try body(folder)
    }
  }

  private func write(_ path: String, _ text: String) throws {
    try text.write(toFile: path, atomically: false, encoding: .utf8)
  }

  @Test func everyFormOfEveryPart() throws {
    try withParts { folder in
      func file(_ name: String) -> ArrayReference { ArrayReference("\(folder)/\(name)") }
      let tidy = try data.load().contentDigest
      let forms: [(String, (inout DataParts) -> Void)] = [
        ("rows and names", { _ in }),
        ("a mask", { $0.split = file("mask.npy") }),
        ("numbers for labels", { $0.labels = file("numbers.npy") }),
        (
          "descriptors in class order",
          {
            $0.descriptors = file("d.npy"); $0.classNames = file("names.npy")
          }
        ),
        (
          "nothing has a name",
          {
            $0.labels = file("numbers.npy"); $0.descriptors = file("d.npy"); $0.unseen = ["4", "5"]
          }
        ),
        (
          "a table",
          {
            $0 = DataParts(features: file("rows.csv"))
            $0.descriptors = file("classes.csv")
          }
        ),
        (
          "a table, its columns named",
          {
            $0.features = file("rows.csv"); $0.labels = file("rows.csv:label"); $0.split = file("rows.csv:split");
            $0.unseen = nil
          }
        ),
      ]
      for (name, change) in forms { #expect(try assemble(folder, change).contentDigest == tidy, "\(name)") }
    }
  }

  @Test func namesThatNumpyAndPandasUsersGive() throws {
    try withScratch { folder in
      let tidy = try data.load().contentDigest
      let path = folder + "/a.npz"
      let basic = [
        NumpyArray("X", matrix: data.features), NumpyArray("y", texts: labels.map { names[$0] }),
        NumpyArray("attributes", matrix: data.descriptors), NumpyArray("class_names", texts: names),
      ]
      let unseen = NumpyArray("unseen_classes", texts: ["eel", "fox"])
      let training = (0..<24).filter { !testSeen.contains($0) }
      for (name, more) in [
        ("test rows", [unseen, NumpyArray("test_idx", integers: testSeen)]),
        (
          "a mask",
          [unseen, NumpyArray("test_mask", shape: [36], .uint8((0..<36).map { testSeen.contains($0) ? 1 : 0 }))]
        ),
        (
          "test rows of both",
          [NumpyArray("train", integers: training), NumpyArray("test", integers: testSeen + Array(24..<36))]
        ),
        (
          "rows from 1, as the layout has them",
          [
            NumpyArray("trainval_loc", integers: training.map { $0 + 1 }),
            NumpyArray("test_seen_loc", integers: testSeen.map { $0 + 1 }),
            NumpyArray("test_unseen_loc", integers: Array(25...36)),
          ]
        ),
      ] as [(String, [NumpyArray])] {
        try? FileManager.default.removeItem(atPath: path)
        try NumpyWriter.write(path: path, archive: basic + more)
        #expect(try GZSLDataset.load(folder: path, options: DataOptions()).contentDigest == tidy, "\(name)")
      }
    }
  }

  @Test func whatIsMissingOrDoesNotFitIsSaid() throws {
    try withParts { folder in
      func file(_ name: String) -> ArrayReference { ArrayReference("\(folder)/\(name)") }
      func check(_ expected: String, _ change: (inout DataParts) -> Void) {
        do {
          _ = try assemble(folder, change)
          Issue.record("nothing was refused: \(expected)")
        } catch {
          let said = (error as? DatasetError)?.problems ?? ["\(error)"]
          #expect(said.count == 1 && said[0].contains(expected), "\(said)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
      }
      check("no array 'labels'") { $0.labels = nil }
      check("No such file") { $0.features = file("nowhere.npy") }
      check("has class names, but the descriptors have none") { $0.descriptors = file("d.npy") }
      check("no descriptor for the unseen classes gnu") { $0.unseen = ["eel", "gnu"] }
      check("there are 6 descriptors, but 5 class names") { parts in
        (parts.descriptors, parts.classNames, parts.labels) = (file("d.npy"), file("five.npy"), file("numbers.npy"))
        parts.unseen = ["4", "5"]
      }
      check("unseen class 6 does not exist: there are 6 classes, counted from 0") { parts in
        (parts.labels, parts.unseen) = (file("numbers.npy"), ["6"])
      }
      check("nothing says which classes are unseen") {
        $0.unseen = nil; $0.split = nil
      }
      check("every class with a descriptor is trained on") { $0.unseen = nil }
      check("--unseen-fraction: the split says already") { $0.draws.unseenFraction = 0.3 }
      check("--test-fraction: 4 test rows of seen classes are given already") { $0.draws.testFraction = 0.3 }
      check("has no 'f9'; it has file, label, split, f0, f1, …") { $0.labels = file("rows.csv:f9") }
      try NumpyWriter.write(path: folder + "/middle.npy", NumpyArray("y", integers: labels.map { max(1, min(4, $0)) }))
      check("counts from 0 or from 1? Give --first-label 0 or 1") { parts in
        (parts.labels, parts.descriptors, parts.unseen) = (file("middle.npy"), file("d.npy"), ["4", "5"])
      }
      try write(
        folder + "/bad.csv", "file,label,split,f0\n" + (0..<36).map { "a,ant,train,\($0 == 20 ? "x" : "1")\n" }.joined()
      )
      check("row 21 (line 22), column 'f0': \"x\" is not a number") { $0.features = file("bad.csv") }
      try write(folder + "/words.csv", "split\n" + (0..<36).map { $0 == 3 ? "later\n" : "train\n" }.joined())
      check("row 4 is \"later\"; words of a split are train, val") { $0.split = file("words.csv") }
    }
  }

  @Test func splitsAreDrawnFromTheSeed() throws {
    try withParts { folder in
      func draw(_ seed: UInt64) throws -> GZSLDataset {
        try assemble(folder) { parts in
          (parts.unseen, parts.split) = (nil, nil)
          (parts.draws.unseenFraction, parts.draws.testFraction, parts.draws.seed) = (0.3, 0.25, seed)
        }
      }
      let first = try draw(1)
      #expect(first.test.unseenClasses.count == 2 && first.test.seenClasses.count == 4)
      #expect(first.test.unseenRows.count == 12 && first.test.seenRows.count == 8, "two rows of each of four classes")
      #expect(Set(first.test.seenRows).isDisjoint(with: first.test.classifierRows))
      #expect(try draw(1).contentDigest == first.contentDigest)
      #expect(try (2...6).contains { try draw($0).test.unseenClasses != first.test.unseenClasses })
      // A split in the file of the features gives way to what is drawn.
      let table = try assemble(folder) { parts in
        parts = DataParts(features: ArrayReference(path: folder + "/rows.csv"))
        parts.descriptors = ArrayReference(path: folder + "/classes.csv")
        (parts.draws.unseenFraction, parts.draws.testFraction) = (0.3, 0.25)
      }
      #expect(table.contentDigest == first.contentDigest)
      #expect(table.notes.contains { $0.contains("has a split, which is not used") })
    }
  }

  /// Of every class some rows, but one at least still trains.
  @Test(arguments: [0.01, 0.5, 0.99]) func drawnRowsLeaveSomeToTrain(_ fraction: Double) throws {
    var draws = SplitDraws()
    draws.testFraction = fraction
    // 1, 2, 3 and 10 rows of seen classes, and two of an unseen one.
    let labels = [0, 1, 1, 2, 2, 2] + [Int](repeating: 3, count: 10) + [4, 4]
    let plan = try SplitPlan(labels: labels, classCount: 5, given: [:], named: [4], draws: draws) { "\($0)" }
    func counts(_ list: String) -> [Int] {
      let rows = plan.locations[list] ?? []
      return (0..<5).map { c in rows.count { labels[$0] == c } }
    }
    let test = [0.01: [0, 1, 1, 1, 0], 0.5: [0, 1, 2, 5, 0], 0.99: [0, 1, 2, 9, 0]][fraction]
    #expect(counts("test_seen") == test)
    #expect(zip(counts("trainval"), counts("test_seen")).map { $0 + $1 } == [1, 2, 3, 10, 0])
    #expect(plan.locations["test_unseen"] == [16, 17])
  }

  @Test func everyFormGivesTheSameData() throws {
    try data.withFolder { folder in
      let tidy = try data.load().contentDigest
      var from = folder
      for (name, form) in [
        ("a.npz", DataForm.npz), ("b", .xlsa17), ("c", .prepared), ("d.npz", .npz), ("e", .prepared), ("f", .xlsa17),
      ] {
        let to = "\(folder)/\(name)"
        let converted = try GZSLDataset.convert(folder: from, options: DataOptions(), to: to, form: form)
        #expect(converted.contentDigest == tidy, "\(name)")
        #expect(try GZSLDataset.load(folder: to, options: DataOptions()).contentDigest == tidy, "\(name)")
        #expect(throws: PathTaken.self) {
          try GZSLDataset.convert(folder: from, options: DataOptions(), to: to, form: form)
        }
        from = to
      }
      #expect(try ArrayFile(path: folder + "/a.npz").numbers("test_seen") == [5, 11, 17, 23], "rows from 0")
      func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")) }
      #expect(try bytes("a.npz") == bytes("d.npz"))
      #expect(try bytes("b/att_splits.mat") == bytes("f/att_splits.mat"))
    }
  }
}
