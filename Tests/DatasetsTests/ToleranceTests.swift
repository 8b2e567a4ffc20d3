import Files
import Foundation
import Matrices
import Testing

@testable import Datasets

/// Folders as people have them: read like the tidy one, with a note where something was guessed, or refused with the
/// hint that helps.
@Suite struct ToleranceTests {
  private func folder(_ kind: String) throws -> String {
    try #require(Bundle.module.url(forResource: "Fixtures/\(kind)", withExtension: nil)).path
  }

  /// What scipy and h5py wrote (`Fixtures/make_folders.py`).
  @Test(arguments: [
    ("good", ""), ("char_names", ""), ("integers", ""), ("label_names", ""), ("plain_hdf5", ""), ("sparse", ""),
    ("logical_masks", "masks of the 36 rows"), ("numeric_masks", "masks of the 36 rows"),
    ("sparse_masks", "masks of the 36 rows"),
    ("plain_hdf5_masks", "masks of the 36 rows"), ("from_zero", "labels and rows count from 0"),
    ("struct", "read from inside 'data'"), ("nested_struct", "read from inside 'data.inner'"),
    ("plain_hdf5_rows", "'features' is 36×3, a row for each of the 36 rows"),
  ])
  func readsWhatPeopleHave(_ kind: String, note: String) throws {
    let tidy = try SmallData().load()
    let data = try GZSLDataset.load(folder: folder(kind), options: DataOptions())
    #expect(data.contentDigest == tidy.contentDigest)
    #expect(data.classNames == tidy.classNames)
    #expect(note.isEmpty ? data.notes.isEmpty : data.notes.contains { $0.contains(note) }, "\(data.notes)")
  }

  private func check(_ expected: String, _ options: DataOptions = DataOptions(), _ spoil: (inout SmallData) -> Void)
    throws
  {
    var data = SmallData()
    spoil(&data)
    let found = try data.problems(options)
    #expect(found.contains(expected), "\(found)")
    #expect(!found.contains("\n"), "one cause, one problem: \(found)")
  }

  @Test func transposedMatricesAreRecognised() throws {
    func flip(_ matrix: Matrix) -> Matrix {
      let flipped = Matrix(rows: matrix.columnCount, columns: matrix.rowCount)
      for r in 0..<matrix.rowCount { for c in 0..<matrix.columnCount { flipped[c, r] = matrix[r, c] } }
      return flipped
    }
    try check("'features' seems transposed: it must be X×N, so 3×36 instead of 36×3") {
      $0.features = flip($0.features)
    }
    try check("'att' is 6×2 and seems transposed: it must be A×C, one column for each of the 6 classes, so 2×6") {
      $0.descriptors = flip($0.descriptors)
    }
    try check("seems transposed") {
      $0.descriptors = flip($0.descriptors)
      $0.names = nil
    }
  }

  /// Both from 0 is read, one of them is asked about, and the options answer.
  @Test func numbersFromZero() throws {
    func shift(_ data: inout SmallData, labels: Bool, rows: Bool) {
      if labels { data.labels = data.labels.map { $0 - 1 } }
      if rows { data.locations = data.locations.mapValues { $0.map { $0 - 1 } } }
    }
    let tidy = try SmallData().load().contentDigest
    var both = SmallData()
    shift(&both, labels: true, rows: true)
    #expect(try both.load().contentDigest == tidy)
    try check("Counts from 0? Then give --first-label 0") { shift(&$0, labels: true, rows: false) }
    try check("Counts from 0? Then give --first-row 0") { shift(&$0, labels: false, rows: true) }
    var options = DataOptions()
    options.firstLabel = .zero
    var labels = SmallData()
    shift(&labels, labels: true, rows: false)
    #expect(try labels.load(options).contentDigest == tidy)
    options = DataOptions()
    options.firstRow = .zero
    var rows = SmallData()
    shift(&rows, labels: false, rows: true)
    #expect(try rows.load(options).contentDigest == tidy)
    try check("rows of '…_loc' run from 1 to 36, which does not count 36 rows from 0", options) { _ in }
    // A mask counts nothing.
    var masked = SmallData()
    shift(&masked, labels: true, rows: false)
    for (name, list) in masked.locations { masked.locations[name] = (1...36).map { list.contains(Double($0)) ? 1 : 0 } }
    #expect(try masked.load().contentDigest == tidy)
  }

  @Test func oneCauseIsOneProblem() throws {
    #expect(
      throws: DatasetError(
        folder: try folder("complex"),
        problems: [
          "\(try folder("complex"))/att_splits.mat, variable 'att': is complex: its numbers have an imaginary part; "
            + "store real(…)"
        ])
    ) { try GZSLDataset.load(folder: folder("complex"), options: DataOptions()) }
    try check("'labels' is empty") { $0.labels = [] }
    try check("row 5 is 1.5; labels are whole numbers") { $0.labels[4] = 1.5 }
    try check("the features are all zero") { $0.features = Matrix(rows: 36, columns: 3) }
    try check("the features are the same in every training row") { data in
      for r in 0..<36 { for c in 0..<3 { data.features[r, c] = Float(c) + 1 } }
    }
    try check("the features of dimension 2 run from -3e+38 over a range that float32 cannot hold") { data in
      data.features[0, 1] = -3e38
      data.features[6, 1] = 3e38
    }
    try check("all 6 descriptors are equal") { $0.descriptors.fill(2) }
    try check("must be a list") { data in
      // Written as a matrix below: 2×18 in MATLAB.
      data.extra = [MatlabVariable("trainval_loc", .transposed(Matrix(rows: 18, columns: 2)))]
      data.locations["trainval_loc"] = nil
    }
    try check("'labels' is 36×6, must be N×1: one number for each row; from a one-hot matrix, the place of the one") {
      data in
      let oneHot = Matrix(rows: 6, columns: 36)
      for r in 0..<36 { oneHot[r / 6, r] = 1 }
      data.labelMatrix = oneHot
    }
  }

  @Test func classesWithoutTestRowsAreNamed() throws {
    var data = SmallData()
    data.locations["test_unseen_loc"]?.removeAll { $0 > 30 }
    let unseen = try data.load()
    #expect(unseen.test.unseenClasses == [4, 5], "a candidate all the same")
    #expect(
      unseen.notes.contains { $0.contains("no test row in 1 unseen class") && $0.hasSuffix(": fox") }, "\(unseen.notes)"
    )
    data = SmallData()
    data.locations["test_seen_loc"]?.removeAll { $0 <= 12 }
    #expect(
      try data.load().notes.contains { $0.contains("no test row in 2 seen classes") && $0.hasSuffix(": ant, bee") })
    // None at all, and said so.
    data = SmallData()
    data.locations["test_unseen_loc"] = []
    #expect(try data.load().notes.contains { $0.contains("U, H and T1 are not measured") })
  }

  @Test func equalDescriptorsAreNamed() throws {
    let data = SmallData()
    data.descriptors[5, 0] = data.descriptors[1, 0]
    data.descriptors[5, 1] = data.descriptors[1, 1]
    let notes = try data.load().notes
    #expect(notes.contains { $0.contains("the same descriptor: bee (seen), fox (unseen)") }, "\(notes)")
  }

  /// `--select validation` where nothing can be kept aside says why, in training and in the report.
  @Test func validationThatCannotBeHeldOut() throws {
    func refuses(_ data: SmallData, _ cause: String) throws {
      let dataset = try data.load()
      #expect(dataset.heldOut.task == nil)
      let error = #expect(throws: DatasetError.self) { try dataset.selecting() }
      #expect(error?.problems.count == 1 && error?.problems[0].contains(cause) == true, "\(error?.problems ?? [])")
    }
    let cause = "no seen class has a second training row"
    var data = SmallData()
    data.locations["trainval_loc"] = [1, 7, 13, 19]
    try refuses(data, cause)
    try data.withFolder { folder in
      let report = DatasetReport(folder: folder, options: DataOptions())
      #expect(report.problems.isEmpty)
      #expect(
        report.lines.contains { $0.contains("with --select validation: not possible") && $0.contains(cause) },
        "\(report.lines)")
    }
    data = SmallData()
    data.locations["trainval_loc"]?.removeAll { $0 > 12 }
    data.locations["test_seen_loc"]?.removeAll { $0 > 12 }
    try refuses(data, "2 seen classes are too few")
  }

  /// Published splits come without their features; they can be looked at all the same.
  @Test func aFolderWithoutFeaturesShowsItsSplit() throws {
    try SmallData().withFolder { folder in
      try FileManager.default.removeItem(atPath: folder + "/res101.mat")
      let report = DatasetReport(folder: folder, options: DataOptions())
      #expect(report.problems.count == 1 && report.problems[0].contains("has no res101.mat"), "\(report.problems)")
      #expect(
        report.lines.contains("trainval_loc: 20 rows") && report.lines.contains { $0.hasPrefix("split: unknown") })
    }
  }

  @Test func foldersOfOtherThingsGetAdvice() throws {
    func said(_ files: [String: String]) throws -> String {
      try withScratch { folder in
        for (name, text) in files { try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8) }
        let problems = DatasetReport(folder: folder, options: DataOptions()).problems
        #expect(problems.count == 1 || files.count == 2, "\(problems)")
        return problems.first ?? "none"
      }
    }
    #expect(try said(["a.npz": ""]).contains("give the file itself: --data"))
    #expect(try said(["rows.csv": "", "classes.csv": ""]).contains("cegzsl assemble --features FILE"))
    #expect(try said([:]).contains("nothing else to read either"))
    #expect(try said(["res101.mat": "<html>", "att_splits.mat": "<html>"]).contains("is text, no MATLAB or HDF5 file"))
    #expect(
      DatasetReport(folder: "/nowhere", options: DataOptions()).problems.first?.contains("there is no folder /nowhere")
        == true)
  }
}
