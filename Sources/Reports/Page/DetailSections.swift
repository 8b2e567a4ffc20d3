// Sections about one evaluation: the seen-unseen curve, confusion, the map of embeddings.
import Foundation

extension ReportPage {
  // MARK: Seen against unseen

  var curve: Markup {
    var chart = LineChart(
      title: "", xLabel: "S, percent", yLabel: "U, percent", lines: [], xRange: 0...100, yRange: 0...100)
    var (rows, missing, areas): ([Markup], [Int], [String]) = ([], [], [])
    for (number, subject) in subjects.enumerated() {
      guard let figures = subject.record.figures, !figures.curve.isEmpty else {
        missing.append(number)
        continue
      }
      let points = figures.curve.map { (x: 100 * $0.seen, y: 100 * $0.unseen) }
      chart.lines.append(ChartLine(label: label(number), number: number, points: points.sorted { $0.x < $1.x }))
      areas.append((isComparison ? letter(number) + " " : "") + Self.percent(subject.record.ausuc))
      for (name, point, shape) in [
        ("plain", figures.plain, ChartMark.Shape.circle), ("calibrated", figures.calibrated, .diamond),
      ] {
        guard let point else { continue }
        chart.marks.append(ChartMark(shape: shape, number: number, x: 100 * point.seen, y: 100 * point.unseen))
        rows.append(
          """
          <tr><th scope="row">\(title(number)), \(name)</th><td>\(point.gamma.map { String(format: "%.4g", $0) } ?? "0")</td>\
          <td>\(Self.percent(point.unseen))</td><td>\(Self.percent(point.seen))</td><td>\(Self.percent(point.harmonic))</td></tr>

          """)
      }
    }
    var notes: Markup = ""
    for number in missing {
      notes += Self.absent(
        "Run \(subjects[number].record.name) has no figures.json, which holds the curve and the classes’ confusion; it comes with",
        command: evaluateCommand(number))
    }
    guard !chart.lines.isEmpty else { return notes }
    let titled = LineChart(
      title: "U against S as the seen classes’ scores are lowered; area \(areas.joined(separator: ", "))",
      xLabel: chart.xLabel, yLabel: chart.yLabel, lines: chart.lines, marks: chart.marks, xRange: 0...100,
      yRange: 0...100)
    let table = Self.table("Operating points, percent", head: ["Run", "γ", "U", "S", "H"], rows: rows)
    return legend
      + figure(
        titled.svg(id: "s0"),
        caption:
          "<span class=\"name\">AUSUC \(areas.joined(separator: ", "))</span>, the area under the line. ● plain, ◆ calibrated: "
          + "γ, chosen on validation rows, is subtracted from the scores of seen classes.",
        isWide: true)
      + (rows.isEmpty ? "" : table) + notes
  }

  // MARK: Confusion

  var confusion: Markup {
    let pieces: [Markup] = subjects.enumerated().map { number, subject in
      let heading: Markup = isComparison ? "<h3>\(title(number))</h3>" : ""
      guard let figures = subject.record.figures, !figures.confusion.isEmpty else {
        return heading + Self.absent("No confusion is kept; it comes with", command: evaluateCommand(number))
      }
      let chart = ConfusionChart(classes: figures.classes, cells: figures.confusion)
      let rows: [Markup] = chart.mostFrequent(15).map {
        """
        <tr><td class="text">\($0.label)</td><td class="text">\($0.answer)</td><td>\($0.count)</td>\
        <td>\(Self.percent($0.share))</td></tr>

        """
      }
      let drawing = figure(
        chart.svg(
          title: "Confusion of \(figures.classes.count) classes; the largest confusions are in the table below"),
        caption:
          "A row is a true class, a column an answer; the stronger its colour, the larger the share of the class’s rows. "
          + "The dashed line parts seen and unseen classes.",
        isWide: true)
      let table = Self.table(
        "Most frequent confusions", head: ["True class", "Answer", "Rows", "Percent of the class"], left: [0, 1],
        rows: rows)
      return heading + drawing + (rows.isEmpty ? "" : table)
    }
    return "\(pieces)"
  }

  // MARK: Map

  var maps: Markup {
    let pieces: [Markup] = subjects.enumerated().map { number, subject in
      let heading: Markup = isComparison ? "<h3>\(title(number))</h3>" : ""
      guard let map = subject.map else {
        return heading + Self.absent("No map: \(subject.mapProblem ?? "it was left out").")
      }
      let chart = MapChart(map: map)
      let items: [Markup] = chart.unseen.enumerated().map { place, label in
        "<li>\(MapChart.key(place))\(place + 1) \(map.classNames[label])</li>"
      }
      let shares = map.shares.map { Self.percent($0) }.joined(separator: " and ")
      let many: Markup =
        chart.unseen.count > MapChart.mostTold
        ? " Colours and shapes come again after \(MapChart.mostTold) classes; the numbers do not." : ""
      return heading
        + figure(
          chart.svg(title: "Principal components of real and synthetic embeddings"),
          caption:
            "Two principal components, \(shares) percent of the variance. Grey: test rows of seen classes. Filled: real rows "
            + "of unseen classes, the number at their mean. Hollow: rows that the generator made of the class’s descriptor; "
            + "where it is good, they lie where the real ones do.\(many)",
          isWide: true)
          + """
          <details\(chart.unseen.count <= 20 ? " open" : "" as Markup)><summary>Unseen classes</summary>\
          <ul class="legend">\(items)</ul></details>

          """
    }
    return "\(pieces)"
  }
}
