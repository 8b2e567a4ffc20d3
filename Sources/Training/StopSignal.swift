import Foundation
import Synchronization

/// Remembers that the launcher asked this process to stop. Handlers only set a flag; the ranks agree on it once an
/// iteration, so that all stop at the same one.
package enum StopSignal {
  private static let received = Atomic<Int>(0)

  /// Catches SIGUSR1 (what mpirun forwards), SIGTERM and SIGINT from now on.
  package static func install() {
    for number in [SIGUSR1, SIGTERM, SIGINT] {
      signal(number) { StopSignal.received.store(Int($0), ordering: .relaxed) }
    }
  }

  /// The last signal received, or 0.
  package static var number: Int { received.load(ordering: .relaxed) }
}
