import Files

/// One tensor of a case against what was expected of it.
package struct ParityVerdict: Sendable {
  package let name: String
  /// ‖actual − expected‖ / ‖expected‖, or the largest absolute value where exact zeros are expected.
  package let error: Double
  package let tolerance: Double
  package var passes: Bool { error <= tolerance }
}

extension ParityCase {
  /// Whether the case says what it expects.
  package var hasExpectations: Bool { file.tensors.contains { $0.name.hasPrefix("expected/") } }

  /// Compares every expected tensor with the one of that name among `actual`. A tensor that is missing, of another size,
  /// not finite, or all zero where something is expected, has an infinite error.
  ///
  /// Tolerances: before the first Adam update only rounding differs (losses 1e-5, gradients 1e-4). Adam divides by the
  /// gradient's size, so rounding in near-zero entries moves what follows: losses 3e-3, gradients 1e-2; updates 5e-3
  /// over the entries whose gradient is above 1e-3 of the tensor's largest in every step.
  package func compare(_ actual: [Tensor]) -> [ParityVerdict] {
    let found = Dictionary(actual.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return file.tensors.compactMap { tensor in
      guard tensor.name.hasPrefix("expected/") else { return nil }
      let name = String(tensor.name.dropFirst("expected/".count))
      let expected = tensor.data.doubles
      let tolerance = tolerance(name)
      guard let values = found[name]?.data.doubles, values.count == expected.count,
        values.allSatisfy(\.isFinite), expected.allSatisfy(\.isFinite)
      else { return ParityVerdict(name: name, error: .infinity, tolerance: tolerance) }
      if name.hasPrefix("parameters/") {
        return ParityVerdict(name: name, error: updateError(name, values, expected), tolerance: tolerance)
      }
      // A bias whose gradient is exactly 0 comes out of autograd as rounding noise.
      if (expected.map { abs($0) }.max() ?? 0) < 1e-12 {
        return ParityVerdict(name: name, error: values.map { abs($0) }.max() ?? 0, tolerance: 1e-6)
      }
      return ParityVerdict(name: name, error: relativeError(values, expected), tolerance: tolerance)
    }
  }

  private func tolerance(_ name: String) -> Double {
    if name.hasPrefix("parameters/") { return 5e-3 }
    let isFirst = name.hasPrefix("critic/0/")
    return name.hasSuffix("/losses") ? (isFirst ? 1e-5 : 3e-3) : (isFirst ? 1e-4 : 1e-2)
  }

  private func relativeError(_ actual: [Double], _ expected: [Double]) -> Double {
    var (difference, size) = (0.0, 0.0)
    for (a, e) in zip(actual, expected) {
      difference += (a - e) * (a - e)
      size += e * e
    }
    if size > 0 && actual.allSatisfy({ $0 == 0 }) { return .infinity }
    return size > 0 ? (difference / size).squareRoot() : difference.squareRoot()
  }

  /// Error of the update over the entries whose gradient was well away from 0 in every step.
  private func updateError(_ name: String, _ actual: [Double], _ expected: [Double]) -> Double {
    let parameter = String(name.dropFirst("parameters/".count))
    let gradients =
      parameter.hasPrefix("generator.")
      ? ["generator/gradients/\(parameter)"]
      : (0..<criticIterations).map { "critic/\($0)/gradients/\(parameter)" }
    guard let before = try? file.tensor(name).data.doubles, before.count == expected.count else { return .infinity }
    var isCounted = [Bool](repeating: true, count: expected.count)
    for gradient in gradients {
      guard let values = try? file.tensor("expected/" + gradient).data.doubles, values.count == expected.count
      else { return .infinity }
      let largest = values.map { abs($0) }.max() ?? 0
      for i in values.indices where abs(values[i]) <= max(1e-3 * largest, 1e-12) { isCounted[i] = false }
    }
    let kept = expected.indices.filter { isCounted[$0] }
    return relativeError(kept.map { actual[$0] - before[$0] }, kept.map { expected[$0] - before[$0] })
  }
}

extension TensorData {
  /// The elements as numbers, in row-major order.
  fileprivate var doubles: [Double] {
    switch self {
    case .float32(let values): values.map(Double.init)
    case .float64(let values): values
    case .int64(let values): values.map(Double.init)
    case .int32(let values): values.map(Double.init)
    case .uint8(let values): values.map(Double.init)
    case .matrix(let matrix): matrix.elements.map(Double.init)
    }
  }
}
