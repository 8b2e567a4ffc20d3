import Files
import Foundation
import Reports

/// Names of classes come from files and go into others. Each format is read here by its definition, not by the code that wrote it.
enum WrittenNames {
  /// - Throws: `FuzzFinding.written`.
  static func check(_ names: [String]) throws {
    for name in names {
      try checkField(name)
      try checkPage(name)
      try checkTerminal(name)
    }
    let json = JSONValue.array(names.map(JSONValue.string)).text()
    guard try JSONValue(parsing: Array(json.utf8)).elements?.compactMap(\.string) == names else {
      throw FuzzFinding.written("JSON has other names: \(json)")
    }
    try checkGraph(names, json)
    try checkArchive(names)
  }

  // MARK: csv

  /// RFC 4180: one record of two fields, the first of them the name, with an apostrophe where a spreadsheet would compute it.
  private static func checkField(_ name: String) throws {
    let line = CsvWriter.line([CsvWriter.field(name), "1"])
    let fields = record(Array(line.utf8))
    let computed = name.utf8.first.map("=+-@\t\r\n".utf8.contains) ?? false
    // A number may stay one.
    let isNumber = Double(name.trimmingCharacters(in: .whitespaces)) != nil
    let allowed = computed ? ["'" + name] + (isNumber ? [name] : []) : [name]
    guard let fields, fields.count == 2, fields[1] == "1", allowed.contains(fields[0]) else {
      throw FuzzFinding.written("csv has \(fields ?? ["no record"]) for \(name)")
    }
  }

  /// The fields of bytes that are one record; nil where they are none, or more.
  private static func record(_ bytes: [UInt8]) -> [String]? {
    let (quote, comma, end) = (UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\n"))
    var fields: [String] = []
    var place = 0
    while place < bytes.count {
      var field: [UInt8] = []
      if bytes[place] == quote {
        place += 1
        while place < bytes.count, bytes[place] != quote || (place + 1 < bytes.count && bytes[place + 1] == quote) {
          field.append(bytes[place])
          place += bytes[place] == quote ? 2 : 1
        }
        place += 1
      } else {
        while place < bytes.count, ![comma, end, quote].contains(bytes[place]) {
          field.append(bytes[place])
          place += 1
        }
      }
      fields.append(String(decoding: field, as: UTF8.self))
      guard place < bytes.count, [comma, end].contains(bytes[place]) else { return nil }
      if bytes[place] == end { return place == bytes.count - 1 ? fields : nil }
      place += 1
    }
    return nil
  }

  // MARK: Pages and terminals

  /// Nothing that opens an element, closes an attribute, or starts a reference other than the five.
  private static func checkPage(_ name: String) throws {
    let text = ("\(name)" as Markup).text
    var read = text
    for (reference, meaning) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
      read = read.replacingOccurrences(of: reference, with: meaning, options: .literal)
    }
    guard !text.utf8.contains(where: "<>\"'".utf8.contains), Array(read.utf8) == Array(name.forTerminal.utf8) else {
      throw FuzzFinding.written("a page has \(text) for \(name.forTerminal)")
    }
  }

  private static func checkTerminal(_ name: String) throws {
    let isQuiet = name.forTerminal.unicodeScalars.allSatisfy { scalar in
      switch scalar.value {
      case 0..<0x20, 0x7F..<0xA0, 0xAD, 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF: false
      default: true
      }
    }
    guard isQuiet else { throw FuzzFinding.written("a terminal would obey \(Array(name.utf8))") }
  }

  // MARK: ONNX

  /// ModelProto: field 14 (metadata_props) is a key, field 1, with a value, field 2.
  private static func checkGraph(_ names: [String], _ json: String) throws {
    var graph = ONNXModel(name: "cegzsl classifier", programVersion: "1")
    graph.addMetadata("class_names", json)
    for name in names { graph.addMetadata(name, name) }
    let entries = try fields(graph.encoded()[...]).filter { $0.number == 14 }.map { entry in
      try fields(entry.bytes).map { String(decoding: $0.bytes, as: UTF8.self) }
    }
    let expected = [["class_names", json]] + names.map { [$0, $0] }
    guard entries.map({ $0.map { Array($0.utf8) } }) == expected.map({ $0.map { Array($0.utf8) } }) else {
      throw FuzzFinding.written("ONNX has \(entries) for \(names)")
    }
  }

  /// The fields of a message; those that have no length have no bytes here.
  private static func fields(_ message: ArraySlice<UInt8>) throws -> [(number: Int, bytes: ArraySlice<UInt8>)] {
    var rest = message
    func number() throws -> Int {
      var (value, shift) = (0, 0)
      while let byte = rest.popFirst(), shift < 56 {
        value |= Int(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      throw FuzzFinding.written("ONNX ends inside a number")
    }
    var found: [(number: Int, bytes: ArraySlice<UInt8>)] = []
    while !rest.isEmpty {
      let tag = try number()
      switch tag & 7 {
      case 0:
        _ = try number()
        found.append((tag >> 3, []))
      case 2:
        let count = try number()
        guard count <= rest.count else { throw FuzzFinding.written("ONNX ends inside a field") }
        found.append((tag >> 3, rest.prefix(count)))
        rest = rest.dropFirst(count)
      default: throw FuzzFinding.written("ONNX has a field of type \(tag & 7)")
      }
    }
    return found
  }

  // MARK: npz

  /// numpy's texts lose zeros at their end.
  private static func checkArchive(_ names: [String]) throws {
    let storage = OneFile()
    try NumpyWriter.write(path: "/names.npz", archive: [NumpyArray("names", texts: names)], storage: storage)
    let read = try ArrayFile(bytes: storage.bytes, path: "written").texts("names")
    func kept(_ name: String) -> [Unicode.Scalar] {
      Array(name.unicodeScalars.reversed().drop { $0 == "\0" }.reversed())
    }
    guard read.map(kept) == names.map(kept) else { throw FuzzFinding.written("npz has \(read) for \(names)") }
  }
}
