/// The gradient of a loss before a layer's activation, N×units: what the gradients of the layer's parameters are made of.
///
/// It usually takes the place in memory of what it was made from: a pre-activation, scores, the gradient behind the activation. Having a
/// type of its own, it is not mistaken for them: backward passes return it, and sums of gradients take nothing else.
package struct Delta: Sendable {
  package let matrix: Matrix

  /// - Parameter matrix: holds the gradient by now.
  package init(_ matrix: Matrix) { self.matrix = matrix }

  package func rows(_ rows: Range<Int>) -> Delta { Delta(matrix.rows(rows)) }
}
