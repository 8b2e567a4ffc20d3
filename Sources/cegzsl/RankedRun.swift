import ArgumentParser
import Collectives
import Glibc
import Kernels
import Matrices

/// Runs a command's work on every rank: over MPI when a launcher started the process, alone otherwise. An error ends all
/// ranks with its exit status; ranks that fail together say it once.
///
/// - Parameter mayBeApart: go on even where a launcher started several processes that are one rank each to MPI.
func withRanks(
  threads: Int?, mayBeApart: Bool = false, _ body: (any Communicator) throws -> ExitStatus
) throws {
  if let threads { ThreadPool.setThreadCount(threads) }
  let communicator: any Communicator
  do {
    communicator = MPICommunicator.wasLaunched ? try MPICommunicator() : SingleProcess()
  } catch {
    writeError("cegzsl: \(error)")
    throw ExitCode(ExitStatus.inputOutput.rawValue)
  }
  do {
    if !mayBeApart, let announced = MPICommunicator.announcedRanks, announced.count != communicator.rankCount {
      throw RanksApart(announced: announced.count, variable: announced.variable, found: communicator.rankCount)
    }
    let status = try body(communicator)
    try communicator.finalize()
    throw ExitCode(status.rawValue)
  } catch let exit as ExitCode {
    throw exit
  } catch {
    leave(communicator, LastWords(error))
  }
}

/// Runs the work of a command that needs one process. Where a launcher started several, rank 0 does it and the others wait.
func withRootRank(threads: Int? = nil, _ body: () throws -> Void) throws {
  try withRanks(threads: threads) { communicator in
    try communicator.onRoot(body)
    return .done
  }
}

/// A launcher started several processes, but MPI does not connect them: each would do the whole job.
private struct RanksApart: ReportableError {
  let announced: Int
  let variable: String
  let found: Int

  var exitStatus: ExitStatus { .ranksDisagree }
  var description: String {
    "the launcher started \(announced) processes (\(variable)), but MPI connects \(found). Start with the mpirun of the Open MPI that "
      + "cegzsl is linked to, or with srun --mpi=pmix; 'cegzsl doctor' tells more."
  }
}

struct ThreadOptions: ParsableArguments {
  @Option(help: "Threads per rank. Default: OMP_NUM_THREADS, or the processors this rank may use.")
  var threads: Int?

  func apply() {
    if let threads { ThreadPool.setThreadCount(threads) }
  }

  func validate() throws {
    if let threads, !(1...4096).contains(threads) {
      throw ValidationError("--threads must be from 1 to 4096, not \(threads).")
    }
  }
}
