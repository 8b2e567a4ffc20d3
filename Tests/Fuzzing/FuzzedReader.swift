import Checkpoints
import Files
import Matrices
import Sweeps
import Training

/// A reader of files that may come from anybody, as a function of bytes: everything in them is looked at in each way in which the
/// program may look at it. Whatever the bytes are, they are read or refused with a `ReportableError`.
package enum FuzzedReader: String, CaseIterable, Sendable {
  case npy, npz, csv, safetensors, hdf5, matlab
  /// .mat of version 7.3.
  case matlabHDF5 = "matlab-hdf5"
  case torch
  /// The pickle of a PyTorch file, in an archive whose checksums are right.
  case pickle
  case json
  /// The members of a checkpoint's manifest, under a seal that is right.
  case manifest
  case configuration
  /// A sweep file, up to its points.
  case sweep
  /// Names of classes, one on a line, in all that is written with them: read back, or shown, they are the same and do nothing.
  case names

  /// Elements that are read as a whole; larger arrays only row by row, as nobody can want them who knows the sizes.
  private static let mostAtOnce = 1 << 20
  /// Rows of an array that are read.
  private static let mostRows = 64
  /// Arrays of a file that are read: users read those that they name.
  private static let mostArrays = 64

  /// - Throws: a `ReportableError` where the bytes are refused; anything else is a bug.
  package func read(_ bytes: [UInt8]) throws {
    switch self {
    case .csv: try Self.readArrays(bytes)
    case .npy, .npz, .safetensors, .hdf5, .matlab, .matlabHDF5, .torch:
      if !Self.isText(bytes) { try Self.readArrays(bytes) }
    case .pickle:
      let storage = [UInt8](repeating: 1, count: 64)
      try Self.readArrays(storedZip([("a/data.pkl", bytes), ("a/data/0", storage), ("a/data/1", storage)]))
    case .json:
      // Its users add the path to where and why; the type says that it throws nothing else.
      do throws(JSONError) { _ = try JSONValue(parsing: bytes).text() } catch {}
    case .manifest:
      for found in try CheckpointStore.list(runDirectory: "run", storage: sealedManifest(members: bytes)) {
        _ = try found.get()
      }
    case .configuration:
      let options = try ConfigurationFile.parse(String(decoding: bytes, as: UTF8.self), path: "fuzzed.yaml")
      var configuration = Configuration()
      try configuration.apply(options, place: "fuzzed.yaml")
      _ = try ConfigurationFile.text(configuration)
    case .sweep:
      let file = try YAMLFile.value(String(decoding: bytes, as: UTF8.self), path: "fuzzed.yaml")
      _ = try SweepFile(file, path: "fuzzed.yaml").plan(data: nil)
    case .names: try WrittenNames.check(String(decoding: bytes, as: UTF8.self).components(separatedBy: "\n"))
    }
  }

  /// Mutants of the other formats that are text would be read as csv, and all that is found worth keeping would be csv before long.
  private static func isText(_ bytes: [UInt8]) -> Bool {
    bytes.prefix(4096).allSatisfy { $0 >= 32 || (9...13).contains($0) }
  }

  private static func readArrays(_ bytes: [UInt8]) throws {
    let file = try ArrayFile(bytes: bytes, path: "fuzzed")
    for array in file.arrays.prefix(mostArrays) {
      let count = array.sizes.reduce(1) { $0.multipliedReportingOverflow(by: $1).overflow ? Int.max : $0 * $1 }
      switch array.kind {
      case .numbers, .booleans:
        if count <= mostAtOnce { try reportably { _ = try file.numbers(array.name) } }
        try reportably { try readRows(try file.rows(of: array.name, .first)) }
        try reportably { try readRows(try file.rows(of: array.name, .last)) }
      case .texts: try reportably { _ = try file.texts(array.name) }
      case .other: try reportably { _ = try file.numbers(array.name) }
      }
    }
    let numbers = file.arrays.filter { $0.kind == .numbers }.map(\.name)
    if file.format == .csv { try reportably { try readRows(try file.rows(ofColumns: numbers)) } }
  }

  private static func readRows(_ blocks: RowBlocks) throws {
    guard blocks.columnCount <= mostAtOnce / 2 else { return }
    while blocks.position < mostRows, try blocks.next(2) != nil {}
  }

  /// What one array refuses does not keep others from being read.
  private static func reportably(_ body: () throws -> Void) throws {
    do { try body() } catch is any ReportableError {}
  }
}

/// What reading fuzzed bytes must not do.
package enum FuzzFinding: Error, CustomStringConvertible {
  case wrongError(String)
  case memory(peak: Int, fileSize: Int)
  case written(String)

  package var description: String {
    switch self {
    case .wrongError(let error): "an error that tells users nothing: \(error)"
    case .written(let finding): finding
    case .memory(let peak, let size): "\(peak) bytes of memory for a file of \(size)"
    }
  }
}

extension FuzzedReader {
  /// Bytes of memory that reading a file may take at once.
  package static func mostMemory(fileSize: Int) -> Int { 2 * fileSize + (64 << 20) }

  /// Reads or refuses.
  ///
  /// - Throws: `FuzzFinding.wrongError` for an error that is none of those that are reported.
  package func check(_ bytes: [UInt8]) throws {
    do { try read(bytes) } catch is any ReportableError {} catch let finding as FuzzFinding { throw finding } catch {
      throw FuzzFinding.wrongError("\(type(of: error)): \(error)")
    }
  }
}
