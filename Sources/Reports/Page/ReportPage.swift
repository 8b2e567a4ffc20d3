import Files
import Foundation

/// One page about runs that works offline: nothing is loaded, and no script is needed.
package struct ReportPage {
  /// A run with what only its checkpoint and data can tell.
  package struct Subject {
    package let record: RunRecord
    package let map: EmbeddingMap?
    /// Why there is no map; nil where there is one.
    package let mapProblem: String?

    package init(record: RunRecord, map: EmbeddingMap?, mapProblem: String?) {
      (self.record, self.map, self.mapProblem) = (record, map, mapProblem)
    }
  }

  let subjects: [Subject]
  let version: String

  /// - Parameters:
  ///   - subjects: at least one.
  ///   - version: of the program, for the page's end.
  package init(_ subjects: [Subject], version: String) {
    precondition(!subjects.isEmpty)
    (self.subjects, self.version) = (subjects, version)
  }

  private struct Section {
    let id: String
    let title: String
    let content: Markup
  }

  /// The whole file.
  package var html: String {
    let sections = [
      Section(id: "figures", title: "Figures", content: summary),
      Section(id: "options", title: "Configuration", content: configuration),
      Section(id: "training", title: "Over training", content: course),
      Section(id: "losses", title: "Losses", content: losses),
      Section(id: "curve", title: "Seen against unseen", content: curve),
      Section(id: "baselines", title: "Baselines", content: baselines),
      Section(id: "classes", title: "Classes", content: classes),
      Section(id: "confusion", title: "Confusion", content: confusion),
      Section(id: "map", title: "Map of embeddings", content: maps),
      Section(id: "data", title: "Data and split", content: data),
      Section(id: "repeat", title: "How to repeat it", content: commands),
    ]
    let names = subjects.map(\.record.name).joined(separator: ", ")
    let title = subjects.count == 1 ? "Run \(names)" : "\(subjects.count) runs: \(names)"
    let links: [Markup] = sections.map { "<li><a href=\"#\(Markup(stringLiteral: $0.id))\">\($0.title)</a></li>" }
    let bodies: [Markup] = sections.map {
      "<section id=\"\(Markup(stringLiteral: $0.id))\"><h2>\($0.title)</h2>\n\($0.content)</section>\n"
    }
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(title.count > 120 ? title.prefix(119) + "…" : title)</title>
      <style>
      \(Markup(stringLiteral: Style.sheet))</style>
      </head>
      <body>
      <a class="skip" href="#figures">To the figures</a>
      <header><h1>\(title)</h1>
      <p class="soft">Contrastive embedding for generalized zero-shot learning. Percent: U and S are mean accuracies per class of
      unseen and seen classes among all classes, H their harmonic mean, T1 that of unseen classes among themselves.</p></header>
      <nav aria-label="Sections"><ul>\(links)</ul></nav>
      <main>
      \(bodies)</main>
      <footer><p class="soft">Made by cegzsl \(version).</p></footer>
      </body>
      </html>

      """
    return page.text
  }

  // MARK: What several sections use

  /// A run's letter; a number where letters do not suffice.
  func letter(_ number: Int) -> String {
    number < 26 ? String(UnicodeScalar(UInt8(65 + number))) : "\(number + 1)"
  }

  var isComparison: Bool { subjects.count > 1 }

  /// "A first", as tables name a run.
  func title(_ number: Int) -> Markup {
    let name = subjects[number].record.name
    return isComparison ? "<span class=\"badge\">\(letter(number))</span> \(name)" : "\(name)"
  }

  /// Which line is which run.
  var legend: Markup {
    guard isComparison else { return "" }
    let items: [Markup] = subjects.indices.map { "<li>\(Self.swatch($0))\(title($0))</li>" }
    return "<ul class=\"legend\">\(items)</ul>\n"
  }

  static func swatch(_ number: Int) -> Markup {
    let dash = Style.dash(number)
    let dashes: Markup = dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\""
    return """
      <svg viewBox="0 0 40 14" aria-hidden="true"><path class="k\(number % Style.colorCount)" stroke-width="3"\(dashes) d="M0 7H40"/></svg>
      """
  }

  static func percent(_ fraction: Double?) -> String {
    guard let fraction, fraction.isFinite else { return "–" }
    return String(format: "%.1f", 100 * fraction)
  }

  /// What is missing, and the command that brings it.
  static func absent(_ text: String, command: String? = nil) -> Markup {
    let code: Markup = command.map { " <code>\($0)</code>" } ?? ""
    return "<p class=\"absent\">\(text)\(code)</p>\n"
  }

  func evaluateCommand(_ number: Int) -> String {
    let record = subjects[number].record
    return "cegzsl evaluate --data \((record.data ?? "DIR").forShell) --checkpoint \(record.path.forShell)"
  }

  /// A table that scrolls by itself where it is too wide, with the keyboard as well.
  ///
  /// - Parameters:
  ///   - head: a cell a column.
  ///   - left: columns of texts.
  ///   - rows: cells with their tags.
  static func table(
    _ caption: String, head: [Markup], left: Set<Int> = [0], rows: [Markup], isTall: Bool = false
  ) -> Markup {
    let cells: [Markup] = head.enumerated().map {
      "<th scope=\"col\"\(left.contains($0) ? " class=\"left\"" : "" as Markup)>\($1)</th>"
    }
    let kind: Markup = isTall ? "scroll tall" : "scroll"
    return """
      <div class="\(kind)" tabindex="0" role="region" aria-label="\(caption)"><table><caption>\(caption)</caption>
      <thead><tr>\(cells)</tr></thead>
      <tbody>
      \(rows)</tbody></table></div>

      """
  }
}
