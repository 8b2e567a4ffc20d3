import Files
import Foundation
import Matrices

/// Another process works in the run directory.
package struct RunDirectoryBusy: ReportableError {
  package let path: String
  package let holder: String
  package var exitStatus: ExitStatus { .usage }
  package var description: String {
    "\(path) is in use by \(holder). Wait for that run, or choose another directory with --run."
  }
}

/// Keeps two jobs out of one run directory; released when the process ends, however it ends.
package final class RunLock {
  private let descriptor: Int32

  /// - Throws: `RunDirectoryBusy`, `FileError`.
  package init(runDirectory: String) throws {
    let path = runDirectory + "/lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard descriptor >= 0 else { throw FileError(call: "open", path: path, number: errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let number = errno
      let holder = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
      close(descriptor)
      guard number == EWOULDBLOCK else { throw FileError(call: "flock", path: path, number: number) }
      throw RunDirectoryBusy(path: runDirectory, holder: holder.isEmpty ? "another process" : holder)
    }
    let text = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)"
    ftruncate(descriptor, 0)
    _ = text.withCString { write(descriptor, $0, strlen($0)) }
  }

  deinit { close(descriptor) }
}
