import Foundation

/// Parameters on a tape, and what networks are made of, by definition.
package struct TapeLayers {
  package let tape: Tape
  private let variables: [String: [Scalar]]

  /// - Parameter parameters: by name, weight [out, in] row-major.
  package init(_ tape: Tape, parameters: [String: [Double]]) {
    self.tape = tape
    variables = parameters.mapValues { tape.variables($0) }
  }

  /// No scalars where there is no such parameter.
  package subscript(name: String) -> [Scalar] { variables[name] ?? [] }

  package func gradient(of loss: Scalar, _ name: String) -> [Double] { tape.gradient(of: loss, self[name]) }

  package func constants(_ values: [Double]) -> [Scalar] { tape.variables(values) }
  package func sum(_ terms: [Scalar]) -> Scalar { terms.reduce(tape.variable(0), +) }
  package func dot(_ a: [Scalar], _ b: [Scalar]) -> Scalar { sum(zip(a, b).map { $0 * $1 }) }

  /// W·x + b of a layer.
  package func linear(_ name: String, _ input: [Scalar]) -> [Scalar] {
    let (weight, bias) = (self[name + ".weight"], self[name + ".bias"])
    return bias.indices.map { o in
      sum(input.indices.map { weight[o * input.count + $0] * input[$0] }) + bias[o]
    }
  }

  /// v / ‖v‖; zeros stay zeros, and have no gradient.
  package func unit(_ v: [Scalar]) -> [Scalar] {
    let norm = sum(v.map { $0 * $0 }).root
    return v.map { norm.value > 0 ? $0 / norm : $0 * 0 }
  }
}

extension Scalar {
  /// LeakyReLU 0.2; the kink belongs to the lower slope.
  package var leaky: Scalar { value > 0 ? self : self * 0.2 }
  package var relu: Scalar { value > 0 ? self : self * 0 }
  package var exponential: Scalar { apply(exp(value), derivative: exp(value)) }
  package var logarithm: Scalar { apply(log(value), derivative: 1 / value) }
  /// The square root; 0 has the derivative 0.
  package var root: Scalar { apply(value.squareRoot(), derivative: value > 0 ? 0.5 / value.squareRoot() : 0) }
}
