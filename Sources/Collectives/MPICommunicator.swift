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
  /// Of every rank, for messages.
  private(set) var hostNames: [String] = []
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
    Heartbeat.enter("MPI_Init_thread")
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
    hostNames = try gather(Array(hostName.utf8)).map { String(decoding: $0, as: UTF8.self) }
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
