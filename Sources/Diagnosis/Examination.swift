import Collectives
import Files
import Foundation
import Glibc
import Matrices

extension Communicator {
  /// A value of every rank, on every rank; nil where it cannot be read, as from another version of this program.
  func gatherValues<Value: Codable>(_ value: Value) throws -> [Value?] {
    let bytes = (try? JSONValue(encoding: value)).map { Array($0.text().utf8) } ?? []
    return try gather(bytes).map { try? JSONDecoder().decode(Value.self, from: Data($0)) }
  }
}

/// Looks at a job's set-up on all its ranks.
package struct Examination {
  package private(set) var findings: [Finding]
  /// What was measured and seen, line by line.
  package private(set) var report: [String] = []

  /// - Parameters:
  ///   - facts: of this rank; completed here with what only ranks together can tell.
  ///   - runDirectory: that training would use, if known. Rank 0 writes a file there, or in the nearest folder above that exists, and
  ///     removes it again.
  ///   - data: folder to train on, if known.
  /// - Throws: `CollectiveError`.
  package init(_ facts: RankFacts, runDirectory: String?, data: String?, _ communicator: any Communicator) throws {
    var facts = facts
    facts.rank = communicator.rank
    facts.launcher.ranks = communicator.rankCount
    (facts.launcher.announced, facts.launcher.variable) = MPICommunicator.announcedRanks ?? (nil, "")
    if communicator is MPICommunicator { facts.program.messagePassing = MPICommunicator.libraryVersion }
    facts.data = data.map { DirectoryFacts.ofData($0) }
    facts.runDirectory = try runDirectory.map { try Self.look(at: $0, communicator) }
    facts.sharedMemory.isReadByNeighbour = try Self.isReadByNeighbour(facts, communicator)
    _ = try communicator.sum(0)
    facts.clock = Date().timeIntervalSince1970
    let all = try communicator.gatherValues(facts)
    let known = all.compactMap { $0 }
    findings = Diagnosis.findings(known)
    for (rank, fact) in all.enumerated() where fact == nil {
      findings.append(
        Finding(.program, "rank \(rank) runs another version of cegzsl", cure: "copy one binary to every host"))
    }
    let hosts = byHost(known)
    report.append(
      "\(hosts.count) host(s), \(all.count) rank(s), \(facts.processors.threads) thread(s) on rank \(facts.rank); "
        + "cegzsl \(facts.program.version) (\(facts.program.binary.prefix(12))), \(facts.program.products) with "
        + "\(facts.program.instructionSet), \(facts.program.messagePassing.isEmpty ? "no MPI" : facts.program.messagePassing)"
    )
    // Large messages would fail where neighbours may not be read.
    guard let mpi = communicator as? MPICommunicator, mpi.rankCount > 1,
      !findings.contains(where: { $0.subject == .sharedMemory || $0.subject == .program })
    else { return }
    let probe = LinkProbe(mpi, hosts: known.map(\.host))
    let links = try probe.links()
    for link in links.prefix(64) {
      report.append(
        "\(link.hosts.joined(separator: " – ")): \(microseconds(link.latency)) µs, \(megabytes(link.bandwidth)) MB/s")
    }
    if links.count > 64 { report.append("… and \(links.count - 64) pairs of hosts more") }
    let speed = try probe.collectives()
    report.append(
      "all ranks: all-reduce of one number \(microseconds(speed.allReduce)) µs, all-gather \(megabytes(speed.allGather)) MB/s to "
        + "each rank")
    findings += speedFindings(links)
  }

  private static func look(at path: String, _ communicator: any Communicator) throws -> DirectoryFacts {
    var facts = DirectoryFacts()
    facts.path = path
    var folder = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    var token = ""
    if communicator.isRoot {
      while folder.count > 1, access(folder, F_OK) != 0 { folder = parentFolder(of: folder) }
      token = folder + "/.cegzsl-doctor-\(getpid())-\(UInt32.random(in: 0...(.max)))"
      do {
        let file = try PosixStorage().createFile(token)
        try PosixStorage().close(file, path: token)
      } catch {
        facts.problem = "\(path) cannot be written: \(error)"
        token = ""
      }
    }
    token = String(decoding: try communicator.broadcast(Array(token.utf8)), as: UTF8.self)
    if !token.isEmpty { facts.seesRankZero = access(token, F_OK) == 0 }
    _ = try communicator.sum(0)
    if communicator.isRoot, !token.isEmpty { try? PosixStorage().removeFile(token) }
    return facts
  }

  /// Every rank tries to read from the next one of its host.
  private static func isReadByNeighbour(_ facts: RankFacts, _ communicator: any Communicator) throws -> Bool? {
    struct Place: Codable {
      let host: String
      let process: Int32
      let address: UInt
    }
    let places = try communicator.gatherValues(
      Place(host: facts.host, process: facts.process, address: MPICommunicator.readableAddress))
    let here = places.indices.filter { places[$0]?.host == facts.host }
    guard here.count > 1, let own = here.firstIndex(of: communicator.rank) else {
      _ = try communicator.gatherValues([Int: Bool]())
      return nil
    }
    let next = here[(own + 1) % here.count]
    let isRead = places[next].map { MPICommunicator.canRead(process: $0.process, address: $0.address) } ?? false
    return try communicator.gatherValues([next: isRead]).compactMap { $0?[communicator.rank] }.first
  }
}

private func microseconds(_ seconds: Double) -> String {
  seconds < 1e-4 ? String(format: "%.1f", seconds * 1e6) : "\(Int((seconds * 1e6).rounded()))"
}
