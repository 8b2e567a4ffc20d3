import ArgumentParser
import Collectives
import Diagnosis
import Foundation
import Matrices

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check a job's set-up before it runs: processors, network, versions, shared directories.",
    discussion: """
      Start it as the job will be started: mpirun -n 4 cegzsl doctor --run runs/awa1 --data AWA1, or launch/cluster
      HOSTFILE doctor …. It looks at the number of ranks against the launcher's, the processors against the threads, the
      interfaces, /dev/shm, direct copies between ranks, binaries and libraries of all hosts, the run directory, the data,
      the clocks, and measures the links between hosts. Prints a cure with every finding.
      Exit status: 0 nothing found, 78 something to cure, 79 the ranks did not meet within --timeout seconds.
      """)

  @Option(name: .customLong("run"), help: "Run directory of the job, to check that all hosts share it.")
  var runDirectory: String?
  @Option(help: "Data folder of the job, to check that all hosts read the same files.")
  var data: String?
  @Option(help: "Seconds after which ranks that have not met give up.")
  var timeout: Int = 60
  @OptionGroup var threadOptions: ThreadOptions

  func validate() throws {
    guard timeout >= 1 else { throw ValidationError("--timeout must be at least 1.") }
    guard runDirectory != "" else {
      throw ValidationError("--run is empty: name the job's run directory, or leave it out.")
    }
  }

  func run() throws {
    threadOptions.apply()
    let facts = RankFacts.ofThisProcess(
      rank: MPICommunicator.launchedRank, version: Build.version, binary: try Build.identity().digest,
      threadsAreChosen: threadOptions.threads != nil)
    let early = findingsAlone(facts, spansHosts: MPICommunicator.isLaunchedOnSeveralHosts)
    guard early.isEmpty else {
      early.forEach { writeError("\($0)") }
      throw ExitCode(ExitStatus.ranksDisagree.rawValue)
    }
    let interfaces = facts.network.usable.map(\.description).joined(separator: ", ")
    let deadline = Deadline(
      seconds: timeout,
      text: """
        network: rank \(facts.rank) on host \(facts.host) has waited \(timeout) seconds for the others; Open MPI may use \
        \(interfaces.isEmpty ? "no interface" : interfaces) there
          cure: name the network that connects the hosts (--interface of launch/, or --mca btl_tcp_if_include address/bits), \
        and let its ports through the firewalls
        """)
    try withRanks(threads: threadOptions.threads, mayBeApart: true) { communicator in
      let examination = try Examination(facts, runDirectory: runDirectory, data: data, communicator)
      deadline.met()
      if communicator.isRoot {
        examination.findings.forEach { print($0) }
        examination.report.forEach { print($0) }
        print(examination.findings.isEmpty ? "nothing found" : "\(examination.findings.count) finding(s)")
        fflush(nil)
      }
      return examination.findings.isEmpty ? .done : .ranksDisagree
    }
  }
}
