import Evaluation
import Files
import Foundation

extension Results {
  /// The table that ends a run on the terminal.
  package var table: String {
    var text = "class                                        rows  accuracy\n"
    for row in classes {
      let name = (row.isSeen ? "seen    " : "unseen  ") + row.name.forTerminal
      let padded = name.count < 42 ? name + String(repeating: " ", count: 42 - name.count) : String(name.prefix(42))
      text += "\(padded) \(String(format: "%6d", row.total))     \(percent(row.accuracy))\n"
    }
    text += "\n" + figureLines.joined(separator: "\n") + "\n"
    text +=
      "split: \(split.name), \(split.trainval)/\(split.testSeen)/\(split.testUnseen) rows, \(split.sha256.prefix(16))"
    return text
  }

  private var figureLines: [String] {
    let chosen =
      validation.map {
        "iteration \(iteration), chosen on held-out classes by AUSUC \(percent($0.figures.ausuc)) there"
      }
      ?? "last epoch, nothing selected"
    var lines = [
      "U \(percent(figures.unseen))   S \(percent(figures.seen))   H \(percent(figures.harmonic))   T1 \(percent(figures.zsl))   (percent; \(chosen))"
    ]
    if let ausuc = figures.ausuc {
      let calibrated = figures.calibrated.map { point in
        "calibrated: U \(percent(point.unseen))   S \(percent(point.seen))   H \(percent(point.harmonic))   "
          + String(format: "(γ %.4g of validation)", point.gamma)
      }
      lines.append(
        "AUSUC \(percent(ausuc))   " + (calibrated ?? "not calibrated: γ is chosen with --select validation"))
    }
    lines.append(
      "best on test (as papers print): U \(percent(bestOnTest.unseen))   S \(percent(bestOnTest.seen))   "
        + "H \(percent(bestOnTest.harmonic))   at iteration \(bestOnTest.iteration)")
    return lines + (baselines?.lines ?? [])
  }
}

private func percent(_ value: Double?) -> String { value.map { String(format: "%5.1f", 100 * $0) } ?? "  n/a" }

extension Baselines {
  /// Lines for the screen.
  package var lines: [String] {
    var lines = [line("ridge", ridge), line("Gaussian classes", gaussian)]
    if let eszsl { lines.append(line("ESZSL", eszsl)) }
    if let nearestMeanSeen {
      lines.append(
        "without a network, nearest mean of the seen classes, seen classes alone: S \(percent(nearestMeanSeen))")
    }
    return lines
  }

  private func line(_ name: String, _ method: Figures) -> String {
    let figures = method.reached
    var text = "without a network, \(name): U \(percent(figures.unseen))   S \(percent(figures.seen))   "
    text += "H \(percent(figures.harmonic))   T1 \(percent(figures.zsl))"
    if let ausuc = figures.ausuc { text += "   AUSUC \(percent(ausuc))" }
    if let calibrated = figures.calibrated { text += "   calibrated H \(percent(calibrated.harmonic))" }
    return text
  }
}
