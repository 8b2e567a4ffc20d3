import Training

/// Options in which runs differ.
package struct OptionDifferences: Sendable, Equatable {
  package struct Row: Sendable, Equatable {
    package let name: String
    /// One a run; nil where its `config.yaml` does not name the option.
    package let values: [String?]
  }

  package let rows: [Row]

  /// - Parameter runs: names and values of each run's options. Of a single run: what differs from the defaults.
  package init(_ runs: [[(name: String, value: String)]]) {
    let tables = runs.map { Dictionary($0.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }) }
    var names = Settings.list.map(\.name)
    // Of other versions.
    for table in tables { names += table.keys.filter { !names.contains($0) }.sorted() }
    let defaults = Dictionary(uniqueKeysWithValues: Configuration().resolved.map { ($0.name, $0.value) })
    rows = names.compactMap { name in
      // An option that did not exist yet had what is the default now.
      let values = tables.map { $0.isEmpty ? nil : $0[name] ?? defaults[name] }
      let known = runs.count == 1 ? values + [defaults[name]] : values
      return Set(known).count > 1 ? Row(name: name, values: values) : nil
    }
  }
}
