import Files
import Foundation

/// Holds `lock` in a run directory while it lives, so that two jobs never write to one run. The kernel lets go of it
/// with the process, however that ends; the file stays and says who was last.
package final class RunLock: Sendable {
  private let file: FileHandle

  /// Throws `CheckpointError.inUse` while another holds it, `StorageError` where the file cannot be made.
  package init(runDirectory: String) throws {
    let path = runDirectory + "/lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw StorageError.callFailed(call: "open", path: path, code: errno) }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      guard code == EWOULDBLOCK else { throw StorageError.callFailed(call: "flock", path: path, code: code) }
      let holder = String(decoding: (try? file.read(upToCount: 200)) ?? Data(), as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines)
      throw CheckpointError.inUse(lock: path, holder: holder.isEmpty ? "another process" : holder)
    }
    // A note for people; the lock itself does not depend on it, so a full disk may refuse it.
    let note = "process \(ProcessInfo.processInfo.processIdentifier) on \(hostName())\n"
    try? file.truncate(atOffset: 0)
    try? file.write(contentsOf: Data(note.utf8))
  }
}
