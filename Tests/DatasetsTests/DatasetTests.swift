import Datasets
import Files
import Foundation
import Matrices
import TestSupport
import Testing

@Suite struct DatasetTests {
  @Test func readsScalesAndSplits() throws {
    let data = try SmallData().load()
    #expect(data.features.rowCount == 36 && data.features.featureSize == 3)
    #expect(data.trainingClasses == [0, 1, 2, 3] && data.test.unseenClasses == [4, 5])
    #expect(data.trainingRows.count == 20 && data.test.seenRows == [5, 11, 17, 23])
    #expect(data.classNames == ["ant", "bee", "cat", "dog", "eel", "fox"])
    let rows = Matrix(rows: data.trainingRows.count, columns: 3)
    data.features.gather(into: rows, data.trainingRows[...])
    let training = rows.elements
    #expect(training.min() == 0 && training.max() == 1)
  }

  @Test func everyProblemIsNamed() throws {
    func check(_ expected: String, _ spoil: (inout SmallData) -> Void) throws {
      var data = SmallData()
      spoil(&data)
      let found = try data.problems()
      #expect(found.contains(expected), "\(found)")
    }
    try check("image 3, dimension 2 is nan") { $0.features[2, 1] = .nan }
    try check("'labels' has 35 entries") { $0.labels.removeLast() }
    try check("labels are whole numbers from 1") { $0.labels[4] = 1.5 }
    try check("labels have both 0 and 6, but there are 6 classes") { $0.labels[0] = 0 }
    try check("'labels': row 7 is 0, but labels are whole numbers from 1") { data in
      data.labels = data.labels.map { $0 == 2 ? 0 : $0 == 6 ? 5 : $0 }
    }
    try check("exceeds the 6 classes") { $0.labels[0] = 7 }
    try check("'att' has 6 classes (columns), but 'allclasses_names' has 5") { $0.names?.removeLast() }
    try check("classes named twice: ant") { $0.names?[1] = "ant" }
    try check("test_unseen_loc is missing or empty") { $0.locations["test_unseen_loc"] = nil }
    try check("repeats 1 rows") { $0.locations["trainval_loc"]?.append(1) }
    try check("exceed the 36 rows") { $0.locations["test_seen_loc"]?.append(37) }
    try check("rows of '…_loc' have both 0 and 36, but there are 36 rows") { $0.locations["test_seen_loc"]?.append(0) }
    try check("share 1 rows, the first 1") { $0.locations["test_seen_loc"]?.append(1) }
    try check("both trained on and unseen") {
      $0.locations["trainval_loc"]?.append(36); $0.locations["test_unseen_loc"]?.removeLast()
    }
    try check("dimension 2 is inf") { $0.descriptors[3, 1] = .infinity }
  }

  @Test func transposedFeaturesAreRecognised() throws {
    var data = SmallData()
    let flipped = Matrix(rows: 3, columns: 36)
    for r in 0..<36 { for c in 0..<3 { flipped[c, r] = data.features[r, c] } }
    data.features = flipped
    #expect(try data.problems().contains("transposed"))
  }

  /// `sent_splits.mat` in another class order must give every class its own descriptor.
  @Test func descriptorsAreJoinedByName() throws {
    let data = SmallData()
    try data.withFolder { folder in
      let order = [4, 5, 0, 1, 2, 3]
      let shuffled = Matrix(rows: 6, columns: 2)
      for (place, c) in order.enumerated() {
        shuffled.rows(place..<place + 1).copy(from: data.descriptors.rows(c..<c + 1))
      }
      func write(_ names: [String]) throws {
        try? FileManager.default.removeItem(atPath: folder + "/sent_splits.mat")
        try MatlabWriter.write(
          path: folder + "/sent_splits.mat",
          [MatlabVariable("att", .transposed(shuffled)), MatlabVariable("allclasses_names", .cells(names))]
            + data.locations.map { MatlabVariable($0, .column($1)) })
      }
      var options = DataOptions()
      options.classEmbeddingFile = "sent_splits.mat"
      let names = data.names ?? []
      try write(order.map { names[$0] })
      let loaded = try GZSLDataset.load(folder: folder, options: options)
      #expect(loaded.descriptors.elements == data.descriptors.elements)
      #expect(loaded.notes.contains { $0.contains("joined by class name") })
      try write(["ant", "bee", "cat", "dog", "eel", "gnu"])
      #expect(throws: DatasetError.self) { try GZSLDataset.load(folder: folder, options: options) }
    }
  }

  @Test func validationIsKeptAside() throws {
    let whole = try SmallData().load(DataOptions())
    let derived = try whole.selecting()
    let task = derived.test
    #expect(whole.heldOut.task == task && task.classifierRows == derived.trainingRows)
    #expect(
      Set(derived.trainingRows + task.seenRows + task.unseenRows) == Set(whole.trainingRows), "no test row is in it")
    #expect(derived.contentDigest != whole.contentDigest)
    #expect(task.unseenClasses.count == 1 && derived.trainingClasses.count == 3)
    #expect(Set(derived.trainingRows).isDisjoint(with: task.seenRows + task.unseenRows))
    #expect(task.unseenRows.allSatisfy { derived.labels[$0] == task.unseenClasses[0] })
    #expect(derived.notes.contains { $0.contains("held out by seed") })

    var data = SmallData()
    // train_loc leaks a test_seen row, as in every published split.
    data.locations["train_loc"] = (1...18).map(Double.init)
    data.locations["val_loc"] = (19...24).map(Double.init)
    let given = try data.load(DataOptions()).selecting()
    #expect(given.test.unseenClasses == [3])
    #expect(Set(given.test.unseenRows) == [18, 19, 20, 21, 22])
    #expect(given.notes.contains { $0.contains("train_loc contains 3 rows that are not in trainval_loc") })
    #expect(given.fingerprint == derived.fingerprint, "the test split is the same")
  }

  @Test func damagedFilesAreRefused() throws {
    try SmallData().withFolder { folder in
      let path = folder + "/res101.mat"
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      for cut in [0, 1, 100, 127, 128, 130, 136, 140, bytes.count / 2, bytes.count - 1] {
        try bytes.prefix(cut).write(to: URL(fileURLWithPath: path))
        #expect(throws: DatasetError.self, "cut at \(cut)") {
          try GZSLDataset.load(folder: folder, options: DataOptions())
        }
      }
    }
  }

  @Test func demoDataIsReproducible() throws {
    let folder = NSTemporaryDirectory() + "cegzsl-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try DemoData.write(to: folder + "/a")
    try DemoData.write(to: folder + "/b")
    try DemoData.write(to: folder + "/c", seed: 2)
    func bytes(_ name: String) throws -> Data {
      try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)/res101.mat"))
    }
    #expect(try bytes("a") == bytes("b"))
    #expect(try bytes("a") != bytes("c"))
    let data = try GZSLDataset.load(folder: folder + "/a", options: DataOptions())
    #expect(data.trainingClasses.count == 30 && data.test.unseenClasses.count == 8)
  }
}
