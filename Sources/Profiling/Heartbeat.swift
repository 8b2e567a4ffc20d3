import Synchronization

/// Signs of life of the thread that drives the steps: every product, pass and message beats. A watchdog looks whether the count
/// still grows. The whole process's, as the watchdog is: it only counts, and no result depends on it.
package enum Heartbeat {
  private static let beats = Atomic<Int>(0)
  private static let lastCall = Mutex<StaticString>("")
  private static let patience = Atomic<Int>(1)

  @inline(__always)
  package static func beat() { beats.add(1, ordering: .relaxed) }

  /// A call begins that waits for other ranks; its name is what a message can say about a process that stays in it.
  package static func enter(_ call: StaticString) {
    beat()
    lastCall.withLock { $0 = call }
  }

  package static var count: Int { beats.load(ordering: .relaxed) }
  package static var lastWait: String { "\(lastCall.withLock { $0 })" }

  /// How many times longer than usual a silence may be: above 1 while all ranks wait for work of rank 0 alone.
  package static var patienceFactor: Int { patience.load(ordering: .relaxed) }

  /// Runs what keeps the other ranks waiting for rank 0.
  package static func patiently<Result>(_ body: () throws -> Result) rethrows -> Result {
    patience.store(10, ordering: .relaxed)
    defer { patience.store(1, ordering: .relaxed) }
    return try body()
  }
}
