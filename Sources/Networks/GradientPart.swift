import Kernels
import Matrices

/// One of the terms that a gradient is the sum of. Terms come in any order: the first overwrites what is there, the others add, and the
/// last one's product takes the sum through the activation in its last pass over it.
package struct GradientPart {
  private let add: (Matrix, Bool, ProductFinish) -> Void

  /// - Parameter add: gets the sum so far, whether to add to it rather than overwrite it, and what follows the addition.
  package init(_ add: @escaping (_ sum: Matrix, _ accumulate: Bool, _ finish: ProductFinish) -> Void) { self.add = add }

  /// The sum of all parts, of which there is one at least, in `sum`; and through the activation.
  static func delta(of parts: [GradientPart], in sum: Matrix, finish: ProductFinish) -> Delta {
    precondition(!parts.isEmpty, "a gradient without terms")
    for (place, part) in parts.enumerated() {
      part.add(sum, place > 0, place == parts.count - 1 ? finish : .none)
    }
    return Delta(sum)
  }
}
