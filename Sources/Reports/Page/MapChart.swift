import Foundation

/// The plane map of embeddings: seen classes in grey, each unseen class in a colour and a shape of its own as far as they reach; real rows
/// filled, synthetic ones hollow.
struct MapChart {
  let map: EmbeddingMap

  private static let (side, margin) = (440.0, 14.0)
  /// Colour and shape tell so many classes apart.
  static let mostTold = 18

  /// Unseen classes with points, in the data set's order.
  var unseen: [Int] {
    Set(map.points.filter { $0.origin != .seen }.map(\.label)).sorted()
  }

  func svg(title: String) -> Markup {
    let (xs, ys) = (map.points.map(\.x), map.points.map(\.y))
    let (left, low) = (xs.min() ?? 0, ys.min() ?? 0)
    // One scale for both axes: distances mean the same in all directions.
    let extent = max((xs.max() ?? 1) - left, (ys.max() ?? 1) - low, 1e-9)
    let scale = (Self.side - 2 * Self.margin) / extent
    let height = ((ys.max() ?? 1) - low) * scale + 2 * Self.margin
    func place(_ point: EmbeddingMap.Point) -> (x: Double, y: Double) {
      (Self.margin + (point.x - left) * scale, height - Self.margin - (point.y - low) * scale)
    }
    var drawing: Markup = """
      <svg viewBox="0 0 \(Self.side) \(height)" role="img" aria-label="\(title)">
      """
    var seen: Markup = ""
    for point in map.points where point.origin == .seen {
      let at = place(point)
      seen += "M\(at.x - 1.3) \(at.y)h2.6v2.6h-2.6z"
    }
    drawing += "<path fill=\"var(--soft)\" fill-opacity=\".45\" d=\"\(seen)\"/>"
    let numbers = Dictionary(uniqueKeysWithValues: unseen.enumerated().map { ($1, $0) })
    for origin in [EmbeddingMap.Origin.synthetic, .unseen] {
      for label in unseen {
        var shape: Markup = ""
        for point in map.points where point.origin == origin && point.label == label {
          let at = place(point)
          shape += Self.shape(numbers[label] ?? 0, at.x, at.y)
        }
        if !shape.text.isEmpty {
          drawing += Self.path(shape, number: numbers[label] ?? 0, isHollow: origin == .synthetic)
        }
      }
    }
    for (number, label) in unseen.enumerated() {
      let own = map.points.filter { $0.label == label && $0.origin == .unseen }.map(place)
      guard !own.isEmpty else { continue }
      let (x, y) = (own.map(\.x).reduce(0, +) / Double(own.count), own.map(\.y).reduce(0, +) / Double(own.count))
      drawing += "<text class=\"halo badge\" x=\"\(x)\" y=\"\(y + 4)\" text-anchor=\"middle\">\(number + 1)</text>"
    }
    return drawing + "</svg>"
  }

  /// For a list of the classes.
  static func key(_ number: Int) -> Markup {
    let (filled, hollow) = (shape(number, 8, 7), shape(number, 26, 7))
    return """
      <svg viewBox="0 0 36 14" aria-hidden="true">\(path(filled, number: number, isHollow: false))\
      \(path(hollow, number: number, isHollow: true))</svg>
      """
  }

  private static func path(_ shape: Markup, number: Int, isHollow: Bool) -> Markup {
    let color = number % Style.colorCount
    return isHollow
      ? "<path class=\"k\(color)\" fill=\"none\" stroke-width=\"1.1\" d=\"\(shape)\"/>"
      : "<path class=\"f\(color)\" fill-opacity=\".8\" d=\"\(shape)\"/>"
  }

  /// Square, triangle or diamond, by the number.
  private static func shape(_ number: Int, _ x: Double, _ y: Double) -> Markup {
    switch number / Style.colorCount % 3 {
    case 0: "M\(x - 2.5) \(y - 2.5)h5v5h-5z"
    case 1: "M\(x) \(y - 3.4)l3.2 5.6h-6.4z"
    default: "M\(x) \(y - 3.6)l3 3.6l-3 3.6l-3-3.6z"
    }
  }
}
