import Foundation
import Matrices
import Training

/// A folder that cannot be looked through.
package struct FolderMissing: ReportableError {
  package let path: String
  package var exitStatus: ExitStatus { .usage }
  package var description: String { "\(path) is no folder that can be read. Name one that holds run directories." }
}

/// Run directories under a folder.
package enum RunSearch {
  /// Folders deeper than this are not looked into.
  private static let depth = 6

  /// Paths in the order of their names, the folder itself among them if it is a run. Runs are not looked into.
  ///
  /// - Throws: `FolderMissing`.
  package static func runs(under folder: String) throws -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
      throw FolderMissing(path: folder)
    }
    return find(folder, depth: 0)
  }

  private static func find(_ folder: String, depth: Int) -> [String] {
    if RunDirectory.holdsRun(folder) { return [folder] }
    guard depth < self.depth else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { !$0.hasPrefix(".") }.sorted { $0.localizedStandardCompare($1) == .orderedAscending }
      .flatMap { name -> [String] in
        let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
        // A link may lead back up.
        let type = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        return type == .typeDirectory ? find(path, depth: depth + 1) : []
      }
  }
}
