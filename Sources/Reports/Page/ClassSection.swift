import Foundation

extension ReportPage {
  private struct ClassRow {
    let name: String
    let isSeen: Bool
    let rows: Int?
    /// One a run.
    var accuracies: [Double?]
    var calibrated: [Double?]
  }

  /// Accuracy per class, of all runs side by side; unseen classes first, the worst of each kind first.
  var classes: Markup {
    let rows = classRows
    guard !rows.isEmpty else {
      return Self.absent("No accuracy per class is kept; it comes with", command: evaluateCommand(0))
    }
    let hasCalibrated = rows.contains { $0.calibrated.contains { $0 != nil } }
    let body: [Markup] = rows.map { row in
      var cells: Markup = ""
      for number in subjects.indices {
        cells += "<td>\(Self.bar(row.accuracies[number]))</td>"
        if hasCalibrated { cells += "<td>\(Self.percent(row.calibrated[number]))</td>" }
      }
      let kind: Markup = row.isSeen ? "seen" : "unseen"
      return """
        <tr class="\(kind)"><td class="text">\(row.name)</td><td class="left">\(kind)</td>\
        <td>\(row.rows.map { "\($0)" } ?? "–")</td>\(cells)</tr>

        """
    }
    var head: [Markup] = ["Class", "Kind", "Rows"]
    for number in subjects.indices {
      head.append(isComparison ? title(number) : "Accuracy")
      if hasCalibrated { head.append(isComparison ? "\(letter(number)) calibrated" : "Calibrated") }
    }
    let table = Self.table(
      "Accuracy of every class, percent of its test rows", head: head, left: [0, 1], rows: body, isTall: true)
    let never = subjects.indices.map { number in rows.filter { $0.accuracies[number] == 0 }.count }
    let counts = never.enumerated().map { (isComparison ? letter($0) + ": " : "") + "\($1)" }.joined(separator: ", ")
    return table + "<p class=\"soft\">Classes of which no row is recognised: \(counts) of \(rows.count).</p>\n"
  }

  private var classRows: [ClassRow] {
    var (rows, places): ([ClassRow], [String: Int]) = ([], [:])
    let none = [Double?](repeating: nil, count: subjects.count)
    for (number, subject) in subjects.enumerated() {
      for own in subject.record.classes where !own.isUnused {
        let key = "\(own.isSeen)/\(own.name)"
        let place = places[key] ?? rows.count
        if places[key] == nil {
          places[key] = place
          rows.append(ClassRow(name: own.name, isSeen: own.isSeen, rows: own.rows, accuracies: none, calibrated: none))
        }
        rows[place].accuracies[number] = own.accuracy
        rows[place].calibrated[number] = own.calibratedAccuracy
      }
    }
    return rows.enumerated().sorted { a, b in
      let (first, second) = (a.element, b.element)
      if first.isSeen != second.isSeen { return second.isSeen }
      let (low, high) = (first.accuracies[0] ?? 2, second.accuracies[0] ?? 2)
      return low != high ? low < high : a.offset < b.offset
    }.map(\.element)
  }

  private static func bar(_ accuracy: Double?) -> Markup {
    guard let accuracy, accuracy.isFinite else { return "–" }
    return "<span class=\"bar\" style=\"--w:\(100 * min(max(accuracy, 0), 1))%\">\(percent(accuracy))</span>"
  }
}
