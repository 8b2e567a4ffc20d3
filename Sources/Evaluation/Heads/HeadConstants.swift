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
  /// Gaussians with one covariance, whose means ridge regression makes of descriptors. No network has a part in it.
  case gaussian

  /// What may be in its sum.
  package var candidates: [HeadPart] {
    switch self {
    case .softmax: [.softmax]
    case .zla: [.zla]
    case .ridge: [.ridgeFeatures]
    case .prototype: [.prototype]
    case .gaussian: [.gaussianFeatures]
    case .stacked:
      [
        .softmax, .ridgeFeatures, .ridgeEmbedding, .prototype, .zla, .gaussianFeatures, .gaussianEmbedding,
        .gaussianPrototype,
      ]
    }
  }

  /// Whether it can do without constants that validation chose.
  package var needsSelection: Bool { self == .stacked }

  /// Whether closed forms of features and descriptors are all that it has.
  package var needsNoNetwork: Bool { candidates.allSatisfy { $0.input == .features } }
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
  /// Gaussian classes of features, the means by kernel ridge regression on descriptors.
  case gaussianFeatures = "gaussian_features"
  /// The same of embeddings.
  case gaussianEmbedding = "gaussian_embedding"
  /// Gaussian classes of embeddings, the means those of synthetic ones.
  case gaussianPrototype = "gaussian_prototype"

  /// What it compares.
  package var input: HeadTerm.Input {
    switch self {
    case .ridgeFeatures, .gaussianFeatures: .features
    case .softmax, .zla, .ridgeEmbedding, .prototype, .gaussianEmbedding, .gaussianPrototype: .embedding
    }
  }

  /// Whether its scores are linear in what it compares; those of the others, but for softmax, are cosines.
  package var isGaussian: Bool {
    self == .gaussianFeatures || self == .gaussianEmbedding || self == .gaussianPrototype
  }

  package var needsSyntheticSeen: Bool { self == .prototype || self == .gaussianPrototype }

  /// Its constants without a choice.
  package var usual: TermConstants {
    switch self {
    case .softmax, .zla, .prototype: TermConstants()
    case .ridgeFeatures, .ridgeEmbedding: TermConstants(penalty: 0.3)
    case .gaussianFeatures, .gaussianEmbedding: TermConstants(penalty: 0.1, kernelWidth: 1, shrinkage: 0.3)
    case .gaussianPrototype: TermConstants(shrinkage: 0.3)
    }
  }

  private static let penalties = [0.01, 0.03, 0.1, 0.3, 1, 3]
  private static let kernelWidths = [nil, 1.0, 3]
  private static let shrinkages = [0.03, 0.1, 0.3, 0.6]

  /// What is tried for its constants.
  package var candidates: [TermConstants] {
    switch self {
    case .softmax, .zla, .prototype: [TermConstants()]
    case .ridgeFeatures, .ridgeEmbedding: Self.penalties.map { TermConstants(penalty: $0) }
    case .gaussianFeatures, .gaussianEmbedding:
      Self.kernelWidths.flatMap { width in
        Self.penalties.flatMap { penalty in
          Self.shrinkages.map { TermConstants(penalty: penalty, kernelWidth: width, shrinkage: $0) }
        }
      }
    case .gaussianPrototype: Self.shrinkages.map { TermConstants(shrinkage: $0) }
    }
  }
}

/// What a summand is fitted with.
package struct TermConstants: Sendable, Codable, Equatable {
  /// λ of a ridge regression.
  package var penalty: Double?
  /// Of the descriptors' kernel, in medians of their squared distances; nil: the kernel is the product of two descriptors.
  package var kernelWidth: Double?
  /// What part of a covariance is replaced by a multiple of 1; in 0...1.
  package var shrinkage: Double?

  enum CodingKeys: String, CodingKey {
    case penalty = "lambda"
    case kernelWidth = "kernel_width"
    case shrinkage
  }

  package init(penalty: Double? = nil, kernelWidth: Double? = nil, shrinkage: Double? = nil) {
    self.penalty = penalty
    self.kernelWidth = kernelWidth
    self.shrinkage = shrinkage
  }

  /// Each with its name.
  package var named: [(name: String, value: Double)] {
    [("λ", penalty), ("kernel width", kernelWidth), ("shrinkage", shrinkage)].compactMap { name, value in
      value.map { (name, $0) }
    }
  }
}

/// What validation chooses of a head. Test rows have no part in it.
package struct HeadConstants: Sendable, Codable, Equatable {
  package struct Part: Sendable, Codable, Equatable {
    package let part: HeadPart
    /// Above 0.
    package let weight: Double
    /// Side by side with the others in JSON.
    package let constants: TermConstants

    private enum CodingKeys: String, CodingKey { case part, weight }

    package init(_ part: HeadPart, weight: Double = 1, _ constants: TermConstants = TermConstants()) {
      self.part = part
      self.weight = weight
      self.constants = constants
    }

    package init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      part = try container.decode(HeadPart.self, forKey: .part)
      weight = try container.decode(Double.self, forKey: .weight)
      constants = try TermConstants(from: decoder)
    }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(part, forKey: .part)
      try container.encode(weight, forKey: .weight)
      try constants.encode(to: encoder)
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
      head: head, parts: head.candidates.map { Part($0, $0.usual) }, gamma: nil)
  }

  package func contains(_ part: HeadPart) -> Bool { weight(of: part) != nil }

  /// nil of a part that it lacks.
  package func weight(of part: HeadPart) -> Double? { parts.first { $0.part == part }?.weight }
}
