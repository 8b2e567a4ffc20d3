import Foundation

/// How rows of each class were answered: a square for each pair of classes; the stronger its colour, the larger the share of the
/// row's class.
struct ConfusionChart {
  let classes: [SavedFigures.Class]
  let cells: [SavedFigures.Cell]

  /// Shares are drawn in steps; a step is one shape, so that 200 classes stay small.
  private static let steps = 8
  private static let side = 400.0
  /// So many classes have their names beside the rows.
  private static let mostNamed = 24

  /// Places of classes in the order of rows and columns: seen first, then unseen.
  private var order: [Int] {
    let used = classes.indices.filter { !classes[$0].isUnused }
    return used.filter { classes[$0].isSeen } + used.filter { !classes[$0].isSeen }
  }

  /// Rows of each class.
  private var totals: [Int] {
    var totals = [Int](repeating: 0, count: classes.count)
    for cell in cells { totals[cell.label] += cell.count }
    return totals
  }

  func svg(title: String) -> Markup {
    let (order, totals) = (order, totals)
    var rank = [Int](repeating: 0, count: classes.count)
    for (place, number) in order.enumerated() { rank[number] = place }
    let isNamed = order.count <= Self.mostNamed
    let (left, top) = (isNamed ? 130.0 : 24.0, 24.0)
    let size = Self.side / Double(max(1, order.count))
    var shapes = [Markup](repeating: "", count: Self.steps)
    for cell in cells {
      let share = Double(cell.count) / Double(max(1, totals[cell.label]))
      let step = min(Self.steps - 1, Int((share.squareRoot() * Double(Self.steps)).rounded(.down)))
      // Units are classes: short numbers.
      shapes[step] += "M\(rank[cell.answer]) \(rank[cell.label])h1v1h-1z"
    }
    var drawing: Markup = """
      <svg viewBox="0 0 \(left + Self.side + 6) \(top + Self.side + 30)" role="img" aria-label="\(title)">
      """
    drawing += "<path class=\"axis\" d=\"M\(left) \(top)h\(Self.side)v\(Self.side)h-\(Self.side)z\"/>"
    let scale = Markup(stringLiteral: String(format: "%.5f", size))
    drawing += "<g class=\"heat\" transform=\"translate(\(left) \(top)) scale(\(scale))\">"
    for (step, shape) in shapes.enumerated() where !shape.text.isEmpty {
      let opacity = Markup(stringLiteral: String(format: "%.2f", (Double(step) + 1) / Double(Self.steps)))
      drawing += "<path fill-opacity=\"\(opacity)\" d=\"\(shape)\"/>"
    }
    drawing += "</g>"
    let seen = order.filter { classes[$0].isSeen }.count
    if seen > 0, seen < order.count {
      let at = Double(seen) * size
      drawing += """
        <path class="curve k1" stroke-dasharray="4 3" d="M\(left + at) \(top)v\(Self.side)M\(left) \(top + at)h\(Self.side)"/>
        """
    }
    if isNamed {
      for (place, number) in order.enumerated() {
        drawing += """
          <text class="tick" x="\(left - 5)" y="\(top + (Double(place) + 0.5) * size + 4)" text-anchor="end">\
          \(short(classes[number].name))</text>
          """
      }
    } else {
      let middle = top + Self.side / 2
      drawing +=
        "<text x=\"15\" y=\"\(middle)\" text-anchor=\"middle\" transform=\"rotate(-90 15 \(middle))\">true class</text>"
    }
    return drawing
      + "<text x=\"\(left + Self.side / 2)\" y=\"\(top + Self.side + 20)\" text-anchor=\"middle\">answered class</text>"
      + "<text x=\"\(left + Self.side / 2)\" y=\"15\" text-anchor=\"middle\">seen, then unseen</text></svg>"
  }

  private func short(_ name: String) -> String { name.count <= 18 ? name : name.prefix(17) + "…" }

  /// The pairs that take the largest numbers of rows from a class.
  func mostFrequent(_ count: Int) -> [(label: String, answer: String, count: Int, share: Double)] {
    let totals = totals
    return cells.filter { $0.label != $0.answer }
      .sorted { ($1.count, $0.label, $0.answer) < ($0.count, $1.label, $1.answer) }.prefix(count).map {
        (classes[$0.label].name, classes[$0.answer].name, $0.count, Double($0.count) / Double(max(1, totals[$0.label])))
      }
  }
}
