import CMPI
import Glibc

extension MPICommunicator {
  /// Bytes that travel at most; longer last words are cut.
  package static let longestLastWords = 4096

  /// The last words of every rank, in rank order, if all ranks come here before the time is over; nil otherwise. Has a
  /// communicator of its own and never waits longer: the other ranks may be anywhere, also inside a collective that will not end.
  package func lastWords(_ own: [UInt8], withinSeconds seconds: Double) -> [[UInt8]]? {
    let room = Self.longestLastWords + 4
    // MPI may still use these when the time is over: nothing here is given back, the process is about to end.
    let sent = UnsafeMutablePointer<UInt8>.allocate(capacity: room)
    let all = UnsafeMutablePointer<UInt8>.allocate(capacity: room * rankCount)
    let request = UnsafeMutablePointer<MPI_Request?>.allocate(capacity: 1)
    request.initialize(to: nil)
    let text = own.prefix(Self.longestLastWords)
    for place in 0..<room {
      sent[place] = place < 4 ? UInt8(truncatingIfNeeded: text.count >> (8 * place)) : 0
    }
    for (place, byte) in text.enumerated() { sent[4 + place] = byte }
    guard
      MPI_Iallgather(sent, Int32(room), cmpi_byte(), all, Int32(room), cmpi_byte(), lastWordsCommunicator, request) == 0
    else { return nil }
    let step: UInt32 = 2_000  // microseconds
    for _ in 0...Int(seconds * 1e6 / Double(step)) {
      var isDone: Int32 = 0
      guard MPI_Test(request, &isDone, cmpi_status_ignore()) == 0 else { return nil }
      if isDone != 0 {
        return (0..<rankCount).map { rank in
          let start = all + rank * room
          let count = (0..<4).reduce(0) { $0 | Int(start[$1]) << (8 * $1) }
          return (0..<min(count, Self.longestLastWords)).map { start[4 + $0] }
        }
      }
      usleep(step)
    }
    return nil
  }
}
