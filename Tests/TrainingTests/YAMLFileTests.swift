import Files
import TestSupport
import Testing

@testable import Training

/// Files of mappings and lists, and what a few lines may make of memory and time.
@Suite struct YAMLFileTests {
  private func refusal(_ text: String) -> String? {
    TestSupport.refusal { _ = try YAMLFile.value(text, path: "s.yaml") }
  }

  @Test func valuesKeepTheirOrderAndTheirText() throws {
    let value = try YAMLFile.value("b: [1, 01]\na: &x {c: 1e-4}\nd: *x\n'*': 'a *b'\n", path: "s.yaml")
    #expect(value.text() == #"{"b":["1","01"],"a":{"c":"1e-4"},"d":{"c":"1e-4"},"*":"a *b"}"#)
    #expect(try YAMLFile.value("", path: "s.yaml").members?.isEmpty == true)
    #expect(refusal("a: 1\nb: [\n")?.contains("s.yaml, line 2") == true)
    #expect(refusal("a: 1\nb: 2\na: 3\n")?.contains("line 3: 'a' is given twice, first on line 1") == true)
  }

  /// Each of a chain of lists has nine times the list before.
  private func chain(_ count: Int, width: Int) -> String {
    let rest = (1...count).map { k in
      "a\(k): &a\(k) [" + Array(repeating: "*a\(k - 1)", count: width).joined(separator: ", ") + "]\n"
    }
    return "a0: &a0 [0, 0, 0, 0, 0, 0, 0, 0, 0]\n" + rest.joined()
  }

  @Test func referencesDoNotStandForMoreThanAFileMayHave() {
    // 9^10 values, and as a name, whose hash would visit them all.
    #expect(refusal(chain(10, width: 9))?.contains("more than 16 references") == true)
    #expect(
      refusal("? " + chain(10, width: 9).replacing("\n", with: "\n  "))?.contains("more than 16 references") == true)
    // Sixteen: 9 · 3^5 of the longest list, and 2^8.
    #expect(refusal(chain(5, width: 3)) == nil && refusal(chain(8, width: 2)) == nil)
    let long = "a0: &a0 [" + Array(repeating: "0", count: 1000).joined(separator: ", ") + "]\n"
    #expect(
      refusal(long + chain(5, width: 3).split(separator: "\n").dropFirst().joined(separator: "\n"))?.contains(
        "100000 values") == true)
    // What only looks like references.
    let bullets = String(repeating: "# * point *point &point\n", count: 30)
    #expect(refusal(bullets + "a: &x 1\nb: *x\n") == nil)
    #expect(refusal("a: [" + (0..<30).map { "'\($0) *x'" }.joined(separator: ", ") + "]\n") == nil)
    let deep = String(repeating: "[", count: 33) + String(repeating: "]", count: 33)
    #expect(refusal("a: " + deep)?.contains("32 deep") == true)
  }

  @Test func aByteOrderMarkIsNoText() throws {
    let text = "\u{FEFF}epochs: 2\nbatch-size: 20\n"
    #expect(try YAMLFile.value(text, path: "s.yaml") == ["epochs": .string("2"), "batch-size": .string("20")])
    let options = try ConfigurationFile.parse(text, path: "s.yaml")
    #expect(options.map(\.name) == ["epochs", "batch-size"] && options.map(\.value) == ["2", "20"])
  }
}
