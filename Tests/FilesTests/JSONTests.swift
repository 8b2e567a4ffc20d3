import Files
import Foundation
import Testing

/// Texts that people and other programs read: where spaces, breaks and points are.
@Suite struct JSONTests {
  private let value: JSONValue = [
    "b": .array([.integer(1), .number(-0.5), .array([]), .null]),
    "a": ["text": .string("ü \"\\/\n\u{1}"), "none": [:]],
    "c": .boolean(true),
  ]

  @Test func layouts() {
    #expect(value.text() == #"{"b":[1,-0.5,[],null],"a":{"text":"ü \"\\/\n\u0001","none":{}},"c":true}"#)
    #expect(
      value.text(.line) == #"{"b": [1, -0.5, [], null], "a": {"text": "ü \"\\/\n\u0001", "none": {}}, "c": true}"#)
    #expect(
      value.sortedByKey.text(.page) == #"""
        {
          "a" : {
            "none" : {

            },
            "text" : "ü \"\\/\n\u0001"
          },
          "b" : [
            1,
            -0.5,
            [

            ],
            null
          ],
          "c" : true
        }
        """#)
  }

  @Test(arguments: [JSONLayout.compact, .line, .page]) func readsBack(_ layout: JSONLayout) throws {
    #expect(try JSONValue(parsing: Array(value.text(layout).utf8)) == value)
  }

  @Test func numbers() {
    let numbers: [(Double, String)] = [
      (1, "1.0"), (0.1, "0.1"), (1e300, "1e+300"), (1 / 3, "0.3333333333333333"), (.nan, "null"), (.infinity, "null"),
    ]
    for (number, text) in numbers { #expect(JSONValue.number(number).text() == text) }
  }

  private struct Inner: Codable, Equatable {
    var name: String
    var absent: Int?
    var figures: [Double]
  }

  private struct Outer: Codable, Equatable {
    enum CodingKeys: String, CodingKey {
      case last = "z_last", inner, table, flag, size, choice
    }
    enum Choice: String, Codable { case one, two }
    var last: Int
    var inner: [Inner]
    var table: [String: String]
    var flag: Bool
    var size: Float
    var choice: Choice
  }

  private let outer = Outer(
    last: 7,
    inner: [
      Inner(name: "a/b", absent: nil, figures: [0, 0.25, 1, -0.0, 1e15, 1e16, 1e-300, 0.1]),
      Inner(name: "", absent: 3, figures: []),
    ], table: ["k": "v", "-": "w"], flag: false, size: 0.5, choice: .two)

  @Test func encodableTypesKeepTheOrderOfTheirKeys() throws {
    #expect(
      try JSONValue(encoding: Inner(name: "a", absent: nil, figures: [1, 0.5, .nan])).text()
        == #"{"name":"a","figures":[1,0.5,null]}"#)
    guard case .object(let members) = try JSONValue(encoding: outer) else {
      Issue.record("not an object")
      return
    }
    #expect(members.map(\.key) == ["z_last", "inner", "table", "flag", "size", "choice"])
    let decoded = try JSONDecoder().decode(Outer.self, from: Data(JSONValue(encoding: outer).text().utf8))
    #expect(decoded == outer)
  }

  /// `results.json` was Foundation's once, and looks the same.
  @Test func aPageIsWhatFoundationWrites() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    // Foundation writes the zero of -0.0 with its sign.
    var outer = outer
    outer.inner[0].figures[3] = 0
    let expected = String(decoding: try encoder.encode(outer), as: UTF8.self)
    #expect(try JSONValue(encoding: outer).sortedByKey.text(.page) == expected)
  }

  @Test func valuesThatAreNoObjects() throws {
    #expect(try JSONValue(encoding: [1, 2]).text() == "[1,2]")
    #expect(try JSONValue(encoding: "x").text() == #""x""#)
    #expect(try JSONValue(encoding: [[String]]()).text() == "[]")
    #expect(try JSONValue(encoding: Outer.Choice.one).text() == #""one""#)
  }
}
