import Testing

@testable import Diagnosis

/// Ranks of a good set-up: two hosts, two ranks each with two processors and two threads.
private func goodRanks() -> [RankFacts] {
  (0..<4).map { rank in
    var facts = RankFacts()
    facts.rank = rank
    facts.host = "host-\(rank / 2)"
    facts.program.binary = "abc"
    facts.program.instructionSet = "AVX-512"
    facts.processors.allowed = [2 * (rank % 2), 2 * (rank % 2) + 1]
    facts.processors.allocated = [0, 1, 2, 3]
    facts.processors.threads = 2
    (facts.launcher.announced, facts.launcher.ranks) = (4, 4)
    facts.network.interfaces = [
      NetworkInterface(name: "lo", address: 0x7f00_0001, prefixLength: 8),
      NetworkInterface(name: "eth0", address: 0x0a4d_0001 + UInt32(rank / 2), prefixLength: 24),
    ]
    facts.sharedMemory.free = 1 << 30
    facts.sharedMemory.isReadByNeighbour = true
    facts.runDirectory = DirectoryFacts()
    facts.runDirectory?.seesRankZero = true
    facts.data = DirectoryFacts()
    facts.data?.listing = ["res101.mat (7 bytes)"]
    facts.clock = 1000 + Double(rank)
    return facts
  }
}

@Test func aGoodSetUpHasNoFindings() {
  #expect(findings(goodRanks()).isEmpty)
  for facts in goodRanks() { #expect(findingsAlone(facts, spansHosts: true).isEmpty) }
}

@Test func aSingleMistakeOnOneRankIsTheOneFinding() {
  let mistakes: [(subject: Finding.Subject, make: (inout RankFacts) -> Void)] = [
    (.worldSize, { $0.launcher.ranks = 1 }), (.binding, { $0.processors.allowed = [0] }),
    (.binding, { $0.processors.slurmPerTask = 4 }), (.program, { $0.program.binary = "abd" }),
    (.program, { $0.program.messagePassing = "another" }),
    (.network, { $0.network.interfaces[1].address = 0x0a4d_0002 }), (.sharedMemory, { $0.sharedMemory.free = 1 << 20 }),
    (.sharedMemory, { $0.sharedMemory.isReadByNeighbour = false }),
    (.runDirectory, { $0.runDirectory?.seesRankZero = false }), (.runDirectory, { $0.runDirectory?.problem = "no" }),
    (.data, { $0.data?.listing = ["res101.mat (8 bytes)"] }), (.data, { $0.data?.problem = "no" }),
    (.clock, { $0.clock = 0 }),
  ]
  for (index, mistake) in mistakes.enumerated() {
    var ranks = goodRanks()
    mistake.make(&ranks[0])
    let found = findings(ranks)
    #expect(found.map(\.subject) == [mistake.subject], "mistake \(index)")
    #expect(found.first?.cure.isEmpty == false)
  }
}

@Test func moreThreadsThanProcessorsAndIdleProcessorsAreFound() {
  var ranks = goodRanks()
  for rank in ranks.indices { ranks[rank].processors.allowed = [0, 1] }
  let shared = findings(ranks)
  #expect(shared.map(\.subject) == [.threads, .threads])
  #expect(shared[0].text.contains("4 threads together share 2"))
  for rank in ranks.indices {
    ranks[rank].processors.allowed = [rank % 2]
    ranks[rank].processors.threads = 1
  }
  #expect(findings(ranks).map(\.subject) == [.binding, .binding])
  for rank in ranks.indices { ranks[rank].processors.threadsAreChosen = true }
  #expect(findings(ranks).isEmpty, "whoever asks for one thread gets no lecture")
}

@Test func directCopiesThatAreTurnedOffNeedNoPermission() {
  var ranks = goodRanks()
  ranks[1].sharedMemory.isReadByNeighbour = false
  ranks[1].sharedMemory.singleCopy = "none"
  #expect(findings(ranks).isEmpty)
}

@Test func aRankAloneKnowsThatItsInterfaceLeadsNowhere() {
  for entries in [["lo"], ["127.0.0.0/8"], ["eth7"], ["10.99.0.0/16"], ["eth0", "eth7"]] {
    var facts = goodRanks()[0]
    facts.network.included = entries
    #expect(findingsAlone(facts, spansHosts: true).map(\.subject) == [.network], "\(entries)")
    #expect(findingsAlone(facts, spansHosts: false).isEmpty, "one host needs no network")
  }
  for entries in [["eth0"], ["10.77.0.0/24"], ["10.0.0.0/8"]] {
    var facts = goodRanks()[0]
    facts.network.included = entries
    #expect(findingsAlone(facts, spansHosts: true).isEmpty, "\(entries)")
  }
}

@Test func networksMatchByPrefix() {
  let interface = NetworkInterface(name: "eth0", address: 0xac11_0001, prefixLength: 16)
  for entry in ["eth0", "172.17.0.0/16", "172.17/16", "0.0.0.0/0", "172.17.0.1/32"] {
    #expect(interface.matches(entry), "\(entry)")
  }
  for entry in ["eth", "172.18.0.0/16", "172.17.0.0/33", "172.17.0.0/x", "", "/", "172.17.0.300/16"] {
    #expect(!interface.matches(entry), "\(entry)")
  }
  #expect("\(interface)" == "eth0 172.17.0.1/16")
}

@Test func processorListsAreRead() {
  #expect(processorList("0-3,8,10-11") == [0, 1, 2, 3, 8, 10, 11])
  #expect(processorList("") == [])
  #expect(processorList("x,3-1,5") == [5])
}

@Test(arguments: 1...9) func everyPairOfHostsMeetsOnce(count: Int) {
  var met: Set<[Int]> = []
  for round in 0..<max(0, count - 1 + count % 2) {
    let pairs = pairings(round: round, of: count)
    let busy = pairs.flatMap { [$0.0, $0.1] }
    #expect(Set(busy).count == busy.count, "nobody is asked twice in round \(round)")
    for pair in pairs {
      #expect(pair.0 < pair.1)
      #expect(met.insert([pair.0, pair.1]).inserted, "\(pair) met before round \(round)")
    }
  }
  #expect(met.count == count * (count - 1) / 2)
}

@Test func aSlowLinkIsFoundAmongOthers() {
  let links = [1.0, 1.1, 0.3, 0.9].enumerated().map {
    Link(hosts: ["a", "b\($0)"], latency: 1e-5, bandwidth: $1 * 1e9)
  }
  #expect(speedFindings(links).map(\.text) == ["a and b2 exchange 300 MB/s, other hosts 1000"])
  #expect(speedFindings(Array(links.prefix(2))).isEmpty, "two links do not tell which one is slow")
}
