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

/// What the amount of some work grows with, besides the widths of the networks.
package enum Growth: Sendable {
  /// A rank's rows.
  case rows
  /// Its rows times those of the whole batch.
  case pairs
  /// The units of all layers that the rank sums up over ranks, finishes and moves.
  case units
}

/// Everything of one kind, growth and name that was measured: calls, seconds, and the work that had to be done in them.
package struct Measurement: Sendable {
  package let kind: WorkKind
  package let growth: Growth
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

/// Adds up where the time of some work goes. Where nobody measures, it costs a look and a comparison per product or pass.
///
/// `@unchecked Sendable`: only the thread that called `measure` meets it.
package final class Profile: @unchecked Sendable {
  @TaskLocal private static var measuring: Profile?
  private static let off = Profile(isOn: false)

  /// That of the measurement around the caller, or one that books nothing.
  package static var current: Profile { measuring ?? off }

  private let isOn: Bool
  private var growth = Growth.rows
  private var measurements: [Key: Measurement] = [:]
  /// Seconds in which some transfer was under way; those not spent waiting are hidden behind other work.
  package private(set) var inFlightSeconds = 0.0

  private struct Key: Hashable {
    let growth: Growth
    let name: String
  }

  private init(isOn: Bool) { self.isOn = isOn }

  /// Runs `body`, whose products, passes and exchanges on this thread are booked.
  package static func measure<Result>(_ body: (Profile) throws -> Result) rethrows -> Result {
    let profile = Profile(isOn: true)
    return try $measuring.withValue(profile) { try body(profile) }
  }

  /// Runs `body`, whose amount of work grows with this, and not with a rank's rows.
  package static func growing<Result>(with growth: Growth, _ body: () throws -> Result) rethrows -> Result {
    guard let measuring else { return try body() }
    let before = measuring.growth
    measuring.growth = growth
    defer { measuring.growth = before }
    return try body()
  }

  /// What was measured since the last call, longest first.
  package func take() -> [Measurement] {
    defer { measurements = [:] }
    return measurements.values.sorted { $0.seconds > $1.seconds }
  }

  /// Nanoseconds of the steady clock; 0 while nobody measures.
  @inline(__always)
  package func begin() -> UInt64 {
    Heartbeat.beat()
    return isOn ? now() : 0
  }

  /// The same where nothing is done but to wait: a rank whose peers only look for what it sends must not seem alive in them.
  @inline(__always)
  package func beginLooking() -> UInt64 { isOn ? now() : 0 }

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
    if isOn && start > 0 { inFlightSeconds += Double(now() - start) * 1e-9 }
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
    let key = Key(growth: growth, name: name)
    var entry = measurements[key] ?? Measurement(kind: kind, growth: growth, name: name, shape: shape)
    entry.calls += 1
    entry.seconds += seconds
    entry.flops += flops
    entry.bytes += bytes
    measurements[key] = entry
  }
}

private func now() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
