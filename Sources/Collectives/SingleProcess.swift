import Glibc
import Matrices

/// A transfer of nothing.
package final class NoTransfer: Transfer {
  package init() {}
  package func finish() {}
  package func isComplete() -> Bool { true }
}

/// The communicator of a run on one process: every sum is its own operand. No MPI is involved.
package final class SingleProcess: Communicator {
  package init() {}
  package var rank: Int { 0 }
  package var rankCount: Int { 1 }
  package let hosts = HostMap(rankCount: 1)
  package var marksMessages = false
  package func sum(_ values: [Double]) -> [Double] { values }
  package func sum(_ values: [Int]) -> [Int] { values }
  package func maximum(_ value: Int) -> Int { value }
  package func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) { all.copy(from: local) }
  package func gatherRowsToRoot(_ local: Matrix, into all: Matrix, partition: RowPartition) { all.copy(from: local) }
  package func hostStorage(count: Int) -> FloatStorage { FloatStorage(count: count) }
  package func hostStorages(counts: [Int]) -> [FloatStorage] { counts.map { FloatStorage(count: $0) } }
  package func startHostBarrier(_ exchange: Exchange) -> any Transfer { NoTransfer() }
  package func startSend(_ matrices: [Matrix], to rank: Int, _ exchange: Exchange) -> any Transfer {
    preconditionFailure("there is no rank \(rank)")
  }
  package func startReceive(_ matrices: [Matrix], from rank: Int, _ exchange: Exchange) -> any Transfer {
    preconditionFailure("there is no rank \(rank)")
  }
  package func poll() -> Bool { false }
  package func broadcast(_ storage: FloatStorage) {}
  package func broadcast(_ bytes: [UInt8]) -> [UInt8] { bytes }
  package func gather(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }
  package func finalize() {}
  package func abort(_ status: Int32) -> Never { exit(status) }
}
