/// What one rank knows about itself and its host: all that the findings are drawn from.
package struct RankFacts: Codable, Sendable, Equatable {
  package var rank = 0
  package var host = ""
  package var process: Int32 = 0
  package var program = ProgramFacts()
  package var processors = ProcessorFacts()
  package var launcher = LauncherFacts()
  package var network = NetworkFacts()
  package var sharedMemory = SharedMemoryFacts()
  package var runDirectory: DirectoryFacts?
  package var data: DirectoryFacts?
  /// Seconds since 1970, taken when all ranks had just met.
  package var clock = 0.0

  package init() {}
}

/// What has to be the same everywhere.
package struct ProgramFacts: Codable, Sendable, Equatable {
  package var version = ""
  /// SHA-256 of the running program.
  package var binary = ""
  package var messagePassing = ""
  package var products = ""
  /// Vector instructions that the products use.
  package var instructionSet = ""

  package init() {}
}

package struct ProcessorFacts: Codable, Sendable, Equatable {
  /// That this rank may run on.
  package var allowed: [Int] = []
  /// That its launcher may run on: the host's share of the job.
  package var allocated: [Int] = []
  package var threads = 1
  /// Whether somebody asked for that number; otherwise it follows from `allowed`.
  package var threadsAreChosen = false
  /// SLURM_CPUS_PER_TASK.
  package var slurmPerTask: Int?

  package init() {}
}

package struct LauncherFacts: Codable, Sendable, Equatable {
  /// Ranks that the launcher's environment speaks of.
  package var announced: Int?
  /// The variable that says so.
  package var variable = ""
  /// Ranks that found each other.
  package var ranks = 1

  package init() {}
}

package struct NetworkFacts: Codable, Sendable, Equatable {
  package var interfaces: [NetworkInterface] = []
  /// btl_tcp_if_include and btl_tcp_if_exclude.
  package var included: [String] = []
  package var excluded: [String] = []

  package init() {}
}

/// An interface that is up, with one of its IPv4 addresses.
package struct NetworkInterface: Codable, Sendable, Equatable, CustomStringConvertible {
  package var name: String
  package var address: UInt32
  package var prefixLength: Int

  package init(name: String, address: UInt32, prefixLength: Int) {
    self.name = name
    self.address = address
    self.prefixLength = prefixLength
  }

  package var isLoopback: Bool { address >> 24 == 127 }
  package var description: String { "\(name) \(dotted(address))/\(prefixLength)" }

  /// Whether an entry of btl_tcp_if_include means this interface: its name, or a network that its address is in.
  package func matches(_ entry: String) -> Bool {
    let parts = entry.split(separator: "/")
    guard parts.count == 2, let length = Int(parts[1]), (0...32).contains(length) else { return entry == name }
    let bytes = parts[0].split(separator: ".").compactMap { UInt32($0) }
    guard !bytes.isEmpty, bytes.count <= 4, bytes.allSatisfy({ $0 < 256 }) else { return false }
    let network = (bytes + [0, 0, 0]).prefix(4).reduce(0) { $0 << 8 | $1 }
    let mask: UInt32 = length == 0 ? 0 : ~0 << UInt32(32 - length)
    return address & mask == network & mask
  }
}

private func dotted(_ address: UInt32) -> String {
  stride(from: 24, through: 0, by: -8).map { "\(address >> UInt32($0) & 255)" }.joined(separator: ".")
}

extension NetworkFacts {
  /// The interfaces that Open MPI may use. By default it leaves out loopback and 'sppp'.
  package var usable: [NetworkInterface] {
    if !included.isEmpty { return interfaces.filter { interface in included.contains { interface.matches($0) } } }
    let out = excluded.isEmpty ? ["127.0.0.1/8", "sppp"] : excluded
    return interfaces.filter { interface in !out.contains { interface.matches($0) } }
  }
}

package struct SharedMemoryFacts: Codable, Sendable, Equatable {
  /// Bytes free in /dev/shm.
  package var free = 0
  /// Whether a rank of this host was allowed to read this one's memory; nil when it was not tried.
  package var isReadByNeighbour: Bool?
  /// btl_vader_single_copy_mechanism (Open MPI 4); "none" also where smsc (5) leaves it out.
  package var singleCopy = ""

  package init() {}
}

package struct DirectoryFacts: Codable, Sendable, Equatable {
  package var path = ""
  /// What went wrong when it was looked at; empty if nothing.
  package var problem = ""
  /// Whether the file that rank 0 just wrote there is seen; nil where that is not asked.
  package var seesRankZero: Bool?
  /// Names and sizes of its files.
  package var listing: [String] = []

  package init() {}
}
