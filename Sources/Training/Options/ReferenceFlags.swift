// The flags of the authors' program CE_GZSL.py (github.com/Hanzy1996/CE-GZSL), with its defaults, in the words of this one.
import Matrices

/// A flag of the authors' that cannot be followed.
package struct ReferenceFlagError: ReportableError, Equatable {
  package let reason: String
  package var exitStatus: ExitStatus { .usage }
  package var description: String { "reference: \(reason)" }
}

/// What a command line of the authors' program asks for.
package struct ReferenceFlags: Sendable, Equatable {
  /// The data folder, and what a run of it is called.
  package private(set) var data = ""
  package private(set) var title = ""
  /// Options that differ from their defaults, by our names.
  package private(set) var options: [(name: String, value: String)] = []
  /// What is different from the authors' program, or ignored.
  package private(set) var notes: [String] = []

  package static func == (a: ReferenceFlags, b: ReferenceFlags) -> Bool {
    a.data == b.data && a.title == b.title && a.notes == b.notes && a.options.elementsEqual(b.options) { $0 == $1 }
  }

  private enum Meaning {
    /// An option of ours, with the same value.
    case option(String)
    /// Says where the data are.
    case place
    /// The data say it.
    case size
    /// This program's own value is the only one.
    case fixed(String)
    /// Has no effect here, with or without a value.
    case ignored(takesValue: Bool)
    /// Refused where it is on, with what to do instead.
    case refused(String)
  }

  /// In the authors' order: name, default, meaning.
  private static let flags: [(name: String, initial: String, meaning: Meaning)] = [
    ("dataset", "CUB", .place), ("dataroot", "./data", .place), ("matdataset", "True", .fixed("True")),
    ("image_embedding", "res101", .place), ("class_embedding", "sent", .place),
    ("syn_num", "100", .option("synthetic-per-class")), ("gzsl", "True", .fixed("True")),
    ("preprocessing", "True", .fixed("True")),
    ("standardization", "", .refused("features are scaled to 0…1, as in the authors' published runs; leave it out")),
    (
      "validation", "",
      .refused("use 'cegzsl train --select validation', which trains on a part and chooses on the rest")
    ),
    ("workers", "2", .ignored(takesValue: true)), ("batch_size", "2048", .option("batch-size")),
    ("resSize", "", .size), ("attSize", "", .size), ("nz", "1024", .option("noise-size")),
    ("embedSize", "2048", .option("embedding-size")), ("outzSize", "512", .option("projection-size")),
    ("ngh", "4096", .option("generator-width")), ("ndh", "4096", .option("critic-width")),
    ("nhF", "2048", .option("comparator-width")), ("ins_weight", "0.001", .option("instance-weight")),
    ("cls_weight", "0.001", .option("class-weight")), ("ins_temp", "0.1", .option("instance-temperature")),
    ("cls_temp", "0.1", .option("class-temperature")), ("nepoch", "2000", .option("epochs")),
    ("critic_iter", "5", .option("critic-iterations")), ("lr", "0.0001", .option("learning-rate")),
    ("lr_decay_epoch", "100", .option("learning-rate-decay-epochs")), ("lr_dec_rate", "0.99", .fixed("0.99")),
    ("lambda1", "10", .option("gradient-penalty-weight")),
    ("classifier_lr", "0.001", .option("classifier-learning-rate")),
    ("beta1", "0.5", .fixed("0.5")), ("cuda", "", .ignored(takesValue: false)), ("manualSeed", "3483", .option("seed")),
    ("nclass_all", "", .size), ("nclass_seen", "", .size), ("gpus", "", .ignored(takesValue: true)),
    ("gpu", "", .ignored(takesValue: true)),
  ]

  /// Reads a command line as the authors' argument parser does: `--name value`, `--name=value`, and names cut short where that is clear.
  ///
  /// - Throws: `ReferenceFlagError`; `ConfigurationError` for a value that an option cannot have.
  package init(_ words: [String]) throws {
    var given: [String: String] = [:]
    var rest = words[...]
    while let word = rest.popFirst() {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard word.hasPrefix("--") else { throw ReferenceFlagError(reason: "'\(word)' belongs to no flag") }
      let flag = try Self.flag(String(parts[0].dropFirst(2)))
      let takesValue =
        switch flag.meaning {
        case .refused, .ignored(takesValue: false): false
        default: true
        }
      guard takesValue || parts.count == 1 else { throw ReferenceFlagError(reason: "--\(flag.name) takes no value") }
      guard let value = !takesValue ? "True" : parts.count == 2 ? parts[1] : rest.popFirst() else {
        throw ReferenceFlagError(reason: "--\(flag.name) needs a value")
      }
      given[flag.name] = value
    }
    try interpret(given)
  }

  private static func flag(_ name: String) throws -> (name: String, initial: String, meaning: Meaning) {
    if let flag = flags.first(where: { $0.name == name }) { return flag }
    let longer = flags.filter { $0.name.hasPrefix(name) && !name.isEmpty }
    guard longer.count == 1 else {
      let hint =
        longer.isEmpty
        ? nearest(name, among: flags.map(\.name)).map { "; did you mean --\($0)?" } ?? ""
        : "; it may be " + longer.map { "--" + $0.name }.joined(separator: " or ")
      throw ReferenceFlagError(reason: "the authors' program has no flag --\(name)\(hint)")
    }
    return longer[0]
  }

  private mutating func interpret(_ given: [String: String]) throws {
    func value(_ name: String) -> String { given[name] ?? Self.flags.first { $0.name == name }?.initial ?? "" }
    var sizes: [String] = []
    var ignored: [String] = []
    var configuration = Configuration()
    let defaults = Dictionary(uniqueKeysWithValues: configuration.resolved.map { ($0.name, $0.value) })
    func set(_ name: String, _ value: String, _ place: String) throws {
      try configuration.apply([(name, value)], place: place)
      guard let text = configuration.resolved.first(where: { $0.name == name })?.value, text != defaults[name] else {
        return
      }
      options.append((name, text))
    }
    data = value("dataroot") + "/" + value("dataset")
    title = value("dataset") + "-" + value("manualSeed")
    try set("features", value("image_embedding") + ".mat", "--image_embedding")
    try set("class-embedding", value("class_embedding") + "_splits.mat", "--class_embedding")
    for flag in Self.flags {
      let name = "--" + flag.name
      switch flag.meaning {
      case .place: break
      case .option(let option): try set(option, value(flag.name), name)
      case .size: if given[flag.name] != nil { sizes.append(name) }
      case .ignored: if given[flag.name] != nil { ignored.append(name) }
      case .fixed(let only):
        guard Double(value(flag.name)) == Double(only), Double(only) != nil || value(flag.name) == only else {
          throw ReferenceFlagError(reason: "\(name) is \(value(flag.name)); only \(only) can be followed")
        }
      case .refused(let reason):
        if given[flag.name] != nil { throw ReferenceFlagError(reason: "\(name): \(reason)") }
      }
    }
    // Habits of the authors' program that are no flags.
    try set("accumulate-comparator-gradient", "true", "")
    try set("evaluate-every", "1epochs", "")
    if !sizes.isEmpty { notes.append("sizes come from the data: \(sizes.joined(separator: ", ")) not needed") }
    if !ignored.isEmpty { notes.append("\(ignored.joined(separator: ", ")) ignored: this program runs on processors") }
    notes.append(
      "as the authors' program does, the comparator's gradient accumulates over an epoch, and every epoch is evaluated; leave out "
        + "--accumulate-comparator-gradient for the method of the paper, and --evaluate-every to evaluate once")
    notes.append("random numbers are not PyTorch's: a seed gives other batches and noise than there")
  }
}
