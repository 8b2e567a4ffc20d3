import Foundation
import Synchronization

/// Remembers that the launcher asked this process to stop; the whole process's, as signals are. The ranks agree on it once an iteration,
/// so that all stop at the same one.
///
/// A thread of its own waits for the signals and no handler ever runs: oneDNN's kernels (bfloat16) may let the stack pointer point into the
/// heap (oneDNN issue 4845, up to 3.11), where the frame of a handler would overwrite whatever lies below.
package enum StopSignal {
  private static let received = Atomic<Int>(0)
  private static let receivedCount = Atomic<Int>(0)

  /// Takes SIGUSR1 (what mpirun forwards), SIGTERM, SIGINT and SIGHUP (a terminal that closes; left alone under nohup) from now on. To
  /// be called before other threads are made, MPI's and OpenMP's among them: they inherit that the signals are not for them.
  package static func install() {
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGUSR1, SIGTERM, SIGINT] { sigaddset(&signals, number) }
    if !isIgnored(SIGHUP) { sigaddset(&signals, SIGHUP) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let awaited = signals
    Thread {
      Thread.current.name = "signals"
      while true {
        var (set, number) = (awaited, Int32(0))
        guard sigwait(&set, &number) == 0 else { continue }
        received.store(Int(number), ordering: .relaxed)
        receivedCount.add(1, ordering: .sequentiallyConsistent)
      }
    }.start()
  }

  private static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    sigaction(signal, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// The last signal received, or 0.
  package static var number: Int { received.load(ordering: .relaxed) }

  /// How many were received.
  package static var count: Int { receivedCount.load(ordering: .sequentiallyConsistent) }
}
