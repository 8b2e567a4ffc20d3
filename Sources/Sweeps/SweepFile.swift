import Files
import Foundation
import Matrices
import Training

/// Reads what a sweep file says. Its values are texts, as they stand there.
///
///     data: DIR
///     options: {preset: tiny, epochs: 5}       # of every run
///     grid: {noise-size: [8, 16]}              # every combination
///     random:                                  # with each of them, so many different draws
///       points: 10
///       options: {learning-rate: {from: 1e-4, to: 1e-2, scale: log}, class-weight: [0.001, 0.01]}
///     seeds: [1, 2, 3]
///     winner-seeds: 5
package struct SweepFile {
  private let path: String
  private let json: JSONValue

  private static let known = ["data", "options", "grid", "random", "seeds", "winner-seeds", "choose-by"]
  /// Options that the sweep gives itself.
  private static let own = ["seed"]
  private static let most = 10_000
  /// Draws for each point that is wanted.
  private static let mostDraws = 100
  /// Seeds and ends of ranges of whole numbers stay where a Double holds every one.
  private static let mostWhole = 1 << 53

  /// - Parameter json: the file's mapping.
  package init(_ json: JSONValue, path: String) { (self.json, self.path) = (json, path) }

  private func bad(_ problem: String) -> SweepError { .badFile(path: path, problem: problem) }

  /// - Parameter data: what the command line says, which wins.
  /// - Throws: `SweepError.badFile`, `ConfigurationError` for an option that does not exist or cannot have a value.
  package func plan(data given: String?) throws -> SweepPlan {
    guard let members = json.members else {
      throw bad("it is no mapping of \(Self.known.joined(separator: ", "))")
    }
    guard !members.isEmpty else { throw bad("it says nothing: options, or a grid, are what a sweep is about") }
    if let stranger = members.first(where: { !Self.known.contains($0.key) }) {
      let near = nearest(stranger.key, among: Self.known).map { "; did you mean '\($0)'?" } ?? ""
      throw bad("there is nothing called '\(stranger.key)' in a sweep\(near)")
    }
    guard let data = given ?? json["data"]?.scalarText, !data.isEmpty else {
      throw bad("data is missing: name the data set there, or with --data")
    }
    var common = try scalars("options")
    if !common.contains(where: { $0.name == "select" }) { common.append(("select", Selection.validation.rawValue)) }
    guard common.last(where: { $0.name == "select" })?.value == Selection.validation.rawValue else {
      throw bad("options: select must be validation, as points are compared on validation rows")
    }
    let points = try makePoints()
    let names = Set(common.map(\.name))
    for point in points {
      let own = point.options.map(\.name)
      if let twice = own.first(where: { name in own.count { $0 == name } > 1 }) {
        throw bad("'\(twice)' stands in grid and in random; one of them can vary it")
      }
      for option in point.options where names.contains(option.name) || Self.own.contains(option.name) {
        throw bad("'\(option.name)' is set in options, or by the sweep itself; a grid or draw cannot vary it as well")
      }
      var configuration = Configuration()
      try configuration.apply(common + point.options, place: "\(path), point \(point.number)")
      if !configuration.preset.isEmpty { _ = try Preset.named(configuration.preset) }
    }
    if let own = common.first(where: { Self.own.contains($0.name) }) {
      throw bad("'\(own.name)' stands in options; the sweep has seeds for that")
    }
    let seeds = try numbers("seeds", from: 1) ?? [1]
    let winnerSeeds =
      try numbers("winner-seeds", from: (seeds.max() ?? 0) + 1)
      ?? Array(((seeds.max() ?? 0) + 1)...((seeds.max() ?? 0) + 5))
    guard Set(seeds).isDisjoint(with: winnerSeeds) else {
      throw bad("winner-seeds has seeds that chose the winner; its figures need others")
    }
    return SweepPlan(
      data: data, common: common, points: points, seeds: seeds, winnerSeeds: winnerSeeds, figure: try figure())
  }

  private func figure() throws -> ChoosingFigure {
    guard let value = json["choose-by"] else { return .ausuc }
    guard let figure = value.scalarText.flatMap(ChoosingFigure.init) else {
      throw bad("choose-by must be one of \(ChoosingFigure.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return figure
  }

  /// Names and values of a mapping of single values.
  private func scalars(_ key: String) throws -> [(name: String, value: String)] {
    guard let value = json[key] else { return [] }
    guard let members = value.members else { throw bad("\(key) must be a mapping of names and values") }
    return try members.map { member in
      guard let text = member.value.scalarText else { throw bad("\(key): \(member.key) must have one value") }
      return (member.key, text)
    }
  }

  /// A list of seeds, or how many of them.
  ///
  /// - Parameter first: of a number of seeds.
  private func numbers(_ key: String, from first: Int) throws -> [Int]? {
    guard let value = json[key] else { return nil }
    let problem = bad("\(key) must be a number of seeds from 1, or a list of different ones of 0 to 2⁵³")
    if let list = value.elements {
      let seeds = list.compactMap { $0.scalarText.flatMap { Int($0) } }
      guard !seeds.isEmpty, seeds.count == list.count, Set(seeds).count == seeds.count,
        seeds.allSatisfy((0...Self.mostWhole).contains)
      else { throw problem }
      return seeds
    }
    guard let count = value.scalarText.flatMap({ Int($0) }), (1...Self.most).contains(count) else { throw problem }
    return Array(first..<first + count)
  }

  // MARK: Points

  private func makePoints() throws -> [SweepPlan.Point] {
    var combinations: [[(name: String, value: String)]] = [[]]
    if let grid = json["grid"] {
      guard let members = grid.members else { throw bad("grid must be a mapping of names and lists") }
      for member in members {
        let values = try list(member.value, of: "grid: \(member.key)")
        guard combinations.count * values.count <= Self.most else {
          throw bad("grid has more than \(Self.most) points")
        }
        combinations = combinations.flatMap { before in values.map { before + [(member.key, $0)] } }
      }
    }
    let draws = try makeDraws()
    guard combinations.count * draws.count <= Self.most else { throw bad("there are more than \(Self.most) points") }
    return combinations.flatMap { grid in draws.map { grid + $0 } }.enumerated().map {
      SweepPlan.Point(number: $0 + 1, options: $1)
    }
  }

  private func list(_ value: JSONValue, of name: String) throws -> [String] {
    let texts = value.elements?.compactMap(\.scalarText) ?? value.scalarText.map { [$0] } ?? []
    guard !texts.isEmpty, texts.count == value.elements?.count ?? 1, Set(texts).count == texts.count else {
      throw bad("\(name) must be a list of different values")
    }
    return texts
  }

  private func makeDraws() throws -> [[(name: String, value: String)]] {
    guard let random = json["random"] else { return [[]] }
    guard let members = random.members, members.allSatisfy({ ["points", "seed", "options"].contains($0.key) }),
      let count = random["points"]?.scalarText.flatMap({ Int($0) }), (1...Self.most).contains(count),
      let options = random["options"]?.members, !options.isEmpty
    else { throw bad("random must have points (how many), options, and perhaps seed") }
    guard let seed = UInt64(random["seed"]?.scalarText ?? "1") else { throw bad("random: seed must be a whole number") }
    let source = RandomSource(seed: seed)
    let choices = try options.map { (name: $0.key, choice: try choice($0.value, of: $0.key)) }
    // A draw that was there before is drawn anew. Where there are not so many different ones, not for ever.
    var (found, seen): ([[(name: String, value: String)]], Set<[String]>) = ([], [])
    for step in 0..<Self.mostDraws * count where found.count < count {
      let draw = choices.enumerated().map { place, option in
        (name: option.name, value: option.choice.value(at: Double(source.uniform(.sweep, step: step, row: place))))
      }
      if seen.insert(draw.map(\.value)).inserted { found.append(draw) }
    }
    return found
  }

  private func choice(_ json: JSONValue, of name: String) throws -> RandomChoice {
    guard let members = json.members else { return .list(try list(json, of: "random: \(name)")) }
    let scale = json["scale"]?.scalarText ?? "linear"
    guard members.allSatisfy({ ["from", "to", "scale"].contains($0.key) }), ["linear", "log"].contains(scale),
      let fromText = json["from"]?.scalarText, let toText = json["to"]?.scalarText, let from = Double(fromText),
      let to = Double(toText), from.isFinite, to.isFinite, from < to,
      scale == "linear" || from > 0
    else { throw bad("random: \(name) must be a list, or have from, to (larger), and scale: linear or log (above 0)") }
    let isWhole = [fromText, toText].allSatisfy { Int($0).map { $0.magnitude <= Self.mostWhole } ?? false }
    return .range(from: from, to: to, isLog: scale == "log", isWhole: isWhole)
  }
}

/// What a random draw chooses from.
enum RandomChoice {
  case list([String])
  case range(from: Double, to: Double, isLog: Bool, isWhole: Bool)

  /// - Parameter place: uniform in 0..<1.
  func value(at place: Double) -> String {
    switch self {
    case .list(let values): return values[min(values.count - 1, Int(place * Double(values.count)))]
    case .range(let from, let to, let isLog, let isWhole):
      if isWhole {
        // Each whole number has its share, the ends too.
        let (low, high) = (from - 0.5, to + 0.5)
        let value = isLog ? exp(log(max(low, 0.5)) + place * log(high / max(low, 0.5))) : low + place * (high - low)
        return "\(Int(min(max(value.rounded(), from), to)))"
      }
      let value = isLog ? exp(log(from) + place * log(to / from)) : from + place * (to - from)
      // Three digits: nobody wants to type more when repeating it.
      return "\(Double(String(format: "%.3g", min(max(value, from), to))) ?? value)"
    }
  }
}
