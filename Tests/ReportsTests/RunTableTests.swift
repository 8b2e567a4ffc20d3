import Files
import Foundation
import TestSupport
import Testing

@testable import Reports

@Suite struct RunTableTests {
  private func runs(_ folder: String) throws -> [(name: String, record: RunRecord)] {
    let figures: [(String, Double?, String)] = [("a/run-10", 0.25, "8"), ("a/run-9", nil, "16"), ("b", 0.5, "8")]
    for (name, harmonic, _) in figures {
      let run = try RunFolder(folder, name)
      if let harmonic { try run.write("results.json", "{\"harmonic\": \(harmonic), \"data\": \"x\"}") }
    }
    return try figures.map { name, _, noise in
      (name, try RunFolder(folder, name).record([("noise-size", noise), ("epochs", "100")]))
    }
  }

  @Test func runsAreFoundAtAnyDepthAndNotLookedInto() throws {
    try withTemporaryFolder { folder in
      _ = try runs(folder)
      try RunFolder(folder, "b/checkpoints/inner").write("config.yaml", "")
      try FileManager.default.createSymbolicLink(atPath: folder + "/a/loop", withDestinationPath: folder)
      #expect(try RunSearch.runs(under: folder) == ["a/run-9", "a/run-10", "b"].map { "\(folder)/\($0)" })
      #expect(try RunSearch.runs(under: folder + "/b") == [folder + "/b"])
      #expect(throws: FolderMissing.self) { try RunSearch.runs(under: folder + "/none") }
    }
  }

  @Test(arguments: [
    ("name", false, ["a/run-9", "a/run-10", "b"]), ("name", true, ["b", "a/run-10", "a/run-9"]),
    ("harmonic", false, ["b", "a/run-10", "a/run-9"]), ("harmonic", true, ["a/run-10", "b", "a/run-9"]),
  ]) func aColumnSortsAndWhatIsMissingComesLast(column: String, isReversed: Bool, expected: [String]) throws {
    try withTemporaryFolder { folder in
      let table = try RunTable(try runs(folder), sort: column, isReversed: isReversed)
      let names = table.lines.dropFirst().map { String($0.prefix { $0 != " " }) }
      #expect(names == expected)
      let first = try JSONValue(parsing: Array(table.jsonLines[0].utf8))
      #expect(
        first["run"]?.string == expected[0] && first["options"]?["noise-size"] != nil
          && first["options"]?["epochs"] == nil)
    }
  }

  @Test func aColumnThatDoesNotExistIsRefused() throws {
    #expect(throws: UnknownColumn.self) { try RunTable([], sort: "H", isReversed: false) }
  }

  @Test func aSingleRunDiffersFromTheDefaults() {
    let differences = OptionDifferences([[("epochs", "7"), ("batch-size", "256"), ("of-another-version", "1")]])
    #expect(
      differences.rows == [.init(name: "epochs", values: ["7"]), .init(name: "of-another-version", values: ["1"])])
    // An option that one run's version did not have yet had the default there.
    #expect(OptionDifferences([[("epochs", "100")], [("seed", "1")]]).rows == [])
  }
}
