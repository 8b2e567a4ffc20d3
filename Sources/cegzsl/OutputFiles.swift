import Files
import Foundation
import Matrices

/// Files that commands write besides runs: each appears under its name once it is whole, or not at all.
enum OutputFile {
  /// Text into a file, or to standard output without a path.
  ///
  /// - Throws: `StorageError`, and what `body` throws.
  static func text(_ path: String?, body: ((String) throws -> Void) throws -> Void) throws {
    guard let path else { return try body { try writeOutput($0) } }
    try NewPath.replacing(path) { aside in
      _ = try DurableFile.create(aside) { sink in try body { try sink.write(Array($0.utf8)) } }
    }
  }

  /// Blocks of float32 rows into an npy file; without a path they go nowhere.
  ///
  /// - Throws: `StorageError`, and what `body` throws.
  static func rows(
    _ path: String?, count: Int, columns: Int, body: ((Matrix) throws -> Void) throws -> Void
  ) throws {
    guard let path else { return try body { _ in } }
    try NewPath.replacing(path) { aside in
      try NumpyWriter.write(path: aside, rows: count, columns: columns, body: body)
    }
  }

  /// Two outputs of one name, or one that would replace an input.
  ///
  /// - Throws: `OutputClash`.
  static func requireApart(outputs: [String?], input: String) throws {
    func place(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
    var taken = [place(input): "the input"]
    for path in outputs.compactMap({ $0 }) {
      if let other = taken.updateValue("another output", forKey: place(path)) {
        throw OutputClash(path: path, other: other)
      }
    }
  }

  private static func writeOutput(_ text: String) throws {
    do { try FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) } catch {
      let code = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError)?.code ?? Int(EPIPE)
      throw StorageError.callFailed(call: "write", path: "standard output", code: Int32(code))
    }
  }
}

struct OutputClash: ReportableError {
  let path: String
  let other: String
  var exitStatus: ExitStatus { .usage }
  var description: String { "\(path) is \(other) too; give another name" }
}
