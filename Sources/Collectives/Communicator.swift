import Matrices

/// What the ranks of one run say to each other. Every rank calls the same operations in the same order; one thread of a
/// process makes all calls. Gradients are never added up across ranks, rows are exchanged instead: moving floats does not
/// round them, so a run has the same bits on any number of ranks. Sums are for figures that are only reported.
package protocol Communicator: AnyObject {
  /// 0..<rankCount.
  var rank: Int { get }
  /// 1 or more.
  var rankCount: Int { get }
  /// Whether some ranks share no memory.
  var spansHosts: Bool { get }

  /// Element-wise sums over ranks, on every rank.
  func sum(_ values: [Double]) throws -> [Double]
  func sum(_ values: [Int]) throws -> [Int]
  func maximum(_ value: Int) throws -> Int

  /// all [N×K, contiguous] ← the local rows of every rank, in rank order. `partition` says which rows each rank holds.
  func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) throws
  /// The same, on rank 0 only; elsewhere `all` is left alone.
  func gatherRowsToRoot(_ local: Matrix, into all: Matrix, partition: RowPartition) throws

  /// storage ← rank 0's, bit for bit, on every rank.
  func broadcast(_ storage: FloatStorage) throws
  /// Begins `gatherRows` to all ranks. Neither matrix may be touched before the transfer is finished.
  func startGatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) throws -> any Transfer
  /// Each rank keeps its own columns of the rows of all ranks: mine [N×own, contiguous] ← columns `columns[rank]` of every
  /// rank's local rows, in rank order. `local` is copied at once, `mine` is there when the transfer is finished.
  ///
  /// - Parameter columns: consecutive ranges, one per rank, some of them possibly empty.
  func startExchangeColumns(_ local: Matrix, columns: [Range<Int>], into mine: Matrix, partition: RowPartition) throws
    -> any Transfer
  /// Every rank has computed the rows `rows[rank]` of a contiguous matrix; when the transfer is finished every rank has all
  /// of them.
  func startShareRows(of matrix: Matrix, rows: [Range<Int>]) throws -> any Transfer
  /// Lets begun transfers move on: this MPI makes no progress on its own. Cheap, and to be called often in between.
  /// Returns whether any is under way.
  func poll() -> Bool

  /// Rank 0's bytes, on every rank.
  func broadcast(_ bytes: [UInt8]) throws -> [UInt8]
  /// The bytes of every rank, on every rank, in rank order.
  func gather(_ bytes: [UInt8]) throws -> [[UInt8]]

  /// Ends the communicator's use; nothing may be called after it.
  func finalize() throws
  /// Ends every process of the run with this exit status.
  func abort(_ status: Int32) -> Never
}

/// An exchange under way. Every rank begins and finishes the same ones in the same order.
package protocol Transfer: AnyObject {
  /// Returns when it is complete.
  ///
  /// - Throws: `CollectiveError`.
  func finish() throws
}

extension Communicator {
  package var isRoot: Bool { rank == 0 }

  package func sum(_ value: Double) throws -> Double { try sum([value])[0] }
  package func sum(_ value: Int) throws -> Int { try sum([value])[0] }

  /// Runs `body` on rank 0 and lets every rank share its outcome: all return, or all throw `RootFailure` with the same
  /// text and exit status.
  package func onRoot(_ body: () throws -> Void) throws {
    var failure: (any Error)?
    if isRoot {
      do { try body() } catch { failure = error }
    }
    let status = (failure as? any ReportableError)?.exitStatus ?? .inputOutput
    let text = failure.map { "\(status.rawValue) \($0)" } ?? ""
    let verdict = String(decoding: try broadcast(Array(text.utf8)), as: UTF8.self)
    if let failure { throw failure }
    guard !verdict.isEmpty else { return }
    let parts = verdict.split(separator: " ", maxSplits: 1)
    throw RootFailure(
      exitStatus: ExitStatus(rawValue: parts.first.flatMap { Int32($0) } ?? 74) ?? .inputOutput,
      description: parts.count > 1 ? String(parts[1]) : "rank 0 failed")
  }
}

/// Rank 0 failed and said why; the other ranks stop with it.
package struct RootFailure: ReportableError {
  package let exitStatus: ExitStatus
  package let description: String
}
