import Profiling
import Testing

/// What the watchdog looks at. There is one heart in a process, and what other tests compute beats too.
@Suite struct HeartbeatTests {
  @Test func everyCallBeats() {
    let before = Heartbeat.count
    Heartbeat.beat()
    Heartbeat.enter("a call that waits")
    #expect(Heartbeat.count >= before + 2)
    #expect(Heartbeat.lastWait == "a call that waits")
  }

  private struct Trouble: Error {}

  /// Patience ends with what it was for, also where that failed. In a process of its own: other tests here evaluate models, patiently.
  @Test func patienceEnds() async {
    await #expect(processExitsWith: .success) {
      precondition(Heartbeat.patienceFactor == 1)
      precondition(Heartbeat.patiently { Heartbeat.patienceFactor } > 1)
      precondition(Heartbeat.patienceFactor == 1)
      let failed: Void? = try? Heartbeat.patiently { throw Trouble() }
      precondition(failed == nil && Heartbeat.patienceFactor == 1)
    }
  }
}
