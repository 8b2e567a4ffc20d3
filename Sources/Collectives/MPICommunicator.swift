import CMPI
import Glibc
import Matrices
import Profiling

/// An MPI call returned an error.
package struct CollectiveError: ReportableError {
  package let call: String
  package let code: Int32
  package let text: String
  package let rank: Int
  package let host: String

  package var exitStatus: ExitStatus { .inputOutput }
  package var description: String {
    "\(call) failed on rank \(rank) (host \(host)) with code \(code): \(text). Another rank or the network between "
      + "hosts is likely gone; start again with --resume latest."
  }
}

/// The ranks that mpirun started, over Open MPI. Sole importer of MPI; all calls come from the thread that made it.
package final class MPICommunicator: Communicator {
  package let rank: Int
  package let rankCount: Int
  package let hosts: HostMap
  package let host: String
  package var marksMessages = false
  /// Of every rank, for messages; 63 bytes of each.
  let hostNames: [String]
  let communicator: MPI_Comm
  /// The ranks of this host.
  let hostCommunicator: MPI_Comm
  /// The same ranks, for each `Channel`.
  let hostChannels: [MPI_Comm?]
  /// For `lastWords` alone, so that they never meet another operation.
  let lastWordsCommunicator: MPI_Comm
  /// Transfers begun and not finished, and since when there has been one.
  var transfersUnderWay = 0
  var underWaySince: UInt64 = 0

  /// Elements per broadcast; counts are C ints there.
  private static let bucketElements = 1 << 22

  /// Whether this process was started by an MPI launcher (the variables exist before MPI_Init).
  package static var wasLaunched: Bool {
    let names: [String] = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"]
    return names.contains { getenv($0) != nil }
  }

  /// Rank according to the launcher's environment, for messages before MPI_Init; 0 without a launcher. Read once: MPI_Init of a
  /// process that nobody started writes such variables itself.
  package static let launchedRank: Int = {
    let names: [String] = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"]
    for name in names {
      if let value = getenv(name), let rank = Int(String(cString: value)) { return rank }
    }
    return 0
  }()

  /// Initialises MPI on a private duplicate of the world communicator, with errors returned instead of fatal.
  package init() throws {
    _ = (Self.launchedRank, Self.announcedRanks)
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    let hostName = String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    self.host = hostName
    func check(_ code: Int32, _ call: String) throws {
      guard code != 0 else { return }
      throw CollectiveError(call: call, code: code, text: errorText(code), rank: Self.launchedRank, host: hostName)
    }
    var provided: Int32 = 0
    try check(MPI_Init_thread(nil, nil, 1, &provided), "MPI_Init_thread")  // 1 = MPI_THREAD_FUNNELED
    var worldRank: Int32 = 0
    try check(MPI_Comm_rank(cmpi_comm_world(), &worldRank), "MPI_Comm_rank")
    var (onThisHost, firstHere): (MPI_Comm?, [Int32]) = (nil, [worldRank])
    try check(
      MPI_Comm_split_type(cmpi_comm_world(), cmpi_shared_memory(), 0, cmpi_info_null(), &onThisHost),
      "MPI_Comm_split_type")
    guard let onThisHost else { preconditionFailure("MPI_Comm_split_type gave no communicator") }
    try check(
      MPI_Allreduce(cmpi_in_place(), &firstHere, 1, cmpi_int32(), cmpi_min(), onThisHost), "MPI_Allreduce")
    // Ranks are numbered host by host, whatever order the launcher dealt them out in; rank 0 stays rank 0.
    var (world, size): (MPI_Comm?, Int32) = (nil, 0)
    try check(MPI_Comm_size(cmpi_comm_world(), &size), "MPI_Comm_size")
    try check(
      MPI_Comm_split(cmpi_comm_world(), 0, firstHere[0] &* size &+ worldRank, &world), "MPI_Comm_split")
    guard let world else { preconditionFailure("MPI_Comm_split gave no communicator") }
    (communicator, hostCommunicator) = (world, onThisHost)
    hostChannels = try Channel.allCases.map { _ in
      var copy: MPI_Comm?
      try check(MPI_Comm_dup(onThisHost, &copy), "MPI_Comm_dup")
      try check(MPI_Comm_set_errhandler(copy, cmpi_errors_return()), "MPI_Comm_set_errhandler")
      return copy
    }
    var lastWords: MPI_Comm?
    try check(MPI_Comm_dup(world, &lastWords), "MPI_Comm_dup")
    guard let lastWords else { preconditionFailure("MPI_Comm_dup gave no communicator") }
    lastWordsCommunicator = lastWords
    try check(MPI_Comm_set_errhandler(world, cmpi_errors_return()), "MPI_Comm_set_errhandler")
    try check(MPI_Comm_set_errhandler(lastWords, cmpi_errors_return()), "MPI_Comm_set_errhandler")
    try check(MPI_Comm_set_errhandler(onThisHost, cmpi_errors_return()), "MPI_Comm_set_errhandler")
    var rank: Int32 = 0
    try check(MPI_Comm_rank(world, &rank), "MPI_Comm_rank")
    self.rank = Int(rank)
    rankCount = Int(size)
    var firsts = [Int32](repeating: 0, count: Int(size))
    try check(
      MPI_Allgather(firstHere, 1, cmpi_int32(), &firsts, 1, cmpi_int32(), world), "MPI_Allgather")
    var ranks: [Range<Int>] = []
    for (rank, first) in firsts.enumerated() {
      if rank > 0 && firsts[rank - 1] == first {
        ranks[ranks.count - 1] = ranks[ranks.count - 1].lowerBound..<rank + 1
      } else {
        ranks.append(rank..<rank + 1)
      }
    }
    hosts = HostMap(ranks: ranks)
    let nameBytes = 64
    let ownName =
      Array(hostName.utf8.prefix(nameBytes)) + [UInt8](repeating: 0, count: max(0, nameBytes - hostName.utf8.count))
    var names = [UInt8](repeating: 0, count: nameBytes * Int(size))
    try check(
      MPI_Allgather(ownName, Int32(nameBytes), cmpi_byte(), &names, Int32(nameBytes), cmpi_byte(), world),
      "MPI_Allgather")
    hostNames = (0..<Int(size)).map { rank in
      String(decoding: names[rank * nameBytes..<(rank + 1) * nameBytes].prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  func check(_ code: Int32, _ call: String) throws {
    guard code != 0 else { return }
    throw CollectiveError(call: call, code: code, text: errorText(code), rank: rank, host: host)
  }

  /// One MPI call that waits for other ranks.
  func waiting(_ call: StaticString, _ body: () -> Int32) throws {
    Heartbeat.enter(call)
    try check(body(), "\(call)")
  }

  /// One MPI call in the step: an error code becomes an error, its time goes to the profile.
  ///
  /// - Parameter floats: that this rank gives.
  func timed(_ call: StaticString, floats: Int, _ body: () -> Int32) throws {
    let start = Profile.current.begin()
    Heartbeat.enter(call)
    let code = body()
    Profile.current.end(start, .communication, "\(call)", bytes: 4 * floats)
    try check(code, "\(call)")
  }

  private func buckets(_ range: Range<Int>) -> [Range<Int>] {
    stride(from: range.lowerBound, to: range.upperBound, by: Self.bucketElements).map {
      $0..<min($0 + Self.bucketElements, range.upperBound)
    }
  }

  package func sum(_ values: [Double]) throws -> [Double] {
    var result = values
    try timed("MPI_Allreduce", floats: 2 * values.count) {
      MPI_Allreduce(cmpi_in_place(), &result, Int32(values.count), cmpi_double(), cmpi_sum(), communicator)
    }
    return result
  }

  package func sum(_ values: [Int]) throws -> [Int] { try reduce(values, cmpi_sum()) }
  package func maximum(_ value: Int) throws -> Int { try reduce([value], cmpi_max())[0] }

  private func reduce(_ values: [Int], _ operation: MPI_Op?) throws -> [Int] {
    var result = values.map(Int64.init)
    try waiting("MPI_Allreduce") {
      MPI_Allreduce(cmpi_in_place(), &result, Int32(values.count), cmpi_int64(), operation, communicator)
    }
    return result.map(Int.init)
  }

  package func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition) throws {
    try gatherRows(local, into: all, partition: partition, toAll: true)
  }

  package func gatherRowsToRoot(_ local: Matrix, into all: Matrix, partition: RowPartition) throws {
    try gatherRows(local, into: all, partition: partition, toAll: false)
  }

  /// In rounds of so many rows per rank that the elements of all ranks fit one bucket's count; counts are C ints.
  private func gatherRows(_ local: Matrix, into all: Matrix, partition: RowPartition, toAll: Bool) throws {
    precondition(partition.rankCount == rankCount && local.rowCount == partition.slice(of: rank).count)
    precondition(local.isContiguous, "only contiguous rows are gathered")
    if toAll || isRoot {
      precondition(all.isContiguous && all.rowCount == partition.rowCount && all.columnCount == local.columnCount)
    }
    let columns = max(local.columnCount, 1)
    let rowsPerRound = max(1, (1 << 27) / (columns * rankCount))
    for round in stride(from: 0, to: max(partition.largestSlice, 1), by: rowsPerRound) {
      var counts: [Int32] = []
      var displacements: [Int] = []
      for slice in partition.slices {
        let rows = max(0, min(rowsPerRound, slice.count - round))
        counts.append(Int32(rows * columns))
        displacements.append((slice.lowerBound + round) * columns)
      }
      // Displacements are ints too: gather the round next to each other, unless the whole fits.
      let own = local.start + min(round, local.rowCount) * columns
      if displacements.allSatisfy({ $0 <= Int(Int32.max) }) {
        let places = displacements.map { Int32($0) }
        try gatherOnce(own, counts, all.start, places, toAll)
      } else {
        let total = counts.reduce(0) { $0 + Int($1) }
        let packed = FloatStorage(count: toAll || isRoot ? total : 0)
        var places: [Int32] = []
        var end: Int32 = 0
        for count in counts {
          places.append(end)
          end += count
        }
        try gatherOnce(own, counts, packed.base, places, toAll)
        guard toAll || isRoot else { continue }
        for r in 0..<rankCount {
          (all.start + displacements[r]).update(from: packed.base + Int(places[r]), count: Int(counts[r]))
        }
      }
    }
  }

  private func gatherOnce(
    _ own: UnsafePointer<Float>, _ counts: [Int32], _ target: UnsafeMutablePointer<Float>, _ places: [Int32],
    _ toAll: Bool
  ) throws {
    if toAll {
      try timed("MPI_Allgatherv", floats: Int(counts[rank])) {
        MPI_Allgatherv(own, counts[rank], cmpi_float(), target, counts, places, cmpi_float(), communicator)
      }
    } else {
      try waiting("MPI_Gatherv") {
        MPI_Gatherv(own, counts[rank], cmpi_float(), target, counts, places, cmpi_float(), 0, communicator)
      }
    }
  }

  /// MPI counts in C ints.
  func count(_ value: Int) throws -> Int32 {
    guard let result = Int32(exactly: value) else {
      throw CollectiveError(
        call: "exchange of \(value) elements", code: 0, text: "MPI counts to 2^31 only; use a smaller --batch-size",
        rank: rank, host: host)
    }
    return result
  }

  package func broadcast(_ storage: FloatStorage) throws {
    for bucket in buckets(0..<storage.count) {
      try waiting("MPI_Bcast") {
        MPI_Bcast(storage.base + bucket.lowerBound, Int32(bucket.count), cmpi_float(), 0, communicator)
      }
    }
  }

  package func broadcast(_ bytes: [UInt8]) throws -> [UInt8] {
    var count = Int64(bytes.count)
    try waiting("MPI_Bcast") {
      MPI_Bcast(&count, 1, cmpi_int64(), 0, communicator)
    }
    precondition(count <= Int64(Int32.max), "\(count) bytes in one broadcast")
    var result = isRoot ? bytes : [UInt8](repeating: 0, count: Int(count))
    try waiting("MPI_Bcast") {
      MPI_Bcast(&result, Int32(count), cmpi_byte(), 0, communicator)
    }
    return result
  }

  package func gather(_ bytes: [UInt8]) throws -> [[UInt8]] {
    var counts = [Int32](repeating: 0, count: rankCount)
    counts[rank] = Int32(bytes.count)
    try waiting("MPI_Allgather") {
      MPI_Allgather(cmpi_in_place(), 0, cmpi_byte(), &counts, 4, cmpi_byte(), communicator)
    }
    var places: [Int32] = []
    var end: Int32 = 0
    for count in counts {
      places.append(end)
      end += count
    }
    var all = [UInt8](repeating: 0, count: Int(end))
    try waiting("MPI_Allgatherv") {
      MPI_Allgatherv(bytes, counts[rank], cmpi_byte(), &all, counts, places, cmpi_byte(), communicator)
    }
    return (0..<rankCount).map { r in Array(all[Int(places[r])..<Int(places[r] + counts[r])]) }
  }

  package func finalize() throws {
    try check(MPI_Finalize(), "MPI_Finalize")
  }

  package func abort(_ status: Int32) -> Never {
    MPI_Abort(communicator, status)
    exit(status)
  }
}

private func errorText(_ code: Int32) -> String {
  var text = [CChar](repeating: 0, count: 1024)
  var length: Int32 = 0
  guard MPI_Error_string(code, &text, &length) == 0 else { return "unknown error" }
  return String(decoding: text.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
