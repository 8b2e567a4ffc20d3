import Checkpoints
import Files
import Models

extension RunSummary {
  /// What `cegzsl show --json` prints, for programs: names as they are, fractions, paths; null for what is unknown.
  ///
  /// `features` and `descriptors` are sizes; a class's `role` is seen, unseen, or unused (it has no rows, and is never answered).
  package var json: JSONValue {
    let newest = checkpoints.first
    return [
      "run": .string(path), "finished": .boolean(isFinished), "iteration": .integer(newest?.summary.iteration),
      "epoch": .integer(newest?.summary.epoch), "last_iteration": .integer(lastIteration),
      "features": .integer(classes?.scaling.featureSize), "descriptors": .integer(classes?.classes.attributeSize),
      "classes": classes.map { .array(Self.json($0.classes)) } ?? .null,
      "options": .object(options.map { JSONMember($0.name, .string($0.value)) }),
      "figures": figures,
      "extended_from": (newest?.summary.state[ExtendedRun.originKey]).map(JSONValue.string) ?? .null,
      "checkpoints": .array(checkpoints.map(Self.json)), "best": .integer(bestEntry?.summary.iteration),
      "damaged": .array(damaged.map(JSONValue.string)),
      "in_use_by": holder.map(JSONValue.string) ?? .null,
    ]
  }

  private static func json(_ table: ClassTable) -> [JSONValue] {
    zip(table.names, table.roles).map { name, role in ["name": .string(name), "role": .string("\(role)")] }
  }

  private static func json(_ entry: Entry) -> JSONValue {
    [
      "iteration": .integer(entry.summary.iteration), "epoch": .integer(entry.summary.epoch),
      "path": .string(entry.summary.path), "complete": .boolean(entry.summary.isComplete && entry.problem == nil),
      "problem": entry.problem.map(JSONValue.string) ?? .null,
    ]
  }

  /// Those of `results.json`.
  private var figures: JSONValue {
    guard let results else { return .null }
    let names = ["unseen", "seen", "harmonic", "zsl"]
    return .object(names.map { JSONMember($0, results[$0] ?? .null) })
  }
}

extension JSONValue {
  fileprivate static func integer(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }
}
