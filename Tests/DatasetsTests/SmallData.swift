import Datasets
import Files
import Foundation
import Matrices

/// A folder of six classes, four seen and two unseen, that each test may spoil in one way.
struct SmallData {
  var features = Matrix(rows: 36, columns: 3)
  var labels = (0..<36).map { Double($0 / 6 + 1) }
  var descriptors = Matrix(rows: 6, columns: 2)
  var names: [String]? = ["ant", "bee", "cat", "dog", "eel", "fox"]
  var locations: [String: [Double]] = [:]
  /// More variables of `att_splits.mat`.
  var extra: [MatlabVariable] = []
  /// Stands in for the labels.
  var labelMatrix: Matrix?

  init() {
    for r in 0..<36 { for c in 0..<3 { features[r, c] = Float((r * 7 + c * 5) % 11) - 3 } }
    for c in 0..<6 {
      descriptors[c, 0] = Float(c) + 1
      descriptors[c, 1] = Float(c * c)
    }
    for row in 0..<36 {
      let name = row >= 24 ? "test_unseen_loc" : row % 6 == 5 ? "test_seen_loc" : "trainval_loc"
      locations[name, default: []].append(Double(row + 1))
    }
  }

  /// Runs `body` on the folder in the xlsa17 layout and removes it.
  func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = NSTemporaryDirectory() + "cegzsl-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try MatlabWriter.write(
      path: folder + "/res101.mat",
      [
        MatlabVariable("features", .transposed(features)),
        MatlabVariable("labels", labelMatrix.map { .transposed($0) } ?? .column(labels)),
      ])
    try MatlabWriter.write(
      path: folder + "/att_splits.mat",
      [MatlabVariable("att", .transposed(descriptors))]
        + (names.map { [MatlabVariable("allclasses_names", .cells($0))] } ?? [])
        + locations.map { MatlabVariable($0, .column($1)) } + extra)
    return try body(folder)
  }

  func load(_ options: DataOptions = DataOptions()) throws -> GZSLDataset {
    try withFolder { try GZSLDataset.load(folder: $0, options: options) }
  }

  /// The problems that loading reports.
  func problems(_ options: DataOptions = DataOptions()) throws -> String {
    do {
      _ = try load(options)
      return "none"
    } catch let error as DatasetError {
      return error.problems.joined(separator: "\n")
    }
  }
}

/// An empty folder for `body`, removed afterwards.
func withScratch<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = NSTemporaryDirectory() + "cegzsl-" + UUID().uuidString
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}
