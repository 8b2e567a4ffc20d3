import Files
import Foundation

/// Holds `lock` in a run directory while it lives, so that two jobs never write to one run. The kernel lets go of it
/// with the process, however that ends; the file stays and says who was last.
package final class RunLock: Sendable {
  private let file: FileHandle

  /// Throws `CheckpointError.inUse` while another holds it, `StorageError` where the file cannot be made.
  package init(runDirectory: String) throws {
    let path = runDirectory + "/lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, NewEntry.fileMode)
    guard descriptor >= 0 else { throw StorageError.callFailed(call: "open", path: path, code: errno) }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      guard code == EWOULDBLOCK else { throw StorageError.callFailed(call: "flock", path: path, code: code) }
      throw Self.refusal(file, path)
    }
    // A note for people; the lock itself does not depend on it, so a full disk may refuse it.
    let note = "process \(ProcessInfo.processInfo.processIdentifier) on \(hostName())\n"
    try? file.truncate(atOffset: 0)
    try? file.write(contentsOf: Data(note.utf8))
  }

  /// Closing alone would leave the lock to a child process that another thread is just starting, until that runs its program.
  deinit { flock(file.fileDescriptor, LOCK_UN) }

  /// Throws `CheckpointError.inUse` or `.startedTogether` while another process holds the lock; changes nothing.
  package static func requireFree(runDirectory: String) throws {
    let path = runDirectory + "/lock"
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    if flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK { throw refusal(file, path) }
    flock(descriptor, LOCK_UN)
  }

  private static func refusal(_ file: FileHandle, _ path: String) -> CheckpointError {
    let note = String(decoding: (try? file.read(upToCount: 200)) ?? Data(), as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let holder = note.isEmpty ? "another process" : note
    // The note is written when the lock is taken.
    var status = stat()
    guard fstat(file.fileDescriptor, &status) == 0 else { return .inUse(lock: path, holder: holder) }
    let age = max(0, Int(Date().timeIntervalSince1970) - status.st_mtim.tv_sec)
    return age < 60
      ? .startedTogether(lock: path, holder: holder, secondsAgo: age) : .inUse(lock: path, holder: holder)
  }
}
