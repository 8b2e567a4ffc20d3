/// Reverse-mode differentiation of scalars in Double: slow, obvious, and sharing no code with the fast backward passes.
package final class Tape {
  fileprivate var parents: [(Int, Int)] = []
  fileprivate var partials: [(Double, Double)] = []

  package init() {}

  package func variable(_ value: Double) -> Scalar { record(value, (-1, 0), (-1, 0)) }
  package func variables(_ values: [Double]) -> [Scalar] { values.map(variable) }

  fileprivate func record(_ value: Double, _ a: (Int, Double), _ b: (Int, Double)) -> Scalar {
    parents.append((a.0, b.0))
    partials.append((a.1, b.1))
    return Scalar(tape: self, index: parents.count - 1, value: value)
  }

  /// ∂output/∂v for each of `variables`.
  package func gradient(of output: Scalar, _ variables: [Scalar]) -> [Double] {
    var adjoint = [Double](repeating: 0, count: parents.count)
    adjoint[output.index] = 1
    for i in stride(from: output.index, through: 0, by: -1) where adjoint[i] != 0 {
      if parents[i].0 >= 0 { adjoint[parents[i].0] += adjoint[i] * partials[i].0 }
      if parents[i].1 >= 0 { adjoint[parents[i].1] += adjoint[i] * partials[i].1 }
    }
    return variables.map { adjoint[$0.index] }
  }
}

package struct Scalar {
  fileprivate let tape: Tape
  fileprivate let index: Int
  package let value: Double

  package static func + (a: Scalar, b: Scalar) -> Scalar {
    a.tape.record(a.value + b.value, (a.index, 1), (b.index, 1))
  }
  package static func - (a: Scalar, b: Scalar) -> Scalar {
    a.tape.record(a.value - b.value, (a.index, 1), (b.index, -1))
  }
  package static func * (a: Scalar, b: Scalar) -> Scalar {
    a.tape.record(a.value * b.value, (a.index, b.value), (b.index, a.value))
  }
  package static func / (a: Scalar, b: Scalar) -> Scalar {
    a.tape.record(a.value / b.value, (a.index, 1 / b.value), (b.index, -a.value / (b.value * b.value)))
  }
  package static func * (a: Scalar, b: Double) -> Scalar {
    a.tape.record(a.value * b, (a.index, b), (-1, 0))
  }
  package static func + (a: Scalar, b: Double) -> Scalar {
    a.tape.record(a.value + b, (a.index, 1), (-1, 0))
  }
  /// A function of one scalar: its value and its derivative.
  package func apply(_ value: Double, derivative: Double) -> Scalar {
    tape.record(value, (index, derivative), (-1, 0))
  }
}
