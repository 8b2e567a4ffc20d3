import Kernels
import Matrices

/// The final softmax learnt weights that are NaN or infinite: its answers would mean nothing. Every rank throws it.
package struct NonFiniteClassifier: SharedFailure {
  /// The checkpoint of the model, which is good; nil where there is none.
  package var checkpoint: String?

  package init() {}

  package var exitStatus: ExitStatus { .nonFinite }
  package var description: String {
    "the final classifier's weights are not finite, so there are no figures"
      + (checkpoint.map { "; the model itself is good: \($0)" } ?? "")
      + ". Try a lower --classifier-learning-rate, and look at the features with 'cegzsl inspect'."
  }
}

extension FinalClassifiers {
  /// Whether its softmaxes are.
  package var isFinite: Bool { generalized.isFinite && unseenOnly.isFinite }
}

extension FinalLayer {
  /// Whether all weights are, and the biases of those classes that can be answered.
  var isFinite: Bool {
    nonFiniteCount(weight) == 0 && candidates.allSatisfy { bias[0, $0].isFinite } && !candidates.isEmpty
  }
}
