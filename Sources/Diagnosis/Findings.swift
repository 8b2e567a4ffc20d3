// What is wrong with a set-up, as pure functions of what the ranks found out about themselves.

/// Something that would slow a job down, make it hang or fail, and what to do about it.
package struct Finding: Sendable, Equatable, CustomStringConvertible {
  package enum Subject: String, Sendable {
    case worldSize = "world size"
    case binding, threads
    case program, network
    case sharedMemory = "shared memory"
    case runDirectory = "run directory"
    case data, clock, speed
  }

  package let subject: Subject
  /// What, and on which host and ranks.
  package let text: String
  package let cure: String

  package init(_ subject: Subject, _ text: String, cure: String) {
    self.subject = subject
    self.text = text
    self.cure = cure
  }

  package var description: String { "\(subject.rawValue): \(text)\n  cure: \(cure)" }
}

/// Everything that is wrong with these ranks; empty for a good set-up.
///
/// - Parameter facts: of every rank, in rank order.
package func findings(_ facts: [RankFacts]) -> [Finding] {
  launcherFindings(facts) + processorFindings(facts) + programFindings(facts) + networkFindings(facts)
    + sharedMemoryFindings(facts) + directoryFindings(facts) + clockFindings(facts)
}

/// What one rank can tell before it has met the others: where these are wrong, it may never meet them.
package func findingsAlone(_ facts: RankFacts, spansHosts: Bool) -> [Finding] {
  var result: [Finding] = []
  let network = facts.network
  let list = network.interfaces.map(\.description).joined(separator: ", ")
  let missing = network.included.filter { entry in !network.interfaces.contains { $0.matches(entry) } }
  if network.usable.isEmpty || !missing.isEmpty {
    let what =
      missing.isEmpty
      ? "btl_tcp_if_exclude leaves no interface" : "btl_tcp_if_include names '\(missing.joined(separator: ","))'"
    if spansHosts {
      result.append(
        Finding(
          .network, "\(what) on host \(facts.host), which has \(list.isEmpty ? "none that is up" : list)",
          cure:
            "name the network that connects the hosts, as address/bits: --interface of launch/cluster and launch/mpirun, "
            + "or --mca btl_tcp_if_include"))
    }
  } else if spansHosts, network.usable.allSatisfy(\.isLoopback) {
    result.append(
      Finding(
        .network,
        "Open MPI may use only \(network.usable[0]) on host \(facts.host): other hosts cannot be reached over it",
        cure: "name the network that connects the hosts; host \(facts.host) has \(list)"))
  }
  return result
}

private func launcherFindings(_ facts: [RankFacts]) -> [Finding] {
  guard let first = facts.first, let announced = first.launcher.announced, announced != first.launcher.ranks else {
    return []
  }
  return [
    Finding(
      .worldSize,
      "the launcher started \(announced) processes (\(first.launcher.variable)), but they are \(first.launcher.ranks) "
        + "to each other: each would train by itself, into the same run directory",
      cure:
        "start with the mpirun of the Open MPI that cegzsl is linked to (ldd), or with srun --mpi=pmix where Slurm has PMIx"
    )
  ]
}

/// Facts by host, in the order of the hosts' first ranks.
func byHost(_ facts: [RankFacts]) -> [(host: String, ranks: [RankFacts])] {
  var (order, groups): ([String], [String: [RankFacts]]) = ([], [:])
  for fact in facts {
    if groups[fact.host] == nil { order.append(fact.host) }
    groups[fact.host, default: []].append(fact)
  }
  return order.map { ($0, groups[$0] ?? []) }
}

private func list(_ ranks: [RankFacts]) -> String {
  let shown = ranks.prefix(8).map { "\($0.rank)" }.joined(separator: ", ")
  return "rank\(ranks.count > 1 ? "s" : "") \(shown)\(ranks.count > 8 ? ", …" : "")"
}

private func processorFindings(_ facts: [RankFacts]) -> [Finding] {
  byHost(facts).flatMap { host, ranks in
    let threads = ranks.reduce(0) { $0 + $1.processors.threads }
    let usable = Set(ranks.flatMap(\.processors.allowed))
    let allocated = Set(ranks.flatMap(\.processors.allocated)).union(usable)
    let squeezed = ranks.filter { $0.processors.threads > $0.processors.allowed.count }
    if let first = squeezed.first {
      return [
        Finding(
          .binding,
          "\(list(squeezed)) on host \(host): \(first.processors.threads) threads are bound to "
            + "\(first.processors.allowed.count) processor(s), though the host has \(allocated.count)",
          cure:
            "mpirun --map-by slot:PE=\(first.processors.threads) --bind-to core, or --bind-to none (launch/ does the right one)"
        )
      ]
    }
    var result: [Finding] = []
    if threads > usable.count {
      result.append(
        Finding(
          .threads,
          "host \(host): \(ranks.count) rank(s) with \(threads) threads together share \(usable.count) processor(s)",
          cure: "fewer ranks, or --threads \(max(1, usable.count / ranks.count)) (OMP_NUM_THREADS)"))
    } else if usable.count < allocated.count && !ranks.allSatisfy(\.processors.threadsAreChosen) {
      result.append(
        Finding(
          .binding,
          "host \(host): the ranks are bound to \(usable.count) of \(allocated.count) processors, the others stay idle",
          cure:
            "mpirun --map-by slot:PE=\(max(1, allocated.count / ranks.count)) --bind-to core, or --bind-to none with --threads "
            + "\(max(1, allocated.count / ranks.count))"))
    }
    let short = ranks.filter { ($0.processors.slurmPerTask ?? 0) > $0.processors.allowed.count }
    if let first = short.first {
      result.append(
        Finding(
          .binding,
          "\(list(short)) on host \(host): SLURM_CPUS_PER_TASK is \(first.processors.slurmPerTask ?? 0), but "
            + "\(first.processors.allowed.count) processor(s) may be used",
          cure:
            "srun of Slurm 22.05 and later does not take --cpus-per-task over from sbatch: export SRUN_CPUS_PER_TASK too"
        ))
    }
    return result
  }
}

private func programFindings(_ facts: [RankFacts]) -> [Finding] {
  let same = "install the same on every host, or use a shared file system"
  let parts: [(name: String, value: (ProgramFacts) -> String, cure: String)] = [
    (
      "cegzsl", { "\($0.version) (\($0.binary.prefix(12)))" },
      "copy one binary to every host, or use a shared file system"
    ),
    ("Open MPI", { $0.messagePassing }, same), ("oneDNN", { $0.products }, same),
  ]
  return parts.compactMap { name, value, cure in
    var hostsOf: [String: [String]] = [:]
    for (host, ranks) in byHost(facts) {
      for text in Set(ranks.map { value($0.program) }) { hostsOf[text, default: []].append(host) }
    }
    guard hostsOf.count > 1 else { return nil }
    let texts = hostsOf.sorted { $0.value[0] < $1.value[0] }.map { text, hosts in
      "\(text) on \(hosts.prefix(4).joined(separator: ", "))\(hosts.count > 4 ? ", …" : "")"
    }
    return Finding(.program, "the hosts differ in \(name): \(texts.joined(separator: "; "))", cure: cure)
  }
}

private func networkFindings(_ facts: [RankFacts]) -> [Finding] {
  let hosts = byHost(facts).map { ($0.host, $0.ranks[0].network.usable.filter { !$0.isLoopback }) }
  guard hosts.count > 1 else { return [] }
  var hostsOf: [UInt32: [String]] = [:]
  for (host, interfaces) in hosts {
    for address in Set(interfaces.map(\.address)) { hostsOf[address, default: []].append(host) }
  }
  return hostsOf.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.compactMap { address, names in
    guard let interface = hosts.flatMap({ $0.1 }).first(where: { $0.address == address }) else { return nil }
    return Finding(
      .network,
      "\(interface) exists on \(names.prefix(4).joined(separator: ", ")) with the same address, and Open MPI may use it: "
        + "messages between hosts can end where they began",
      cure: "name the network that connects the hosts: --interface of launch/, or --mca btl_tcp_if_include address/bits"
    )
  }
}

private func sharedMemoryFindings(_ facts: [RankFacts]) -> [Finding] {
  byHost(facts).flatMap { host, ranks in
    var result: [Finding] = []
    let needed = 8 << 20  // a segment of 4 MiB a rank, and as much again for what grows
    let free = ranks.map(\.sharedMemory.free).min() ?? 0
    if ranks.count > 1 && free < needed * ranks.count {
      result.append(
        Finding(
          .sharedMemory,
          "host \(host): /dev/shm has \(free >> 20) MiB left, \(ranks.count) ranks want about "
            + "\(needed * ranks.count >> 20)",
          cure: "enlarge it (docker run --shm-size=1g), or remove what fills it"))
    }
    let unread = ranks.filter { $0.sharedMemory.isReadByNeighbour == false && $0.sharedMemory.singleCopy != "none" }
    if !unread.isEmpty {
      result.append(
        Finding(
          .sharedMemory,
          "\(list(unread)) on host \(host): other ranks may not read their memory directly (a container's call "
            + "filter, or ptrace_scope): large messages would fail",
          cure: "OMPI_MCA_btl_vader_single_copy_mechanism=none, with Open MPI 5 OMPI_MCA_smsc=^cma (launch/ sets them "
            + "in containers), or --cap-add=SYS_PTRACE"
        ))
    }
    return result
  }
}

private func directoryFindings(_ facts: [RankFacts]) -> [Finding] {
  var result: [Finding] = []
  for (name, subject, cure) in [
    (\RankFacts.runDirectory, Finding.Subject.runDirectory, "give --run a path on a file system that all hosts mount"),
    (\RankFacts.data, .data, "put the data where every host reads it, at one path"),
  ] {
    for (host, ranks) in byHost(facts) {
      guard let bad = ranks.first(where: { !($0[keyPath: name]?.problem ?? "").isEmpty }),
        let directory = bad[keyPath: name]
      else { continue }
      result.append(Finding(subject, "rank \(bad.rank) on host \(host): \(directory.problem)", cure: cure))
    }
  }
  let unseen = facts.filter { $0.runDirectory?.seesRankZero == false }
  if let first = unseen.first, let path = first.runDirectory?.path {
    let hosts = byHost(unseen).map(\.host).prefix(4).joined(separator: ", ")
    result.append(
      Finding(
        .runDirectory,
        "\(path) on \(hosts) is not the one of rank 0 (host \(facts[0].host)): a restart there would not find the "
          + "checkpoints", cure: "give --run a path on a file system that all hosts mount"))
  }
  let listings = facts.compactMap(\.data).filter { $0.problem.isEmpty }
  if let first = listings.first, let other = listings.first(where: { $0.listing != first.listing }) {
    let difference = Set(first.listing).symmetricDifference(other.listing).sorted().prefix(3).joined(separator: ", ")
    result.append(
      Finding(
        .data, "\(first.path) does not hold the same files on every host: \(difference)",
        cure: "copy the same files to every host"))
  }
  return result
}

/// Times in logs and checkpoints should mean the same on all hosts.
private func clockFindings(_ facts: [RankFacts]) -> [Finding] {
  guard let early = facts.min(by: { $0.clock < $1.clock }), let late = facts.max(by: { $0.clock < $1.clock }) else {
    return []
  }
  let seconds = late.clock - early.clock
  guard early.host != late.host, seconds > 5 else { return [] }
  return [
    Finding(
      .clock, "host \(late.host) is \(Int(seconds)) seconds ahead of host \(early.host)",
      cure: "synchronise the hosts' clocks (chrony, systemd-timesyncd)")
  ]
}
