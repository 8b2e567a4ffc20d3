import Collectives
import TestSupport
import Testing

/// Every communicator keeps the promises of the protocol: one process, and ranks as threads, which stand in for MPI in all other tests.
/// MPI itself is asked in `MPITests`.
@Suite struct ContractTests {
  @Test func oneProcess() throws {
    #expect(try Contract(SingleProcess()).checkAll() == [])
  }

  /// One host, several, uneven ones; up to seventeen ranks.
  @Test(arguments: [[1], [2], [3], [1, 1], [2, 1], [1, 2], [2, 2, 2], [1, 1, 1, 1, 1, 1, 1], [5, 3, 9]])
  func ranksAsThreads(_ hosts: [Int]) throws {
    let violations = try onThreads(hosts: hosts) { try Contract($0).checkAll() }
    #expect(violations.flatMap { $0 } == [])
  }
}
