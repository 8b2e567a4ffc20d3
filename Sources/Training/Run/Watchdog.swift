import Files
import Foundation
import Matrices
import Profiling
import Synchronization

/// Ends a process in which nothing moves any more: Open MPI never notices a rank that is stopped or stuck, and its peers would wait
/// for it until the job's time is over. Status 79 tells the launcher to start again from the newest checkpoint.
package enum Watchdog {
  private struct Limit {
    /// Of silence; 0: none.
    var seconds = 0
    /// Of this process.
    var name = ""
    var isWatched = false
  }
  private static let limit = Mutex(Limit())

  /// Looks once a second from the first call on; later ones change what was said.
  ///
  /// - Parameters:
  ///   - seconds: of silence before the process ends; 0: never. They are counted awake: a process that was stopped and goes on has not been
  ///     silent meanwhile.
  ///   - name: of this process, e.g. "rank 1 of 4".
  package static func watch(seconds: Int, name: String) {
    precondition(seconds >= 0)
    let isNew = limit.withLock { limit in
      defer { limit = Limit(seconds: seconds, name: name, isWatched: limit.isWatched || seconds > 0) }
      return !limit.isWatched && seconds > 0
    }
    if isNew { start() }
  }

  private static func start() {
    Thread {
      Thread.current.name = "watchdog"
      var (silence, last) = (0, Heartbeat.count)
      while true {
        Thread.sleep(forTimeInterval: 1)
        let count = Heartbeat.count
        (silence, last) = (count == last ? silence + 1 : 0, count)
        let limit = limit.withLock { $0 }
        if limit.seconds > 0 && silence > limit.seconds * Heartbeat.patienceFactor { end(limit.name, silence) }
      }
    }.start()
  }

  private static func end(_ name: String, _ silence: Int) -> Never {
    let text =
      "cegzsl: \(name) on host \(ProcessInfo.processInfo.hostName) has not moved for \(silence) seconds, since it called "
      + "\(Heartbeat.lastWait): another rank is stopped, stuck or unreachable. Ending the run with status 79; start it again "
      + "with --resume latest. (--watchdog sets the seconds; 0 turns this off.)\n"
    StandardStreams.error(text)
    _exit(ExitStatus.watchdog.rawValue)
  }
}
