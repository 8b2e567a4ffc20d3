/// The rule that answers a class (Method.md, "Heads").
package enum HeadKind: String, Sendable, CaseIterable, Codable {
  /// The paper's: a linear softmax over real rows of seen classes and synthetic ones of unseen classes.
  case softmax
  /// Prototypes that a linear map makes of descriptors, by cosine, trained with the classes' frequencies as priors.
  case zla
  /// Class means that ridge regression makes of descriptors, by cosine. No network has a part in it.
  case ridge
  /// Mean synthetic embeddings, by cosine.
  case prototype
  /// A weighted sum of the others; validation says which of them help.
  case stacked

  /// What may be in its sum.
  package var candidates: [HeadPart] {
    switch self {
    case .softmax: [.softmax]
    case .zla: [.zla]
    case .ridge: [.ridgeFeatures]
    case .prototype: [.prototype]
    case .stacked: [.softmax, .ridgeFeatures, .ridgeEmbedding, .prototype, .zla]
    }
  }

  /// Whether it can do without constants that validation chose.
  package var needsSelection: Bool { self == .stacked }
}

/// A summand of a head's scores.
package enum HeadPart: String, Sendable, CaseIterable, Codable {
  case softmax
  case zla
  /// Ridge regression of the classes' mean features on descriptors.
  case ridgeFeatures = "ridge_features"
  /// Ridge regression of descriptors on embeddings.
  case ridgeEmbedding = "ridge_embedding"
  case prototype

  /// What its cosine compares.
  package var input: CosineTerm.Input { self == .ridgeFeatures ? .features : .embedding }

  /// λ without a choice; nil: it has none.
  package var usualPenalty: Double? {
    switch self {
    case .ridgeFeatures, .ridgeEmbedding: 0.3
    case .softmax, .zla, .prototype: nil
    }
  }

  /// Those that are tried for λ.
  package static let penalties = [0.01, 0.03, 0.1, 0.3, 1, 3]
}

/// What validation chooses of a head. Test rows have no part in it.
package struct HeadConstants: Sendable, Codable, Equatable {
  package struct Part: Sendable, Codable, Equatable {
    package let part: HeadPart
    /// Above 0; 1 for softmax.
    package let weight: Double
    /// λ of a ridge regression.
    package let penalty: Double?

    enum CodingKeys: String, CodingKey {
      case part, weight
      case penalty = "lambda"
    }

    package init(_ part: HeadPart, weight: Double = 1, penalty: Double? = nil) {
      self.part = part
      self.weight = weight
      self.penalty = penalty
    }
  }

  package let head: HeadKind
  /// In the order in which they are summed; softmax, if it is there, is the first.
  package let parts: [Part]
  /// What is subtracted from the scores of seen classes at the calibrated operating point; nil: nobody chose one.
  package let gamma: Double?

  package init(head: HeadKind, parts: [Part], gamma: Double?) {
    self.head = head
    self.parts = parts
    self.gamma = gamma
  }

  /// Of a head that nobody chose anything for.
  ///
  /// - Parameter head: one that can do without.
  package init(usual head: HeadKind) {
    precondition(!head.needsSelection, "\(head) has no constants of its own")
    self.init(
      head: head, parts: head.candidates.map { Part($0, penalty: $0.usualPenalty) }, gamma: nil)
  }

  package func contains(_ part: HeadPart) -> Bool { parts.contains { $0.part == part } }
}
