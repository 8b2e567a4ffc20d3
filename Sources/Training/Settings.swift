import Networks

/// One option by its name in files and on the command line: how to read it into a configuration and how to print it.
package struct Setting: Sendable {
  package let name: String
  /// Whether a resumed run may change it: it does not alter the trajectory.
  package let mayChangeOnResume: Bool
  package let expected: String
  fileprivate let assign: @Sendable (inout Configuration, String) -> Bool
  package let print: @Sendable (Configuration) -> String

  /// Reads `value`, or throws `ConfigurationError.badValue`.
  ///
  /// - Parameter place: where the value stood, for the message: "command line", or a file's path.
  package func apply(_ value: String, to configuration: inout Configuration, place: String) throws {
    guard assign(&configuration, value) else {
      throw ConfigurationError.badValue(name: name, value: value, expected: expected, place: place)
    }
  }
}

extension Configuration {
  /// Every option, in the order in which `config.yaml` lists them.
  package static let settings: [Setting] = [
    text("preset", \.preset, mayChange: true),
    text("features", \.features),
    text("class-embedding", \.classEmbedding),
    integer("batch-size", \.batchSize, 1...(1 << 24)),
    integer("leaf-rows", \.leafRows, 0...(1 << 20)),
    integer("micro-batch-size", \.microBatchSize, 0...(1 << 24), mayChange: true),
    integer("projection-memory", \.projectionMemory, 0...(1 << 30), mayChange: true),
    integer("epochs", \.epochs, 0...(1 << 30), mayChange: true),
    integer("max-iterations", \.maxIterations, 0...(1 << 31), mayChange: true),
    number("learning-rate", \.learningRate, above: 0),
    integer("learning-rate-decay-epochs", \.learningRateDecayEpochs, 0...(1 << 30)),
    integer("noise-size", \.noiseSize, 0...(1 << 20)),
    integer("generator-width", \.generatorWidth, 1...(1 << 20)),
    integer("critic-width", \.criticWidth, 1...(1 << 20)),
    integer("embedding-size", \.embeddingSize, 1...(1 << 20)),
    integer("projection-size", \.projectionSize, 1...(1 << 20)),
    integer("comparator-width", \.comparatorWidth, 1...(1 << 20)),
    choice("embedding", \.embedding),
    number("instance-weight", \.instanceWeight, from: 0),
    number("class-weight", \.classWeight, from: 0),
    number("instance-temperature", \.instanceTemperature, above: 0),
    number("class-temperature", \.classTemperature, above: 0),
    number("gradient-penalty-weight", \.gradientPenaltyWeight, from: 0),
    number("semantic-margin", \.semanticMargin, from: 0),
    integer("critic-iterations", \.criticIterations, 1...1000),
    flag("accumulate-comparator-gradient", \.accumulateComparatorGradient),
    integer("synthetic-per-class", \.syntheticPerClass, 1...(1 << 24), mayChange: true),
    integer("classifier-epochs", \.classifierEpochs, 1...65535, mayChange: true),
    number("classifier-learning-rate", \.classifierLearningRate, above: 0, mayChange: true),
    integer("classifier-batch-size", \.classifierBatchSize, 0...(1 << 24), mayChange: true),
    choice("select", \.select),
    interval("evaluate-every", \.evaluateEvery),
    interval("checkpoint-every", \.checkpointEvery),
    integer("keep", \.keep, 2...1_000_000, mayChange: true),
    integer("watchdog", \.watchdog, 0...1_000_000, mayChange: true),
    integer("seed", \.seed, 0...(1 << 62)),
    choice("precision", \.precision),
  ]

  /// Sets options by name, or throws `ConfigurationError`.
  package mutating func apply(_ values: [(name: String, value: String)], place: String) throws {
    for (name, value) in values {
      guard let setting = Self.settings.first(where: { $0.name == name }) else {
        throw ConfigurationError.unknownName(
          name: name, place: place, nearest: nearest(name, among: Self.settings.map(\.name)))
      }
      try setting.apply(value, to: &self, place: place)
    }
  }

  /// Name and printed value of every option.
  package var resolved: [(name: String, value: String)] { Self.settings.map { ($0.name, $0.print(self)) } }

  /// The options that shape the trajectory, for comparing a checkpoint's run, or another rank's, with this one.
  package var trajectory: [(name: String, value: String)] {
    Self.settings.filter { !$0.mayChangeOnResume }.map { ($0.name, $0.print(self)) }
  }

  private static func text(
    _ name: String, _ path: WritableKeyPath<Configuration, String> & Sendable, mayChange: Bool = false
  ) -> Setting {
    Setting(
      name: name, mayChangeOnResume: mayChange, expected: "a text",
      assign: {
        $0[keyPath: path] = $1
        return true
      }, print: { $0[keyPath: path] })
  }

  private static func integer(
    _ name: String, _ path: WritableKeyPath<Configuration, Int> & Sendable, _ range: ClosedRange<Int>,
    mayChange: Bool = false
  ) -> Setting {
    Setting(
      name: name, mayChangeOnResume: mayChange,
      expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
      assign: {
        guard let value = Int($1), range.contains(value) else { return false }
        $0[keyPath: path] = value
        return true
      }, print: { "\($0[keyPath: path])" })
  }

  private static func number(
    _ name: String, _ path: WritableKeyPath<Configuration, Double> & Sendable, above: Double? = nil,
    from: Double? = nil, mayChange: Bool = false
  ) -> Setting {
    Setting(
      name: name, mayChangeOnResume: mayChange,
      expected: above.map { "a number above \($0)" } ?? "a number not below \(from ?? 0)",
      assign: {
        guard let value = Double($1), value.isFinite, value > above ?? -.infinity, value >= from ?? -.infinity
        else { return false }
        $0[keyPath: path] = value
        return true
      }, print: { "\($0[keyPath: path])" })
  }

  private static func flag(_ name: String, _ path: WritableKeyPath<Configuration, Bool> & Sendable) -> Setting {
    Setting(
      name: name, mayChangeOnResume: false, expected: "true or false",
      assign: {
        guard let value = Bool($1) else { return false }
        $0[keyPath: path] = value
        return true
      }, print: { "\($0[keyPath: path])" })
  }

  private static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ path: WritableKeyPath<Configuration, Value> & Sendable
  ) -> Setting {
    Setting(
      name: name, mayChangeOnResume: false,
      expected: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
      assign: {
        guard let value = Value(rawValue: $1) else { return false }
        $0[keyPath: path] = value
        return true
      }, print: { $0[keyPath: path].rawValue })
  }

  private static func interval(_ name: String, _ path: WritableKeyPath<Configuration, Interval> & Sendable) -> Setting {
    Setting(
      name: name, mayChangeOnResume: true,
      expected: "a number of iterations, or e.g. 5epochs (0 for never)",
      assign: {
        guard let value = Interval($1) else { return false }
        $0[keyPath: path] = value
        return true
      }, print: { $0[keyPath: path].description })
  }
}

/// The known name with the smallest edit distance, if that is small.
func nearest(_ name: String, among known: [String]) -> String? {
  func distance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for i in a.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let change = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(change, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
  let ranked = known.map { ($0, distance(Array(name), Array($0))) }.min { $0.1 < $1.1 }
  return ranked.flatMap { $0.1 <= max(2, name.count / 3) ? $0.0 : nil }
}
