import Kernels
import Matrices
import Profiling

/// The best rates this process reaches with all its threads: what the phases of an iteration are held against.
package struct MachineRates: Sendable {
  /// Floating-point operations per second of a large product, a multiply-add being two.
  package private(set) var product = 0.0
  /// Bytes per second of a copy of memory larger than the caches, read and written bytes both counted.
  package private(set) var copy = 0.0

  /// That of the products measured.
  private let precision: ProductPrecision

  package init(precision: ProductPrecision) { self.precision = precision }

  /// Measures again and keeps the better figures: on a shared machine a single moment may be a slow one.
  package mutating func measure() {
    product = max(product, measureProductRate(precision))
    copy = max(copy, measureCopyRate())
  }
}

/// Where one iteration's time went on this rank, each phase beside its floor.
package struct IterationProfile: Sendable {
  package let seconds: Double
  /// Longest first.
  package let measurements: [Measurement]
  /// Seconds in which rows or gradients were on their way, waited for or not.
  package let inFlightSeconds: Double

  /// A table: phases by kind, then every product shape and pass by name.
  package func table(rates: MachineRates) -> String {
    func row(_ name: String, _ seconds: Double, _ floor: Double, calls: Int) -> String {
      let share = 100 * seconds / self.seconds
      let times = floor > 0 ? fixed(seconds / floor, 2) + " x floor" : ""
      return pad(name, 34) + leftPad(fixed(seconds * 1e3, 1), 9) + " ms " + leftPad(fixed(share, 1), 5) + " % "
        + leftPad("\(calls)", 5) + " calls  " + times
    }
    func floor(_ m: Measurement) -> Double {
      switch m.kind {
      case .product, .lookup: m.flops / rates.product
      case .elementwise, .optimizer, .data: m.bytes / rates.copy
      case .communication: 0
      }
    }
    var lines = [
      "iteration \(fixed(seconds * 1e3, 1)) ms; floors from \(fixed(rates.product / 1e9, 1)) GFLOP/s of products and "
        + "\(fixed(rates.copy / 1e9, 1)) GB/s of copies"
    ]
    for kind in WorkKind.allCases {
      let own = measurements.filter { $0.kind == kind }
      guard !own.isEmpty else { continue }
      lines.append(
        row(
          kind.rawValue, own.reduce(0) { $0 + $1.seconds }, own.reduce(0) { $0 + floor($1) },
          calls: own.reduce(0) { $0 + $1.calls }))
    }
    lines.append(row("everything else", seconds - measurements.reduce(0) { $0 + $1.seconds }, 0, calls: 1))
    if inFlightSeconds > 0 { lines.append(row("transfers under way", inFlightSeconds, 0, calls: 1)) }
    lines.append("")
    for m in measurements {
      lines.append(row(m.name, m.seconds, floor(m), calls: m.calls))
    }
    return lines.joined(separator: "\n")
  }
}

private func fixed(_ value: Double, _ digits: Int) -> String {
  let scale = digits == 1 ? 10.0 : 100.0
  let rounded = (value * scale).rounded() / scale
  return "\(rounded)"
}

private func pad(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(1, width - text.count))
}

private func leftPad(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

private func measureProductRate(_ precision: ProductPrecision) -> Double {
  let (m, k, n) = (2048, 2048, 4096)
  let (a, b, c) = (Matrix(rows: m, columns: k), Matrix(rows: n, columns: k), Matrix(rows: m, columns: n))
  let context = ProductContext(precision: precision)
  a.fill(0.5)
  b.fill(0.25)
  var best = bestTime(atLeast: 0) { context.multiply(into: c, a, b.transposed) }
  if precision == .float32 {
    best = min(best, bestTime(atLeast: 0) { multiplyWithLibrary(into: c, a, transposed: b) })
  }
  return 2 * Double(m) * Double(k) * Double(n) / best
}

private func measureCopyRate() -> Double {
  let (a, b) = (Matrix(rows: 4096, columns: 4096), Matrix(rows: 4096, columns: 4096))
  a.fill(0.5)
  let best = bestTime(atLeast: 0) { gatherRows(b, from: a, Array(0..<4096)[...]) }
  return 8 * Double(a.count) / best
}
