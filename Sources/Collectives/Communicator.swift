import Matrices

/// What the ranks of one run say to each other. Every rank calls the same collective operations in the same order; one thread of a
/// process makes all calls. MPI moves floats and never adds them: its order of sums changes with the number of ranks. `sum` is exact
/// where at most one rank's value is not zero, and for integers.
package protocol Communicator: AnyObject {
  /// 0..<rankCount.
  var rank: Int { get }
  /// 1 or more.
  var rankCount: Int { get }
  /// Which ranks share memory.
  var hosts: HostMap { get }

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

  /// One storage of zeros that all ranks of this rank's host read and write. Every rank calls it; ranks of one host with the same count.
  ///
  /// - Throws: `SharedMemoryError`, `CollectiveError`.
  func hostStorage(count: Int) throws -> FloatStorage
  /// A storage of zeros for each rank of this rank's host, in rank order, which all of them may read. Every rank calls it.
  ///
  /// - Parameter counts: floats of each; all ranks of the host say the same.
  /// - Throws: `SharedMemoryError`, `CollectiveError`.
  func hostStorages(counts: [Int]) throws -> [FloatStorage]
  /// Begins to wait for all ranks of this rank's host; what they wrote before they began is there when it is finished.
  func startHostBarrier(_ exchange: Exchange) throws -> any Transfer
  /// Begins to send matrices as one message. They may not be written before the transfer is finished.
  func startSend(_ matrices: [Matrix], to rank: Int, _ exchange: Exchange) throws -> any Transfer
  /// Begins to receive what `startSend` of another rank sends into matrices of the same shapes, which may not be touched before the
  /// transfer is finished.
  func startReceive(_ matrices: [Matrix], from rank: Int, _ exchange: Exchange) throws -> any Transfer
  /// Whether messages that this rank sends from now on carry a digest, against which their receivers hold what has arrived.
  var marksMessages: Bool { get set }
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

/// What kind of exchange it is. Within a channel every rank begins the exchanges in the same order; between channels there is none.
package enum Channel: Int, Sendable, CaseIterable {
  /// Rows of all ranks, once to every host.
  case rows
  /// Sums of all hosts, each rank's units to that rank.
  case sums
  /// Each rank's units of the parameters, once to every host.
  case parameters
}

/// What is exchanged. The name is for people and traces: messages of a pair of ranks meet in the order of their channel.
package struct Exchange: Hashable, Sendable {
  package let channel: Channel
  package let name: String

  package static func rows(_ name: String) -> Exchange { Exchange(channel: .rows, name: name) }
  package static func sums(_ name: String) -> Exchange { Exchange(channel: .sums, name: name) }
  package static func parameters(_ name: String) -> Exchange { Exchange(channel: .parameters, name: name) }
}

/// A part of an exchange under way. Every rank begins the same exchanges of a channel in the same order.
package protocol Transfer: AnyObject {
  /// Returns when it is complete.
  ///
  /// - Throws: `CollectiveError`, `MessageFault`.
  func finish() throws
  /// Whether it is complete, without waiting; then `finish` returns at once.
  ///
  /// - Throws: `CollectiveError`, `MessageFault`.
  func isComplete() throws -> Bool
}

extension Communicator {
  package var isRoot: Bool { rank == 0 }
  /// The rank of its host that fills memory which they share.
  package var isFirstOfHost: Bool { hosts.ranks[hosts.host(of: rank)].lowerBound == rank }
  /// Whether some ranks share no memory.
  package var spansHosts: Bool { hosts.count > 1 }

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
