import Foundation
import Matrices
import Testing

@testable import Files

@Suite struct SafetensorsTests {
  /// Written by the Python package safetensors from the tensors below.
  private static let reference = """
    0AEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJzZWVkIjoiNDIgXCJ4XCJcXFxuIn0sImxhYmVscyI6eyJkdHlwZSI6Ikk2NCIsInNoYXBlIjpbMl0s
    ImRhdGFfb2Zmc2V0cyI6WzAsMTZdfSwibG9zc2VzIjp7ImR0eXBlIjoiRjY0Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMTYsMzJdfSwi
    YiI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzMyLDQ0XX0sImVtcHR5Ijp7ImR0eXBlIjoiRjMyIiwic2hhcGUi
    OlswLDRdLCJkYXRhX29mZnNldHMiOls0NCw0NF19LCJ3ZWlnaHQgXCLDvFwiIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyLDJdLCJkYXRhX29m
    ZnNldHMiOls0NCw2MF19LCJzY2FsYXIiOnsiZHR5cGUiOiJJMzIiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzYwLDY0XX0sImJ5dGVzIjp7
    ImR0eXBlIjoiVTgiLCJzaGFwZSI6WzNdLCJkYXRhX29mZnNldHMiOls2NCw2N119fSAgIAcAAAAAAAAA9/////////9Z8/jCH26lAQAAAAAAAARA
    AAAAAAAAgD4AAAA/AACAPwAAAMAAAEBAAACQQAUAAAABAv8=
    """

  private let tensors = [
    Tensor(name: "b", shape: [3], floats: [0, 0.25, 0.5]),
    Tensor(name: "weight \"ü\"", matrix: Matrix(rows: 2, columns: 2, elements: [1, -2, 3, 4.5])),
    Tensor(name: "labels", shape: [2], data: .int64([7, -9])),
    Tensor(name: "losses", shape: [2], data: .float64([1e-300, 2.5])),
    Tensor(name: "bytes", shape: [3], data: .uint8([1, 2, 255])),
    Tensor(name: "scalar", shape: [], data: .int32([5])),
    Tensor(name: "empty", shape: [0, 4], floats: []),
  ]
  private let metadata = ["seed": "42 \"x\"\\\n"]

  private func read(_ bytes: some Sequence<UInt8>) throws -> SafetensorsFile {
    try withTemporaryFile { path in
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      return try SafetensorsFile(path: path)
    }
  }

  private func withTemporaryFile<Value>(_ body: (String) throws -> Value) throws -> Value {
    let path = NSTemporaryDirectory() + "cegzsl-" + UUID().uuidString + ".safetensors"
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  private func isWhole(_ file: SafetensorsFile) throws -> Bool {
    try file.metadata == metadata && Set(file.names) == Set(tensors.map(\.name))
      && file.floats("b") == ([3], [0, 0.25, 0.5]) && file.matrix("weight \"ü\"").elements == [1, -2, 3, 4.5]
      && file.integers("labels") == ([2], [7, -9]) && file.doubles("losses") == ([2], [1e-300, 2.5])
      && file.integers("bytes") == ([3], [1, 2, 255]) && file.integers("scalar") == ([], [5])
      && file.floats("empty") == ([0, 4], []) && file.doubles("b").values == [0, 0.25, 0.5]
      && file.matrix("b").rowCount == 1
  }

  @Test func readsWhatPythonWrote() throws {
    let bytes = try #require(Data(base64Encoded: Self.reference, options: .ignoreUnknownCharacters))
    #expect(try isWhole(read(bytes)))
  }

  @Test func writesTheSameBytesAsPython() throws {
    try withTemporaryFile { path in
      let digest = try SafetensorsFile.write(path: path, tensors: tensors.shuffled(), metadata: metadata)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(bytes == Data(base64Encoded: Self.reference, options: .ignoreUnknownCharacters))
      let file = try SafetensorsFile(path: path)
      #expect(try isWhole(file))
      #expect(file.digest == digest && digest == ContentDigest(of: bytes) && digest.size == bytes.count)
      #expect(throws: StorageError.self, "an existing file is not overwritten") {
        try SafetensorsFile.write(path: path, tensors: tensors)
      }
    }
  }

  @Test func writesMatricesWithGapsAndNothingAtAll() throws {
    try withTemporaryFile { path in
      let matrix = Matrix(rows: 3, columns: 4, elements: (0..<12).map(Float.init)).columns(1..<3)
      try SafetensorsFile.write(path: path, tensors: [Tensor(name: "m", matrix: matrix)])
      #expect(try SafetensorsFile(path: path).floats("m") == ([3, 2], [1, 2, 5, 6, 9, 10]))
    }
    try withTemporaryFile { path in
      try SafetensorsFile.write(path: path, tensors: [], metadata: ["only": "metadata"])
      let file = try SafetensorsFile(path: path)
      #expect(file.tensors.isEmpty && file.metadata == ["only": "metadata"] && file.digest.size % 8 == 0)
    }
  }

  @Test func accessorsRefuseWhatDoesNotFit() throws {
    let file = try read(try #require(Data(base64Encoded: Self.reference, options: .ignoreUnknownCharacters)))
    func problem(_ body: () throws -> Void) -> SafetensorsError.Problem? {
      do { try body() } catch { return (error as? SafetensorsError)?.problem }
      return nil
    }
    #expect(problem { _ = try file.tensor("c") } == .missingTensor(name: "c", available: file.names))
    #expect(
      problem { _ = try file.floats("losses") } == .wrongType(tensor: "losses", expected: "F32", actual: "F64"))
    #expect(problem { _ = try file.doubles("labels") } != nil)
    #expect(problem { _ = try file.integers("b") } != nil)
    let cube = Tensor(name: "cube", shape: [1, 1, 1], floats: [1])
    try withTemporaryFile { path in
      try SafetensorsFile.write(path: path, tensors: [cube])
      let file = try SafetensorsFile(path: path)
      #expect(problem { _ = try file.matrix("cube") } == .wrongRank(tensor: "cube", shape: [1, 1, 1]))
    }
  }

  /// A file with this header, whose length is as stated or right, and `dataSize` zeros.
  private func file(_ header: String, dataSize: Int = 0, length: UInt64? = nil) -> [UInt8] {
    let length = length ?? UInt64(header.utf8.count)
    return withUnsafeBytes(of: length.littleEndian, Array.init) + Array(header.utf8)
      + [UInt8](repeating: 0, count: dataSize)
  }

  /// What is wrong, the header, and how many bytes of data follow.
  private static let refused: [(String, String, Int)] = [
    (
      "repeated tensor",
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1
    ),
    ("repeated field", #"{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1),
    ("repeated metadata", #"{"__metadata__":{"k":"1","k":"2"}}"#, 0),
    ("metadata not text", #"{"__metadata__":{"k":1}}"#, 0),
    ("metadata not an object", #"{"__metadata__":[]}"#, 0),
    ("array", "[]", 0), ("leading space", " {}", 0), ("text behind", "{}{}", 0), ("cut", #"{"a":{"dtype""#, 0),
    ("unknown type", #"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#, 2),
    ("no type", #"{"a":{"shape":[1],"data_offsets":[0,2]}}"#, 2),
    ("extra field", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}"#, 1),
    ("negative size", #"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, 1),
    ("fractional size", #"{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}"#, 1),
    ("size as text", #"{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}"#, 1),
    ("size beyond 64 bits", #"{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}}"#, 1),
    ("product overflow", #"{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, 0),
    ("byte overflow", #"{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}"#, 0),
    ("size and offsets differ", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4),
    ("reversed offsets", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}"#, 1),
    ("negative offset", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}"#, 1),
    ("three offsets", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}"#, 1),
    ("offset of 2^64-1", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551615]}}"#, 1),
    ("beyond the file", #"{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}"#, 8),
    ("trailing bytes", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 2),
    (
      "hole",
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#, 3
    ),
    ("hole at the start", #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, 2),
    (
      "overlap",
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#, 3
    ),
    (
      "the same twice",
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1
    ),
    ("leading zero", #"{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}"#, 1),
    ("nesting", #"{"a":"# + String(repeating: "[", count: 100_000), 0),
  ]

  @Test(arguments: refused)
  func refuses(what: String, header: String, dataSize: Int) {
    let error = #expect(throws: SafetensorsError.self, "\(what)") { try read(file(header, dataSize: dataSize)) }
    #expect(error?.description.contains(".safetensors: not a valid safetensors file: ") == true)
    #expect(error?.exitStatus == .badData)
  }

  @Test func refusesLengthsAndBytes() throws {
    func problem(_ bytes: [UInt8]) -> SafetensorsError.Problem? {
      do { _ = try read(bytes) } catch { return (error as? SafetensorsError)?.problem }
      return nil
    }
    for size in 0..<10 { #expect(problem([UInt8](repeating: 0, count: size)) == .tooShort(size: size)) }
    #expect(problem(file("{}", length: 1 << 63)) == .headerTooLong(length: 1 << 63, limit: 100_000_000))
    #expect(problem(file("{}", length: 100_000_001)) == .headerTooLong(length: 100_000_001, limit: 100_000_000))
    #expect(problem(file("{}", length: 3)) == .headerBeyondFile(length: 3, available: 2))
    #expect(problem(file("{}", length: 0)) != nil)
    #expect(problem(file("{}")) == nil)
    #expect(problem(file("{}   ")) == nil)
    let invalid = [UInt8]("{\"".utf8) + [0xFF, 0xFE] + [UInt8]("\":{}}".utf8)
    #expect(problem(withUnsafeBytes(of: UInt64(invalid.count).littleEndian, Array.init) + invalid) != nil)
  }

  /// Cut anywhere, or with any bit of the header changed: an error or a valid file, never a crash.
  @Test func alteredFilesNeverCrash() throws {
    let bytes = Array(try #require(Data(base64Encoded: Self.reference, options: .ignoreUnknownCharacters)))
    for length in stride(from: 0, to: bytes.count, by: 11) {
      #expect(throws: SafetensorsError.self, "\(length) bytes") { try read(bytes.prefix(length)) }
    }
    let headerEnd = bytes.count - 67
    for bit in stride(from: 0, to: headerEnd * 8, by: 17) {
      var altered = bytes
      altered[bit / 8] ^= 1 << (bit % 8)
      do {
        _ = try read(altered)
      } catch {
        #expect(error is SafetensorsError)
      }
    }
  }

  @Test func refusesWhatIsNoPlainFile() throws {
    try withTemporaryFile { path in
      #expect(throws: StorageError.callFailed(call: "open", path: path, code: ENOENT)) {
        try SafetensorsFile(path: path)
      }
      #expect(mkfifo(path, 0o644) == 0)
      #expect(throws: StorageError.notRegularFile(path: path)) { try SafetensorsFile(path: path) }
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/zero")
      #expect(throws: StorageError.notRegularFile(path: path)) { try SafetensorsFile(path: path) }
    }
    #expect(throws: StorageError.notRegularFile(path: "/dev/zero")) { try SafetensorsFile(path: "/dev/zero") }
    #expect(throws: StorageError.notRegularFile(path: "/")) { try SafetensorsFile(path: "/") }
  }

  @Test func jsonValues() throws {
    let text = #"{"a":[1,-2.5,true,false,null,"\u00fc\ud83d\ude00\/\t"],"b":{}}"#
    let value = try JSONValue(parsing: Array(text.utf8))
    #expect(
      value
        == .object([
          JSONMember(
            "a", .array([.integer(1), .number(-2.5), .boolean(true), .boolean(false), .null, .string("ü😀/\t")])),
          JSONMember("b", .object([])),
        ]))
    #expect(try JSONValue(parsing: Array(value.text().utf8)) == value)
    for bad in [
      #""\ud800""#, #""\ud800 \udc00""#, #""\udc00""#, #""\x""#, "\"a\nb\"", "01", "1.", "1e", "-", "+1", "nul", "[1,]",
      #"{"a":1,}"#, #"{a:1}"#, "1 2", "", "1e999", "\u{FEFF}{}",
    ] {
      #expect(throws: JSONError.self, "\(bad)") { try JSONValue(parsing: Array(bad.utf8)) }
    }
  }
}
