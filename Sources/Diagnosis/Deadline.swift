import Files
import Foundation
import Matrices
import Synchronization

/// Ends the process when ranks do not meet in time: with the wrong network, MPI waits for ever.
package final class Deadline: Sendable {
  private let isMet = Atomic<Bool>(false)

  /// - Parameters:
  ///   - seconds: until the process ends.
  ///   - status: its exit status then.
  ///   - text: what it says then.
  package init(seconds: Int, status: ExitStatus = .watchdog, text: String) {
    Thread { [self] in
      Thread.sleep(forTimeInterval: Double(seconds))
      guard !isMet.load(ordering: .relaxed) else { return }
      StandardStreams.error(text + "\n")
      // The first to leave makes the launcher kill the others: they are to have spoken.
      Thread.sleep(forTimeInterval: 1)
      _exit(status.rawValue)
    }.start()
  }

  package func met() { isMet.store(true, ordering: .relaxed) }
}
