import Files
import Foundation
import Matrices

/// How a run of a sweep ended for good, remembered beside its directory. A run without one is begun, or goes on.
struct TrialOutcome: Equatable {
  /// 0: done.
  let status: Int32
  /// What it said last.
  let message: String

  var failure: String? {
    guard status != 0 else { return nil }
    return "\(status): " + (ExitStatus(rawValue: status)?.summary ?? "unknown status")
  }

  /// Statuses after which a run can go on: stopped by a signal, and the watchdog's.
  private static let resumable: [Int32] = [ExitStatus.stoppedResumable.rawValue, ExitStatus.watchdog.rawValue]

  /// nil: it was interrupted and can go on.
  init?(_ ending: ChildProcess.Ending, message: String) {
    // Shells and mpirun report a signal as 128 and its number.
    guard case .status(let status) = ending, status < 128, !Self.resumable.contains(status) else { return nil }
    (self.status, self.message) = (status, status == 0 ? "" : message)
  }

  /// nil: not there, or damaged.
  init?(file: String) {
    guard let bytes = FileManager.default.contents(atPath: file), let json = try? JSONValue(parsing: Array(bytes)),
      let status = json["status"]?.integer
    else { return nil }
    (self.status, message) = (Int32(truncatingIfNeeded: status), json["message"]?.string ?? "")
  }

  func write(_ file: String) throws {
    let json: JSONValue = ["status": .integer(Int(status)), "message": .string(message)]
    try DurableFile.replace(file, contents: Array((json.text(.line) + "\n").utf8))
  }
}
