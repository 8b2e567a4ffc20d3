import Profiling
import Testing

/// What the watchdog looks at. One test after the other: there is one heart in a process, and what other tests compute beats too.
@Suite(.serialized) struct HeartbeatTests {
  @Test func everyCallBeats() {
    let before = Heartbeat.count
    Heartbeat.beat()
    Heartbeat.enter("a call that waits")
    #expect(Heartbeat.count >= before + 2)
    #expect(Heartbeat.lastWait == "a call that waits")
  }

  private struct Trouble: Error {}

  /// Patience ends with what it was for, also where that failed.
  @Test func patienceEnds() {
    #expect(Heartbeat.patienceFactor == 1)
    #expect(Heartbeat.patiently { Heartbeat.patienceFactor } > 1)
    #expect(Heartbeat.patienceFactor == 1)
    #expect(throws: Trouble.self) { try Heartbeat.patiently { throw Trouble() } }
    #expect(Heartbeat.patienceFactor == 1)
  }
}
