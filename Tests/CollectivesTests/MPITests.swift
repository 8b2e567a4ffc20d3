import Collectives
import Foundation
import Testing

/// Real MPI: every rank of mpirun runs this one test (`Tests/EndToEnd/collectives.sh` starts them). MPI begins once in a process and all
/// calls come from one thread, so that there is no second test here.
@Suite struct MPITests {
  @Test(.enabled(if: MPICommunicator.wasLaunched, "not started by mpirun"))
  func promises() throws {
    let communicator = try MPICommunicator()
    #expect(MPICommunicator.announcedRanks.map { $0.count == communicator.rankCount } != false)
    #expect(try Contract(communicator).checkAll() == [])
    try lastWords(communicator)
    try communicator.finalize()
  }

  /// Last words of all ranks, cut where they are too long; nil where a rank does not come, and no wait for it.
  private func lastWords(_ communicator: MPICommunicator) throws {
    let (rank, count) = (communicator.rank, communicator.rankCount)
    func text(_ rank: Int) -> [UInt8] {
      Array(repeating: UInt8(65 + rank % 26), count: rank == 1 ? 5000 : rank)
    }
    let all = try #require(communicator.lastWords(text(rank), withinSeconds: 60))
    #expect(all == (0..<count).map { Array(text($0).prefix(MPICommunicator.longestLastWords)) })
    guard count > 1 else { return }
    // Rank 0 is there before the others have begun.
    if rank == 0 { #expect(communicator.lastWords([1], withinSeconds: 0.01) == nil) }
    _ = try communicator.sum(1)
    if rank > 0 { #expect(communicator.lastWords([2], withinSeconds: 60)?.count == count) }
    _ = try communicator.sum(1)
  }
}
