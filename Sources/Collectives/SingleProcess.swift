import Glibc
import Matrices

private final class Done: Transfer {
  func finish() {}
}

/// The communicator of a run on one process: every sum is its own operand. No MPI is involved.
package final class SingleProcess: Communicator {
  package init() {}
  package var rank: Int { 0 }
  package var rankCount: Int { 1 }
  package var spansHosts: Bool { false }
  package func sum(_ values: [Double]) -> [Double] { values }
  package func sum(_ values: [Int]) -> [Int] { values }
  package func maximum(_ value: Int) -> Int { value }
  package func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) { all.copy(from: local) }
  package func gatherRowsToRoot(_ local: Matrix, into all: Matrix, partition: RowPartition) { all.copy(from: local) }
  package func startGatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) -> any Transfer {
    all.copy(from: local)
    return Done()
  }
  package func startExchangeColumns(
    _ local: Matrix, columns: [Range<Int>], into mine: Matrix, partition: RowPartition
  ) -> any Transfer {
    mine.copy(from: local)
    return Done()
  }
  package func startShareRows(of matrix: Matrix, rows: [Range<Int>]) -> any Transfer { Done() }
  package func poll() -> Bool { false }
  package func broadcast(_ storage: FloatStorage) {}
  package func broadcast(_ bytes: [UInt8]) -> [UInt8] { bytes }
  package func gather(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }
  package func finalize() {}
  package func abort(_ status: Int32) -> Never { exit(status) }
}
