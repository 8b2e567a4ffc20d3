import Files
import Foundation
import Matrices

/// What a checkpoint belongs to and what its files must be. Written last; a directory without it is no checkpoint.
package struct Manifest: Codable, Sendable, Equatable {
  package static let currentVersion = 1

  package struct File: Codable, Sendable, Equatable {
    package let name: String
    package let size: Int
    package let sha256: String
  }

  package var formatVersion = Manifest.currentVersion
  /// Iterations done.
  package var iteration: Int
  package var epoch: Int
  /// Ranks that wrote it; for information.
  package var rankCount: Int
  package var codeVersion: String
  /// `GZSLDataset.contentDigest`.
  package var datasetDigest: String
  /// Every option that shapes the trajectory, by name.
  package var configuration: [String: String]
  /// Counters that are no tensors, such as Adam's step counts.
  package var state: [String: Int]
  package var files: [File] = []
  /// SHA-256 of this manifest with this field empty: no altered byte of it goes unnoticed.
  package var sha256 = ""

  package init(
    iteration: Int, epoch: Int, rankCount: Int, codeVersion: String, datasetDigest: String,
    configuration: [String: String], state: [String: Int]
  ) {
    self.iteration = iteration
    self.epoch = epoch
    self.rankCount = rankCount
    self.codeVersion = codeVersion
    self.datasetDigest = datasetDigest
    self.configuration = configuration
    self.state = state
  }
}

/// A checkpoint that cannot be used.
package struct CheckpointError: ReportableError, Equatable {
  package let path: String
  package let reason: String

  package init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  package var exitStatus: ExitStatus { .badCheckpoint }
  package var description: String { "\(path): \(reason)" }
}

/// A verified checkpoint in memory.
package struct LoadedCheckpoint: Sendable {
  package let path: String
  package let manifest: Manifest
  package let model: SafetensorsFile
  package let optimizer: SafetensorsFile

  package static let fileNames = ["model.safetensors", "optimizer.safetensors"]
  private static let largestManifest = 16 << 20

  /// Reads a checkpoint directory and verifies every byte before anything is used.
  ///
  /// - Throws: `CheckpointError` naming the file and what is wrong with it.
  package init(path: String) throws {
    manifest = try Self.verify(path)
    self.path = path
    do {
      model = try SafetensorsFile(path: "\(path)/model.safetensors")
      optimizer = try SafetensorsFile(path: "\(path)/optimizer.safetensors")
    } catch let error as SafetensorsError {
      throw CheckpointError(path: error.path, reason: error.reason)
    }
  }

  /// The manifest of a directory whose files are exactly those it lists, with their sizes and digests.
  package static func verify(_ path: String) throws -> Manifest {
    func fail(_ name: String, _ reason: String) -> CheckpointError {
      CheckpointError(path: name.isEmpty ? path : "\(path)/\(name)", reason: reason)
    }
    func size(_ name: String) throws -> Int {
      var status = stat()
      guard lstat("\(path)/\(name)", &status) == 0 else { throw fail(name, "is missing") }
      guard status.st_mode & S_IFMT == S_IFREG else { throw fail(name, "is not a regular file") }
      return Int(status.st_size)
    }
    guard try size("manifest.json") <= largestManifest,
      let bytes = FileManager.default.contents(atPath: "\(path)/manifest.json")
    else { throw fail("manifest.json", "cannot be read") }
    struct Version: Codable { let formatVersion: Int }
    if let version = try? JSONDecoder().decode(Version.self, from: bytes),
      version.formatVersion != Manifest.currentVersion
    {
      throw fail(
        "manifest.json", "has format version \(version.formatVersion); this program reads \(Manifest.currentVersion)")
    }
    let manifest: Manifest
    do { manifest = try JSONDecoder().decode(Manifest.self, from: bytes) } catch {
      throw fail("manifest.json", "is damaged")
    }
    // Every byte of the manifest counts: what it says must be what this program would have written.
    guard try manifest.encoded() == Array(bytes) else { throw fail("manifest.json", "was altered") }
    guard manifest.files.map(\.name) == fileNames else {
      throw fail("manifest.json", "lists other files than \(fileNames.joined(separator: " and "))")
    }
    for file in manifest.files {
      let actual = try size(file.name)
      guard actual == file.size else {
        throw fail(file.name, "has \(actual) bytes instead of \(file.size): truncated or altered")
      }
      let digest: String
      do { digest = try Digest.ofFile("\(path)/\(file.name)") } catch { throw fail(file.name, "\(error)") }
      guard digest == file.sha256 else { throw fail(file.name, "has another SHA-256 than its manifest: altered") }
    }
    return manifest
  }
}

extension Manifest {
  /// The manifest as the file holds it, its own digest filled in.
  package func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    var sealed = self
    sealed.sha256 = ""
    var digest = Digest()
    try encoder.encode(sealed).withUnsafeBytes { digest.add($0) }
    sealed.sha256 = digest.hexadecimal()
    return Array(try encoder.encode(sealed)) + [0x0A]
  }
}
