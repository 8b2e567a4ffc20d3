import Glibc

/// What a stretch of an iteration is spent on.
package enum WorkKind: String, Sendable, CaseIterable {
  case product
  /// A product by look-up: held against what multiplying would take.
  case lookup
  case elementwise, optimizer, communication, data
}

/// A product M×K times K×N, and which factors lie in memory the other way round.
package struct ProductShape: Sendable, Equatable {
  package let m, k, n: Int
  package let leftIsTransposed, rightIsTransposed: Bool
  /// Whether the sum goes over a batch.
  package let isBatchSum: Bool

  package init(m: Int, k: Int, n: Int, leftIsTransposed: Bool, rightIsTransposed: Bool, isBatchSum: Bool) {
    (self.m, self.k, self.n) = (m, k, n)
    (self.leftIsTransposed, self.rightIsTransposed) = (leftIsTransposed, rightIsTransposed)
    self.isBatchSum = isBatchSum
  }

  package var name: String {
    "\(m)×\(k)\(leftIsTransposed ? "ᵀ" : "") · \(k)×\(n)\(rightIsTransposed ? "ᵀ" : "")"
  }
  package var flops: Double { 2 * Double(m) * Double(n) * Double(k) }
}

/// Everything of one kind and name that was measured: calls, seconds, and the work that had to be done in them.
package struct Measurement: Sendable {
  package let kind: WorkKind
  package let name: String
  /// Of a product.
  package let shape: ProductShape?
  package fileprivate(set) var calls = 0
  package fileprivate(set) var seconds = 0.0
  /// Floating-point operations of products, a multiply-add being two.
  package fileprivate(set) var flops = 0.0
  /// Bytes that have to be read or written at least once, or, of communication, bytes that this rank sends.
  package fileprivate(set) var bytes = 0.0
}

/// Adds up where the time of an iteration goes. Off, it costs one comparison per product or pass. The whole process's, as the clock is: it
/// only counts, and no result depends on it.
///
/// `@unchecked Sendable`: only the thread that drives the steps calls it.
package final class Profile: @unchecked Sendable {
  package static let shared = Profile()

  package private(set) var isOn = false
  private var measurements: [String: Measurement] = [:]
  /// Seconds in which some transfer was under way; those not spent waiting are hidden behind other work.
  package private(set) var inFlightSeconds = 0.0

  /// Starts anew.
  package func start() {
    measurements = [:]
    inFlightSeconds = 0
    isOn = true
  }

  /// Ends measuring; what was measured, longest first.
  package func stop() -> [Measurement] {
    isOn = false
    return measurements.values.sorted { $0.seconds > $1.seconds }
  }

  /// Nanoseconds of the steady clock; 0 while off.
  @inline(__always)
  package func begin() -> UInt64 {
    Heartbeat.beat()
    return isOn ? now() : 0
  }

  /// Books what has passed since `begin`.
  @inline(__always)
  package func end(
    _ start: UInt64, _ kind: WorkKind, _ name: @autoclosure () -> String, flops: Double = 0,
    bytes: @autoclosure () -> Int = 0
  ) {
    if isOn { add(kind, name(), seconds: Double(now() - start) * 1e-9, flops: flops, bytes: Double(bytes())) }
  }

  /// Books the time since `start` as one in which some transfer was under way, whatever else was done.
  package func addInFlight(since start: UInt64) {
    if isOn { inFlightSeconds += Double(now() - start) * 1e-9 }
  }

  /// Books a product.
  @inline(__always)
  package func end(_ start: UInt64, _ shape: @autoclosure () -> ProductShape) {
    guard isOn else { return }
    let seconds = Double(now() - start) * 1e-9
    let shape = shape()
    add(
      .product, shape.name, seconds: seconds, flops: shape.flops,
      bytes: 4 * Double(shape.m * shape.k + shape.k * shape.n + shape.m * shape.n), shape: shape)
  }

  private func add(
    _ kind: WorkKind, _ name: String, seconds: Double, flops: Double, bytes: Double, shape: ProductShape? = nil
  ) {
    var entry = measurements[name] ?? Measurement(kind: kind, name: name, shape: shape)
    entry.calls += 1
    entry.seconds += seconds
    entry.flops += flops
    entry.bytes += bytes
    measurements[name] = entry
  }
}

private func now() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
