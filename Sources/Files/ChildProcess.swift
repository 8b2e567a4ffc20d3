import Foundation
import Matrices

/// A program that this process started and waits for. It is in a process group of its own, so that the interrupt key reaches this process
/// alone, and no signal is blocked in it.
package final class ChildProcess {
  package enum Ending: Sendable, Equatable {
    /// It ended by itself, with this status.
    case status(Int32)
    /// A signal ended it.
    case signal(Int32)
  }

  private let process: pid_t
  private var ending: Ending?

  /// - Parameters:
  ///   - arguments: the program, looked for on the `PATH`, and its arguments.
  ///   - output: a file that gets what it prints, behind what is there; no link.
  /// - Throws: `StorageError` where it cannot be started, or the file not be opened.
  package init(_ arguments: [String], output: String) throws {
    precondition(!arguments.isEmpty)
    let file = open(output, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, NewEntry.fileMode)
    if file < 0, errno == ELOOP { throw StorageError.notRegularFile(path: output) }
    guard file >= 0 else { throw StorageError.callFailed(call: "open", path: output, code: errno) }
    defer { close(file) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, file, 1)
    posix_spawn_file_actions_adddup2(&actions, file, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (none, ignoredHere) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&ignoredHere)
    sigaddset(&ignoredHere, SIGPIPE)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &ignoredHere)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var process: pid_t = 0
    let code = posix_spawnp(&process, arguments[0], &actions, &attributes, &words, environ)
    guard code == 0 else { throw StorageError.callFailed(call: "start", path: arguments[0], code: code) }
    self.process = process
  }

  /// How it ended; nil while it runs.
  package var ended: Ending? {
    if let ending { return ending }
    var status: Int32 = 0
    guard waitpid(process, &status, WNOHANG) == process else { return nil }
    let signal = status & 0x7F
    ending = signal == 0 ? .status(status >> 8 & 0xFF) : .signal(signal)
    return ending
  }

  /// Sends it a signal; nothing once it has ended.
  package func send(_ signal: Int32) {
    if ended == nil { kill(process, signal) }
  }
}
