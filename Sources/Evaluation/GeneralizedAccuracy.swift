/// A fraction in 0...1; nil, and `null` in JSON, where there was no row to count: 0 would say that all were wrong.
@propertyWrapper
package struct Fraction: Sendable, Codable, Equatable {
  package var wrappedValue: Double?

  package init(wrappedValue: Double?) { self.wrappedValue = wrappedValue }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    wrappedValue = container.decodeNil() ? nil : try container.decode(Double.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
  }
}

/// U, S and H of generalized zero-shot learning.
package struct GeneralizedAccuracy: Sendable, Codable, Equatable {
  @Fraction package var unseen: Double?
  @Fraction package var seen: Double?

  /// 2US/(U+S), and 0 when both are 0; nil without rows of either kind.
  package var harmonic: Double? {
    guard let unseen, let seen else { return nil }
    return unseen + seen > 0 ? 2 * unseen * seen / (unseen + seen) : 0
  }

  /// What decides which of several is the best: H or, without rows of a kind, the accuracy that is there.
  package var merit: Double { harmonic ?? unseen ?? seen ?? 0 }

  package init(unseen: Double?, seen: Double?) {
    self.unseen = unseen
    self.seen = seen
  }
}
