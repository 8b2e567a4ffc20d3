import Collectives
import Diagnosis
import Files
import Foundation
import Matrices

/// Why a rank ends before its work is done, in a form that travels.
struct LastWords: Codable {
  let status: Int32
  let text: String
  /// Whether one rank's text is everybody's.
  let isShared: Bool
  /// Seconds that this rank waits for the others to come here too; those that do not are stopped by it.
  let patience: Double
  var host = hostName()

  init(_ error: any Error) {
    let isShared = error is any SharedFailure
    let patience: Double =
      switch error {
      case is CollectiveError: 0  // messages may no longer travel
      // All are on their way, perhaps after a checkpoint is written.
      case is RootFailure: Self.untilAllCome
      default: isShared ? Self.untilAllCome : Self.short
      }
    self.init(
      (error as? any ReportableError)?.exitStatus ?? .inputOutput, "\(error)", isShared: isShared, patience: patience)
  }

  init(_ status: ExitStatus, _ text: String, isShared: Bool = false, patience: Double = LastWords.short) {
    (self.status, self.text, self.isShared, self.patience) = (status.rawValue, text, isShared, patience)
  }

  /// Also the time that a failure of one rank takes to end the job.
  private static let short = 5.0
  private static let untilAllCome = 86400.0

  /// Cut to what one message holds; JSON may need several bytes for a character.
  fileprivate var message: [UInt8] {
    var short = String(text.prefix(MPICommunicator.longestLastWords / 2))
    while true {
      let cut = LastWords(ExitStatus(rawValue: status) ?? .inputOutput, short, isShared: isShared)
      let bytes = (try? JSONValue(encoding: cut)).map { Array($0.text().utf8) } ?? []
      if bytes.count <= MPICommunicator.longestLastWords || short.isEmpty { return bytes }
      short = String(short.prefix(short.count / 2))
    }
  }
}

/// Ends this rank after an error. Where all ranks come here, rank 0 says what there is to say, once, and they end as after
/// any other work. A rank that stays the only one names itself and its host, and takes the others with it.
func leave(_ communicator: any Communicator, _ own: LastWords) -> Never {
  guard let ranks = communicator as? MPICommunicator, ranks.rankCount > 1 else {
    // Alone, or one of several processes that MPI did not connect: the first of them speaks.
    if MPICommunicator.launchedRank == 0 { writeError(named("", own.text)) }
    try? communicator.finalize()
    exit(own.status)
  }
  let words = own.patience > 0 ? ranks.lastWords(own.message, withinSeconds: own.patience) : nil
  guard let words else {
    writeError(named("rank \(ranks.rank) of \(ranks.rankCount) on host \(own.host)", own.text))
    ranks.abort(own.status)
  }
  let all = words.map { try? JSONDecoder().decode(LastWords.self, from: Data($0)) }
  if ranks.isRoot {
    summary(all.map { $0 ?? own }, own).forEach { writeError($0) }
  }
  try? ranks.finalize()
  exit(all.first.flatMap { $0?.status } ?? own.status)
}

/// Before MPI is there, as with a wrong command line.
func leaveEarly(_ own: LastWords) -> Never {
  let announced = MPICommunicator.announcedRanks?.count ?? 1
  let words = CommandLine.arguments.dropFirst()
  // 'presets' and 'reference --print' never ask for MPI: a rank that did would wait for the others.
  let isLonely =
    words.first == nil || words.first == "presets" || (words.first == "reference" && words.contains("--print"))
  guard MPICommunicator.wasLaunched, announced > 1, !isLonely else {
    leave(SingleProcess(), own)
  }
  // The others may have got another command.
  let deadline = Deadline(
    seconds: 10, status: ExitStatus(rawValue: own.status) ?? .usage,
    text: named("rank \(MPICommunicator.launchedRank) of \(announced) on host \(own.host)", own.text))
  guard let communicator = try? MPICommunicator() else { leave(SingleProcess(), own) }
  deadline.met()
  leave(communicator, own)
}

/// One text for each group of ranks that say the same; one without ranks where all do.
private func summary(_ all: [LastWords], _ own: LastWords) -> [String] {
  var (order, groups): ([String], [String: [Int]]) = ([], [:])
  for (rank, words) in all.enumerated() {
    if groups[words.text] == nil { order.append(words.text) }
    groups[words.text, default: []].append(rank)
  }
  guard order.count > 1, !own.isShared else { return [named("", own.text)] }
  return order.map { text in
    let ranks = groups[text] ?? []
    let shown = ranks.prefix(8).map { "\($0)" }.joined(separator: ", ") + (ranks.count > 8 ? ", …" : "")
    let hosts = Set(ranks.map { all[$0].host }).sorted()
    let places = hosts.prefix(4).joined(separator: ", ") + (hosts.count > 4 ? ", …" : "")
    return named(
      "rank\(ranks.count > 1 ? "s" : "") \(shown) of \(all.count) on host\(hosts.count > 1 ? "s" : "") \(places)", text)
  }
}

/// The command line's own messages ("Error: …", with a usage line) stand for themselves.
private func named(_ who: String, _ text: String) -> String {
  if !who.isEmpty { return "cegzsl (\(who)): \(text)" }
  return text.hasPrefix("Error: ") ? text : "cegzsl: \(text)"
}
