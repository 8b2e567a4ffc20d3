// Sections about the course of training: losses and figures.
import Foundation

extension ReportPage {
  func figure(_ drawing: Markup, caption: Markup, isWide: Bool = false) -> Markup {
    "<figure\(isWide ? " class=\"wide\"" : "" as Markup)>\(drawing)<figcaption>\(caption)</figcaption></figure>\n"
  }

  /// A line's label in a comparison.
  func label(_ number: Int) -> String { isComparison ? letter(number) : "" }

  // MARK: Losses

  private static let lossNames = [
    ("critic/wasserstein", "Critic: Wasserstein distance"), ("critic/penalty", "Critic: gradient penalty"),
    ("critic/instance", "Real rows: instance loss"), ("critic/class", "Real rows: class loss"),
    ("generator/adversarial", "Generator: adversarial loss"), ("generator/instance", "Generator: instance loss"),
    ("generator/class", "Generator: class loss"), ("critic/total", "Critic: total"),
    ("generator/total", "Generator: total"),
  ]

  var losses: Markup {
    guard subjects.contains(where: { !$0.record.metrics.isEmpty }) else {
      return Self.absent("metrics.jsonl holds no iteration yet.")
    }
    var drawings: [Markup] = []
    for (place, (key, name)) in Self.lossNames.enumerated() {
      let lines = subjects.enumerated().compactMap { number, subject -> ChartLine? in
        let points = subject.record.metrics.compactMap { point in
          point.losses[key].map { (x: point.iteration, y: $0) }
        }
        return points.isEmpty ? nil : ChartLine(label: label(number), number: number, points: points)
      }
      guard !lines.isEmpty else { continue }
      let (range, isCut) = Self.robustRange(lines.flatMap { $0.points.map(\.y) })
      let ends = lines.map { line in
        (isComparison ? line.label + " " : "") + Self.short(line.points[0].y) + " to "
          + Self.short(line.points[line.points.count - 1].y)
      }
      let chart = LineChart(
        title: "\(name) over iterations, \(ends.joined(separator: "; "))", xLabel: "iteration", yLabel: "loss",
        lines: lines, yRange: range)
      drawings.append(
        figure(
          chart.svg(id: "l\(place)"),
          caption:
            "<span class=\"name\">\(name)</span>. \(ends.joined(separator: "; "))\(isCut ? ". A few points lie outside" : "")."
        ))
    }
    let many = subjects.contains { ($0.record.metrics.last?.iteration ?? 0) > Double($0.record.metrics.count) }
    return legend + "<div class=\"charts\">\n\(drawings)</div>\n"
      + (many ? "<p class=\"soft\">A point is the mean of several iterations.</p>\n" : "")
  }

  private static func short(_ value: Double) -> String { String(format: "%.3g", value) }

  /// Without the points that are farthest out, a twenty-fifth at either end, where those would flatten the rest.
  private static func robustRange(_ values: [Double]) -> (range: ClosedRange<Double>?, isCut: Bool) {
    let sorted = values.sorted()
    guard sorted.count >= 20, let least = sorted.first, let most = sorted.last else { return (nil, false) }
    let (low, high) = (sorted[sorted.count / 25], sorted[sorted.count - 1 - sorted.count / 25])
    guard most - least > 3 * (high - low), high > low else { return (nil, false) }
    let margin = 0.05 * (high - low)
    let axis = Axis((least >= 0 ? max(0, low - margin) : low - margin)...(high + margin), isFixed: false)
    return (axis.range, least < axis.range.lowerBound || most > axis.range.upperBound)
  }

  // MARK: Over training

  var course: Markup {
    let records = subjects.map(\.record)
    guard records.contains(where: { !$0.evaluations.isEmpty }) else {
      return Self.absent("Nothing was evaluated yet. Train with --evaluate-every 5epochs to see figures on the way.")
    }
    let kinds: [(String, (RunRecord.Evaluation) -> Double?)] = [
      ("U", \.unseen), ("S", \.seen), ("H", \.harmonic), ("T1", \.zsl), ("AUSUC", \.ausuc),
      ("H calibrated", \.calibratedHarmonic), ("H validation", \.validationHarmonic),
    ]
    func line(_ record: RunRecord, _ label: String, _ number: Int, _ value: (RunRecord.Evaluation) -> Double?)
      -> ChartLine?
    {
      let points = record.evaluations.compactMap { point in
        value(point).map { (x: Double(point.iteration), y: 100 * $0) }
      }
      return points.isEmpty ? nil : ChartLine(label: label, number: number, points: points)
    }
    var drawings: [Markup] = []
    if isComparison {
      for (place, kind) in kinds.enumerated() {
        let lines = records.enumerated().compactMap { line($1, letter($0), $0, kind.1) }
        guard !lines.isEmpty else { continue }
        let chart = LineChart(title: "\(kind.0) over iterations", xLabel: "iteration", yLabel: "percent", lines: lines)
        drawings.append(
          figure(
            chart.svg(id: "e\(place)"),
            caption:
              "<span class=\"name\">\(kind.0)</span> on \(kind.0 == "H validation" ? "validation" : "test") rows."))
      }
    } else {
      let lines = kinds.enumerated().compactMap { line(records[0], Self.endLabels[$1.0] ?? $1.0, $0, $1.1) }
      let chart = LineChart(
        title: "U, S, H and T1 over iterations", xLabel: "iteration", yLabel: "percent", lines: lines)
      drawings.append(
        figure(
          chart.svg(id: "e0"),
          caption:
            "After the classifier’s last epoch, test rows\(Self.explanation(lines.map(\.label))).",
          isWide: true))
      return "\(drawings)\(evaluationTable)\(selectionCourse)"
    }
    return legend + "<div class=\"charts\">\n\(drawings)</div>\n" + evaluationTable + selectionCourse
  }

  private static let endLabels = ["AUSUC": "A", "H calibrated": "Hc", "H validation": "Hv"]

  private static func explanation(_ labels: [String]) -> String {
    let words = ["A": "AUSUC", "Hc": "H calibrated", "Hv": "H on validation rows"]
    return labels.compactMap { label in words[label].map { "; \(label): \($0)" } }.joined()
  }

  /// What a first phase saw on validation rows, by which it chose.
  private var selectionCourse: Markup {
    let kinds: [(String, (RunRecord.Evaluation) -> Double?)] = [
      ("AUSUC", \.ausuc), ("H calibrated", \.calibratedHarmonic), ("H", \.harmonic),
    ]
    var drawings: [Markup] = []
    for (place, kind) in kinds.enumerated() {
      let lines = subjects.enumerated().compactMap { number, subject -> ChartLine? in
        let points = subject.record.selectionEvaluations.compactMap { point in
          kind.1(point).map { (x: Double(point.iteration), y: 100 * $0) }
        }
        return points.isEmpty ? nil : ChartLine(label: label(number), number: number, points: points)
      }
      guard !lines.isEmpty else { continue }
      let chart = LineChart(
        title: "\(kind.0) on validation rows", xLabel: "iteration", yLabel: "percent", lines: lines)
      drawings.append(
        figure(chart.svg(id: "v\(place)"), caption: "<span class=\"name\">\(kind.0)</span> on validation rows."))
    }
    guard !drawings.isEmpty else { return "" }
    return "<h3>First phase, which chose</h3>\n<div class=\"charts\">\n\(drawings)</div>\n"
  }

  private var evaluationTable: Markup {
    let rows: [Markup] = subjects.enumerated().flatMap { number, subject in
      subject.record.evaluations.map { point -> Markup in
        let values = [
          point.unseen, point.seen, point.harmonic, point.zsl, point.ausuc, point.calibratedHarmonic,
          point.validationHarmonic,
        ]
        let cells: [Markup] = values.map { "<td>\(Self.percent($0))</td>" }
        return "<tr><th scope=\"row\">\(title(number))</th><td>\(point.iteration)</td>\(cells)</tr>\n"
      }
    }
    let table = Self.table(
      "Every evaluation", head: ["Run", "Iteration", "U", "S", "H", "T1", "AUSUC", "H calibrated", "H validation"],
      rows: rows, isTall: true)
    return "<details><summary>The same in numbers</summary>\(table)</details>\n"
  }
}
