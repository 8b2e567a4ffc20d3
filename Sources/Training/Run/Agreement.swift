import Collectives
import Matrices

/// Ranks of one run that differ in something they must share.
package struct RankDisagreement: SharedFailure {
  package let subject: String
  /// One line per group of ranks that share a value.
  package let groups: [String]
  package let cure: String
  package let exitStatus: ExitStatus

  package var description: String {
    "The ranks differ in \(subject): \(groups.joined(separator: "; ")). \(cure)"
  }
}

/// Checks that every rank holds the same values, and throws the same `RankDisagreement` on every rank otherwise.
///
/// - Parameters:
///   - values: named texts; names and their order must be the same on every rank of one binary.
package func requireAgreement(
  _ values: [(name: String, value: String)], subject: String, cure: String, status: ExitStatus = .ranksDisagree,
  _ communicator: any Communicator
) throws {
  guard communicator.rankCount > 1 else { return }
  let own = values.map { "\($0.name)=\($0.value)" }.joined(separator: "\n")
  let all = try communicator.gather(Array(own.utf8)).map { String(decoding: $0, as: UTF8.self) }
  guard Set(all).count > 1 else { return }
  let tables = all.map { $0.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
  var groups: [String] = []
  for line in 0..<(tables.map(\.count).max() ?? 0) {
    var ranksOf: [String: [Int]] = [:]
    for (rank, table) in tables.enumerated() {
      ranksOf[line < table.count ? table[line] : "(nothing)", default: []].append(rank)
    }
    guard ranksOf.count > 1 else { continue }
    let parts = ranksOf.sorted { $0.value[0] < $1.value[0] }.map { text, ranks in
      "\(text) on rank \(ranks.prefix(8).map(String.init).joined(separator: ", "))\(ranks.count > 8 ? ", …" : "")"
    }
    groups.append(parts.joined(separator: " but "))
  }
  throw RankDisagreement(subject: subject, groups: groups, cure: cure, exitStatus: status)
}
