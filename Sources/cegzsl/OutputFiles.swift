import Datasets
import Files
import Foundation
import Matrices
import Training

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

  /// Two outputs of one name, one that would replace an input, or a file that belongs to an input folder (data, or a run), and what is no
  /// plain file; before the work begins whose result would be lost.
  ///
  /// - Throws: `OutputClash`, `PathEmpty`, `StorageError.notRegularFile`.
  static func requireApart(outputs: [String?], inputs: [String]) throws {
    let folders = Set(inputs.map(resolvedPath))
    var taken = Dictionary(uniqueKeysWithValues: folders.map { ($0, "the input") })
    for path in outputs.compactMap({ $0 }) {
      guard !path.isEmpty else { throw PathEmpty() }
      if let there = try PosixStorage().kind(of: path), there != .file { throw StorageError.notRegularFile(path: path) }
      let own = resolvedPath(path)
      if let other = taken.updateValue("another output", forKey: own) { throw OutputClash(path: path, other: other) }
      if folders.contains(parentFolder(of: own)), belongsToFolder((own as NSString).lastPathComponent),
        FileManager.default.fileExists(atPath: own)
      {
        throw OutputClash(path: path, other: "a file of the input \(parentFolder(of: path))")
      }
    }
  }

  /// A new run's directory that is the data folder.
  ///
  /// - Throws: `OutputClash`.
  static func requireApart(folder: String, input: String) throws {
    guard !folder.isEmpty, !input.isEmpty, resolvedPath(folder) == resolvedPath(input) else { return }
    // One that an earlier version began there goes on.
    if !RunDirectory.holdsRun(folder) { throw OutputClash(path: folder, other: "the input") }
  }

  /// What data folders and runs are made of; tables and pages that commands wrote into them may be replaced.
  private static func belongsToFolder(_ name: String) -> Bool {
    RunDirectory.recordNames.contains(name) || DatasetFiles.preparedNames.contains(name) || name.hasSuffix(".mat")
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
