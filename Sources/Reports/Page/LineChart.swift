// Charts of lines as inline SVG: axes with round numbers, a letter at each line's end.
import Foundation

/// A line of a chart.
struct ChartLine {
  /// Stands at its end.
  let label: String
  /// Chooses colour and dash.
  let number: Int
  /// In the order of x; both are finite.
  let points: [(x: Double, y: Double)]
}

/// A point of its own.
struct ChartMark {
  enum Shape { case circle, diamond }
  let shape: Shape
  /// Chooses the colour.
  let number: Int
  let x: Double
  let y: Double
}

struct LineChart {
  /// For readers who do not see it: what is drawn, with the figures that matter.
  let title: String
  let xLabel: String
  let yLabel: String
  var lines: [ChartLine]
  var marks: [ChartMark] = []
  /// nil: what the lines take.
  var xRange: ClosedRange<Double>?
  var yRange: ClosedRange<Double>?

  private static let (width, height) = (420.0, 270.0)
  private static let (left, right, top, bottom) = (54.0, 34.0, 12.0, 44.0)
  /// Beyond this many points a line has no dots.
  private static let mostDots = 40

  /// - Parameter id: of something in it, unlike any other of the page.
  func svg(id: String) -> Markup {
    let (x, y) = (
      Axis(xRange ?? range { $0.x }, isFixed: xRange != nil), Axis(yRange ?? range { $0.y }, isFixed: yRange != nil)
    )
    func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
      (
        Self.left + x.fraction(point.x) * (Self.width - Self.left - Self.right),
        Self.height - Self.bottom - y.fraction(point.y) * (Self.height - Self.top - Self.bottom)
      )
    }
    var drawing: Markup = """
      <svg viewBox="0 0 \(Self.width) \(Self.height)" role="img" aria-label="\(title)">
      """
    drawing += """
      <clipPath id="\(id)"><path d="M\(Self.left - 3) \(Self.top - 3)H\(Self.width - Self.right + 3)\
      V\(Self.height - Self.bottom + 3)H\(Self.left - 3)z"/></clipPath>
      """
    drawing += axes(x, y, place)
    for line in lines { drawing += self.line(line, clip: id, place) }
    drawing += labels(place, y)
    for mark in marks { drawing += self.mark(mark, place((mark.x, mark.y))) }
    return drawing + "</svg>"
  }

  private func range(_ value: ((x: Double, y: Double)) -> Double) -> ClosedRange<Double> {
    let all = lines.flatMap { $0.points.map(value) }
    guard let least = all.min(), let most = all.max() else { return 0...1 }
    return least...most
  }

  private func axes(_ x: Axis, _ y: Axis, _ place: ((x: Double, y: Double)) -> (x: Double, y: Double)) -> Markup {
    let (bottom, end) = (Self.height - Self.bottom, Self.width - Self.right)
    var drawing: Markup = ""
    for tick in y.ticks {
      let at = place((x.range.lowerBound, tick)).y
      drawing += "<path class=\"grid\" d=\"M\(Self.left) \(at)H\(end)\"/>"
      drawing +=
        "<text class=\"tick\" x=\"\(Self.left - 6)\" y=\"\(at + 4)\" text-anchor=\"end\">\(y.text(tick))</text>"
    }
    for tick in x.ticks {
      let at = place((tick, y.range.lowerBound)).x
      drawing += "<path class=\"axis\" d=\"M\(at) \(bottom)v4\"/>"
      drawing += "<text class=\"tick\" x=\"\(at)\" y=\"\(bottom + 17)\" text-anchor=\"middle\">\(x.text(tick))</text>"
    }
    drawing += "<path class=\"axis\" d=\"M\(Self.left) \(Self.top)V\(bottom)H\(end)\"/>"
    drawing += "<text x=\"\((Self.left + end) / 2)\" y=\"\(Self.height - 8)\" text-anchor=\"middle\">\(xLabel)</text>"
    let middle = (Self.top + bottom) / 2
    return drawing
      + "<text x=\"13\" y=\"\(middle)\" text-anchor=\"middle\" transform=\"rotate(-90 13 \(middle))\">\(yLabel)</text>"
  }

  private func line(
    _ line: ChartLine, clip: String, _ place: ((x: Double, y: Double)) -> (x: Double, y: Double)
  ) -> Markup {
    let color = line.number % Style.colorCount
    let dash = Style.dash(line.number)
    var path: Markup = ""
    for (number, point) in line.points.enumerated() {
      let at = place(point)
      path += "\(Markup(stringLiteral: number == 0 ? "M" : "L"))\(at.x) \(at.y)"
    }
    var drawing: Markup = "<g clip-path=\"url(#\(clip))\">"
    if line.points.count > 1 {
      let dashes: Markup = dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\""
      drawing += "<path class=\"curve k\(color)\"\(dashes) d=\"\(path)\"/>"
    }
    if line.points.count <= Self.mostDots {
      for point in line.points {
        let at = place(point)
        drawing += "<circle class=\"f\(color)\" cx=\"\(at.x)\" cy=\"\(at.y)\" r=\"3\"/>"
      }
    }
    return drawing + "</g>"
  }

  /// At the lines' ends, moved apart where they would cover each other.
  private func labels(_ place: ((x: Double, y: Double)) -> (x: Double, y: Double), _ y: Axis) -> Markup {
    let ends = lines.compactMap { line in line.points.last.map { (line, place(($0.x, y.clamped($0.y)))) } }
      .sorted { $0.1.y < $1.1.y }
    let named = ends.filter { !$0.0.label.isEmpty }
    var heights: [Double] = []
    for (_, at) in named { heights.append(max(at.y + 4, (heights.last ?? -.infinity) + 14)) }
    // What came to lie below the axis moves up, with what is in its way.
    var limit = Self.height - Self.bottom + 6
    for place in heights.indices.reversed() {
      heights[place] = min(heights[place], limit)
      limit = heights[place] - 14
    }
    var drawing: Markup = ""
    for ((line, at), height) in zip(named, heights) {
      drawing += """
        <text class="halo" x="\(min(at.x + 6, Self.width - Self.right + 6))" y="\(height)">\(line.label)</text>
        """
    }
    return drawing
  }

  private func mark(_ mark: ChartMark, _ at: (x: Double, y: Double)) -> Markup {
    let color = mark.number % Style.colorCount
    switch mark.shape {
    case .circle:
      return "<circle class=\"f\(color)\" cx=\"\(at.x)\" cy=\"\(at.y)\" r=\"5.5\" stroke=\"var(--panel)\"/>"
    case .diamond:
      return "<path class=\"f\(color)\" stroke=\"var(--panel)\" d=\"M\(at.x) \(at.y - 8)l7 8l-7 8l-7-8z\"/>"
    }
  }
}

/// An axis with about five round numbers.
struct Axis {
  let range: ClosedRange<Double>
  let ticks: [Double]
  private let step: Double

  /// - Parameter isFixed: the ends are as given; else they go out to round numbers.
  init(_ wanted: ClosedRange<Double>, isFixed: Bool) {
    var (low, high) = (wanted.lowerBound, wanted.upperBound)
    // Doubles that differ by rounding alone, or not at all, are one number.
    if high - low <= 1e-9 * max(abs(low), abs(high)) {
      let margin = low == 0 ? 1 : abs(low) / 2
      (low, high) = (low - margin, high + margin)
    }
    let rough = (high - low) / 5
    let power = pow(10, log10(rough).rounded(.down))
    let step = ([1, 2, 5, 10].first { $0 * power >= rough * 0.999 } ?? 10) * power
    self.step = step
    if !isFixed { (low, high) = ((low / step).rounded(.down) * step, (high / step).rounded(.up) * step) }
    range = low...high
    let (first, last) = (Int((low / step - 1e-6).rounded(.up)), Int((high / step + 1e-6).rounded(.down)))
    ticks = first <= last ? (first...last).map { Double($0) * step } : []
  }

  func fraction(_ value: Double) -> Double { (value - range.lowerBound) / (range.upperBound - range.lowerBound) }
  func clamped(_ value: Double) -> Double { min(max(value, range.lowerBound), range.upperBound) }

  func text(_ tick: Double) -> String {
    if tick == 0 { return "0" }
    let largest = max(abs(range.lowerBound), abs(range.upperBound))
    if largest >= 1e6 || largest < 1e-3 { return String(format: "%.1e", tick) }
    return String(format: "%.\(max(0, Int((-log10(step) - 1e-9).rounded(.up))))f", tick)
  }
}
