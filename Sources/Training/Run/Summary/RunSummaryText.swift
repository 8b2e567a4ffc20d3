import Checkpoints
import Files
import Foundation
import Models

extension RunSummary {
  private static let width = 100
  private static let indent = 13
  /// Class names of each kind that are named, and characters of one.
  private static let (mostNames, longestName) = (12, 40)
  /// Damaged checkpoints that are named.
  private static let mostDamaged = 3

  /// What `cegzsl show` prints: a screenful. Texts that come from files are escaped.
  package var lines: [String] {
    ["\(path.forTerminal): " + (holder.map { "in use by \($0.forTerminal); " } ?? "") + state] + dataLines
      + paragraph("options", optionText) + figureLines + checkpointLines
      + nextLines
  }

  private var state: String {
    if let firstPhase { return "in the first phase of --select validation, saved at iteration \(firstPhase)" }
    guard let newest = checkpoints.first?.summary else {
      return damaged.isEmpty ? "no checkpoint yet" : "no checkpoint can be used"
    }
    if extendedFrom != nil { return "made by extend, of iteration \(newest.iteration), epoch \(newest.epoch)" }
    let total = lastIteration.map { " of \($0)" } ?? ""
    let done = "iteration \(newest.iteration)\(total), epoch \(newest.epoch)"
    let beyond =
      holder == nil && (lastMetrics ?? 0) > newest.iteration
      ? "; it had come to \(lastMetrics ?? 0), and what is not saved is done again" : ""
    return (isFinished ? "finished, " : "saved at ") + done + beyond
  }

  // MARK: Data

  private var dataLines: [String] {
    let folder = results?["data"]?.string
    guard let classes else {
      let text = (folder ?? "unknown") + "; no checkpoint keeps the classes"
      return paragraph("data", text.forTerminal)
    }
    let (origin, table) = (classes.origin, classes.classes)
    let split = origin.split
    var text = folder.map { "\($0), " } ?? ""
    text += "split \(split.name), \(split.trainval)/\(split.testSeen)/\(split.testUnseen) rows, "
    text += "trained on \(origin.trainingRowCount); digest \(origin.datasetDigest.prefix(12))"
    let (seen, unseen) = (table.classes(.seen), table.classes(.unseen))
    let unused = table.count - seen.count - unseen.count
    let counts =
      "\(seen.count) seen, \(unseen.count) unseen" + (unused > 0 ? ", \(unused) without rows" : "")
      + "; features of \(classes.scaling.featureSize), descriptors of \(table.attributeSize) from \(origin.classEmbeddingFile)"
    return paragraph("data", text.forTerminal) + paragraph("classes", counts.forTerminal)
      + paragraph("  seen", names(seen, table)) + paragraph("  unseen", names(unseen, table))
  }

  private func names(_ numbers: [Int], _ table: ClassTable) -> String {
    let shown = numbers.prefix(Self.mostNames).map { number in
      let name = table.names[number].forTerminal
      return name.count <= Self.longestName ? name : name.prefix(Self.longestName - 1) + "…"
    }
    return shown.joined(separator: ", ")
      + (numbers.count > Self.mostNames ? ", … and \(numbers.count - Self.mostNames) more" : "")
  }

  private var optionText: String {
    let changed = changedOptions.map { "\($0.name) \($0.value)".forTerminal }
    if options.isEmpty { return "unknown: there is no config.yaml" }
    return changed.isEmpty ? "all have their defaults" : changed.joined(separator: ", ") + "; else the defaults"
  }

  // MARK: Figures

  /// The checkpoint that this one was made of with other classes.
  package var extendedFrom: String? { checkpoints.first?.summary.state[ExtendedRun.originKey] }

  private func percent(_ value: Double?) -> String { value.map { String(format: "%.1f", 100 * $0) } ?? "n/a" }

  private func percents(unseen: Double?, seen: Double?, harmonic: Double?, zsl: Double?) -> String {
    "U \(percent(unseen))  S \(percent(seen))  H \(percent(harmonic))  T1 \(percent(zsl))"
  }

  private var figureLines: [String] {
    if let origin = extendedFrom {
      return paragraph("figures", "none: the classes are not those of a data set; extended from \(origin)".forTerminal)
    }
    guard let results else {
      return paragraph(
        "figures", resultsAreDamaged ? "lost: results.json is damaged" : "none yet: nothing was evaluated")
    }
    let figures = percents(
      unseen: results["unseen"]?.double, seen: results["seen"]?.double, harmonic: results["harmonic"]?.double,
      zsl: results["zsl"]?.double)
    let iteration = results["iteration"]?.integer.map { ", iteration \($0)" } ?? ""
    let selection =
      results["selection"]?.string == "validation"
      ? "epochs, head and γ chosen on held-out classes" : "last epoch, nothing selected"
    let best = results["best_on_test"]?["harmonic"]?.double
    var more: [String] = []
    if let ausuc = results["ausuc"]?.double {
      let calibrated = results["calibrated"]?["harmonic"]?.double
      let ridge = results["baselines"]?["ridge"]?["ausuc"]?.double
      more.append(
        "AUSUC \(percent(ausuc))" + (calibrated.map { ", calibrated H \(percent($0))" } ?? "")
          + (ridge.map { "; ridge regression without a network: AUSUC \(percent($0))" } ?? ""))
    }
    if let best { more.append("best on test, as papers print: H \(percent(best))") }
    return paragraph("figures", "\(figures) percent\(iteration) (\(selection))") + more.flatMap { paragraph("", $0) }
  }

  // MARK: Checkpoints

  private var checkpointLines: [String] {
    var lines: [String] = []
    let iterations = checkpoints.map { "\($0.summary.iteration)" }.reversed().joined(separator: ", ")
    lines += paragraph("checkpoints", checkpoints.isEmpty ? "none" : "of iteration \(iterations)")
    if let last = checkpoints.first { lines += paragraph("  last", contents(last)) }
    if let bestEntry, let best {
      let isLast = bestEntry.summary.iteration == checkpoints.first?.summary.iteration
      let what = isLast ? "the same" : contents(bestEntry)
      lines += paragraph("  best", what + ", chosen by H \(percent(best.figure)) on validation rows")
    }
    lines += damaged.prefix(Self.mostDamaged).flatMap { paragraph("  damaged", $0.forTerminal) }
    let more = damaged.count - Self.mostDamaged
    return lines + (more > 0 ? paragraph("", "and \(more) more that are damaged") : [])
  }

  private func contents(_ entry: Entry) -> String {
    let summary = entry.summary
    let bytes = Double(summary.sizes.values.reduce(0, +)) / 1_048_576
    var text = "iteration \(summary.iteration), version \(summary.identity.codeVersion), "
    text += String(format: "%.1f MiB: model and optimizer, ", bytes)
    if let problem = entry.problem { return (text + problem).forTerminal }
    text += summary.sizes[.classes] == nil ? "no classes, " : "classes and scaler, "
    guard summary.sizes[.classifier] != nil else { return (text + "no classifiers").forTerminal }
    text += "classifiers for all and for unseen classes"
    if let figures = entry.figures {
      text +=
        " (" + percents(unseen: figures.unseen, seen: figures.seen, harmonic: figures.harmonic, zsl: figures.zsl) + ")"
    }
    return text.forTerminal
  }

  // MARK: What next

  private var nextLines: [String] {
    let (run, data) = (path.forShell, results?["data"]?.string?.forShell ?? "DIR")
    var commands: [String] = []
    let predict = "cegzsl predict --run \(run) --features FILE   # classes of new rows"
    if extendedFrom != nil { return [label("next") + predict] }
    let isIncomplete = [checkpoints.first, bestEntry].contains { $0.map { !$0.summary.isComplete } ?? false }
    if isIncomplete {
      commands.append("cegzsl evaluate --data \(data) --checkpoint \(run)   # adds what its checkpoints lack")
    }
    if holder == nil {
      commands.append(
        "cegzsl train --data \(data) --run \(run) --resume latest"
          + (isFinished ? " --epochs N   # more epochs" : "   # goes on"))
    }
    if !isIncomplete && !checkpoints.isEmpty {
      commands.append("cegzsl evaluate --data \(data) --checkpoint \(run)")
      commands.append(predict)
    }
    return commands.enumerated().map { label($0 == 0 ? "next" : "") + $1 }
  }

  // MARK: Layout

  private func label(_ text: String) -> String {
    text + String(repeating: " ", count: max(1, Self.indent - text.count))
  }

  /// A label, and a text that goes on below itself where it is too wide.
  private func paragraph(_ name: String, _ text: String) -> [String] {
    var (lines, line): ([String], String) = ([], "")
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      if !line.isEmpty, Self.indent + line.count + 1 + word.count > Self.width {
        lines.append(line)
        line = String(word)
      } else {
        line += (line.isEmpty ? "" : " ") + word
      }
    }
    return (lines + [line]).enumerated().map { label($0 == 0 ? name : "") + $1 }
  }
}
