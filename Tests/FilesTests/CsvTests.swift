import Files
import Foundation
import TestSupport
import Testing

@Suite struct CsvTests {
  private func file(_ text: String) throws -> ArrayFile { try ArrayFile(bytes: Array(text.utf8), path: "x.csv") }

  @Test func readsColumnsInEveryDress() throws {
    let plain = "label,f 0,f1\ncat,1,-2.5\n\"the \"\"big\"\" dog, really\",1e3,.5\n"
    for (name, text) in [
      ("plain", plain), ("Windows", plain.replacingOccurrences(of: "\n", with: "\r\n")),
      ("old Mac", plain.replacingOccurrences(of: "\n", with: "\r")), ("byte order mark", "\u{FEFF}" + plain),
      ("no newline at the end", String(plain.dropLast())),
      ("empty lines", "\n" + plain.replacingOccurrences(of: "\n", with: "\n\n")),
      ("semicolons", "label;f 0;f1\ncat;1;-2.5\n\"the \"\"big\"\" dog, really\";1e3;.5\n"),
      ("tabs", "label\tf 0\tf1\ncat\t 1\t-2.5\nthe \"big\" dog, really\t1e3\t.5 \n"),
      (
        "everything quoted",
        "\"label\",\"f 0\",\"f1\"\n\"cat\",\"1\",\"-2.5\"\n\"the \"\"big\"\" dog, really\",\"1e3\",\".5\"\n"
      ),
    ] {
      let table = try file(text)
      #expect(table.format == .csv && table.arrays.map(\.name) == ["label", "f 0", "f1"], "\(name)")
      #expect(table.arrays.map(\.kind) == [.texts, .numbers, .numbers], "\(name)")
      #expect(try table.texts("label") == ["cat", "the \"big\" dog, really"], "\(name)")
      #expect(try table.numbers("f 0") == [1, 1000] && table.numbers("f1") == [-2.5, 0.5], "\(name)")
      let rows = try table.rows(ofColumns: ["f1", "f 0"])
      #expect(
        try rows.next(1)?.elements == [-2.5, 1] && rows.next(7)?.elements == [0.5, 1000] && rows.next(1) == nil,
        "\(name)")
    }
  }

  @Test func findsOutWhetherThereIsAHeader() throws {
    func names(_ text: String) throws -> [String] { try file(text).arrays.map(\.name) }
    #expect(try names("1,2\n3,4\n") == ["1", "2"])
    #expect(try file("1,2\n3,4\n").numbers("1") == [1, 3])
    #expect(try names("a,b\n1,2\n") == ["a", "b"])
    #expect(try names("class\ncat\ndog\n") == ["class"])
    #expect(try names("cat\ndog\n") == ["1"])
    #expect(try file("cat\ndog\n").texts("1") == ["cat", "dog"])
    #expect(try names("1,2\n") == ["1", "2"], "a single row to predict")
    // pandas' numbered columns, with and without its index.
    #expect(try names("0,1,2\n0.5,1,2\n") == ["0", "1", "2"])
    #expect(try names(",0,1\n0,0.5,1\n1,2,3\n") == ["", "0", "1"])
    #expect(try names("cat,1,2\ndog,3,4\n") == ["1", "2", "3"])
  }

  /// numpy.savetxt and the files of AwA; spaces in names stay what they are.
  @Test func spacesMaySeparate() throws {
    #expect(try file("1.0 2.5\n3 4\n").numbers("2") == [2.5, 4])
    #expect(try file("   -1.00    2.50 \n  3.00   4.00\n").numbers("1") == [-1, 3])
    #expect(try file("a b c\r\n1 2 3\r\n4 5 6 \r\n").numbers("c") == [3, 6])
    #expect(try file("polar bear\ngrizzly bear\n").texts("1") == ["polar bear", "grizzly bear"])
    #expect(try file("class 1\nclass 2\n").texts("1") == ["class 1", "class 2"])
    #expect(try file("polar bear,1,2\nsea otter,3,4\n").texts("1") == ["polar bear", "sea otter"])
  }

  /// A name that somebody asks for is that of a column, however much the first line looks like the others.
  @Test func anAskedNameMakesAHeader() throws {
    let path = NSTemporaryDirectory() + "cegzsl-" + UUID().uuidString + ".csv"
    try "image,species\na.jpg,cat\nb.jpg,dog\n".write(toFile: path, atomically: false, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let plain = try ArrayFile(path: path)
    #expect(plain.arrays.map(\.name) == ["1", "2"])
    let asked = try ArrayFile(path: path, headings: ["species"])
    #expect(try asked.texts("species") == ["cat", "dog"])
    let other = try ArrayFile(path: path, headings: ["kind"])
    #expect(other.arrays.map(\.name) == ["1", "2"])
  }

  @Test func otherEncodingsAreNamed() throws {
    let bytes: [UInt8] = Array("class,a\nb,1\ncaf".utf8) + [0xE9] + Array(",2\n".utf8)
    #expect(refusal { _ = try ArrayFile(bytes: bytes, path: "x.csv") }?.contains("line 3 is no UTF-8") == true)
  }

  @Test func aBadCellIsNamed() throws {
    func said(_ text: String) -> String {
      refusal {
        let table = try file(text)
        _ = try table.rows(ofColumns: table.arrays.filter { $0.kind == .numbers }.map(\.name)).next(100)
      } ?? "nothing"
    }
    #expect(said("a,b\n1,2\n3,x\n5,6\n7,8\n").contains("row 2 (line 3), column 'b': \"x\" is not a number"))
    #expect(said("a,b\n1,2\n3,\n5,6\n").contains("row 2 (line 3), column 'b': the cell is empty"))
    #expect(said("a;b\n1,5;2\n2;3\n").contains("decimals are written with a point"))
    #expect(said("a,b\n1,2\n3\n").contains("line 3 has 1 fields, line 1 has 2"))
    #expect(said("a,b\n1,\"2\n").contains("line 2: a quote is opened and never closed"))
    #expect(said("a,b\n1,\"2\"3\n").contains("a quoted field is followed by more"))
    #expect(said("").contains("is empty"))
    #expect(said("a,b\n\u{0},2\n").contains("no format that is read"))
  }

  /// The quick way to a number gives the bits of the C library.
  @Test func numbersAreExact() throws {
    var generator = SystemRandomNumberGenerator()
    var texts = [
      "0.1", "-0.0", "123456789012345", "1234567890123456789", "0.000001234", "nan", "-inf", "1e-400", "4.9e-324",
      "1e22", "9007199254740993",
    ]
    for _ in 0..<2000 {
      let value =
        Double.random(in: -1...1, using: &generator) * pow(10, Double(Int.random(in: -30...30, using: &generator)))
      texts.append(
        ["\(value)", String(format: "%.6f", value), String(format: "%.3e", value)].randomElement(using: &generator)
          ?? "0")
    }
    let read = try file("x\n" + texts.joined(separator: "\n") + "\n").numbers("x")
    for (text, number) in zip(texts, read) {
      let expected = strtod(text, nil)
      #expect(number.bitPattern == expected.bitPattern || (number.isNaN && expected.isNaN), "\(text)")
    }
  }

  /// What is written reads back (but for spaces at the ends), and is no formula to a spreadsheet.
  @Test(arguments: [
    ("zebra", "zebra"), ("killer whale", "killer whale"), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""),
    ("two\nlines", "\"two\nlines\""), ("two\r\nlines", "\"two\r\nlines\""), (" edge", "\" edge\""), ("a;b", "\"a;b\""),
    ("=1+2", "'=1+2"), ("@sum", "'@sum"), ("+cmd", "'+cmd"), ("-2+3", "'-2+3"), ("\t=1", "\"'\t=1\""),
    ("=\u{301}x", "'=\u{301}x"), ("=a,\"b\"", "\"'=a,\"\"b\"\"\""), ("-3", "-3"), ("+1.5e3", "+1.5e3"),
    ("größer", "größer"), ("", ""), ("a\"\u{301},b", "\"a\"\"\u{301},b\""), ("a \u{301}", "a \u{301}"),
  ]) func fieldsAreQuotedAndNoFormulas(_ text: String, _ field: String) throws {
    #expect(CsvWriter.field(text) == field)
    let read = try file(CsvWriter.line(["class", "x"]) + CsvWriter.line([CsvWriter.field(text), "1"]) + "a,2\nb,3\n")
    let expected =
      field.hasPrefix("'") || field.hasPrefix("\"'") ? "'" + text : text.trimmingCharacters(in: .whitespaces)
    #expect(try read.texts("class").first?.unicodeScalars.elementsEqual(expected.unicodeScalars) == true)
  }
}
