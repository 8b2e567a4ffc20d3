/// The authors' settings of the five benchmarks, and small ones.
package struct Preset: Sendable {
  package let name: String
  package let summary: String
  /// Feature, descriptor and seen-class counts of the data the preset is for: the sizes of `cegzsl benchmark`.
  package let featureSize: Int
  package let attributeSize: Int
  package let seenClassCount: Int
  package let values: [(name: String, value: String)]

  package static let all: [Preset] = [
    Preset(
      name: "awa1", summary: "Animals with Attributes 1; published U 65.3, S 73.4, H 69.1", featureSize: 2048,
      attributeSize: 85, seenClassCount: 40,
      values: [
        ("batch-size", "4096"), ("epochs", "130"), ("learning-rate", "0.0001"), ("learning-rate-decay-epochs", "50"),
        ("comparator-width", "2048"), ("instance-weight", "0.001"), ("class-weight", "0.001"),
        ("synthetic-per-class", "1800"), ("seed", "9182"),
      ]),
    Preset(
      name: "awa2", summary: "Animals with Attributes 2; published U 63.1, S 78.6, H 70.0", featureSize: 2048,
      attributeSize: 85, seenClassCount: 40,
      values: [
        ("batch-size", "4096"), ("epochs", "130"), ("learning-rate", "0.0001"), ("learning-rate-decay-epochs", "10"),
        ("comparator-width", "2048"), ("instance-weight", "0.001"), ("class-weight", "0.001"),
        ("synthetic-per-class", "2400"), ("seed", "9182"),
      ]),
    Preset(
      name: "cub", summary: "Caltech-UCSD Birds with sentence embeddings; published U 63.9, S 66.8, H 65.3",
      featureSize: 2048, attributeSize: 1024, seenClassCount: 150,
      values: [
        ("batch-size", "2048"), ("epochs", "450"), ("learning-rate", "0.0001"),
        ("learning-rate-decay-epochs", "100"), ("comparator-width", "2048"), ("instance-weight", "0.001"),
        ("class-weight", "0.001"), ("synthetic-per-class", "100"), ("seed", "3483"),
        ("class-embedding", "sent_splits.mat"),
      ]),
    Preset(
      name: "flo", summary: "Oxford Flowers; published U 69.0, S 78.7, H 73.5 (its batch size is unconfirmed)",
      featureSize: 2048, attributeSize: 1024, seenClassCount: 82,
      values: [
        ("batch-size", "3072"), ("epochs", "750"), ("learning-rate", "0.0001"),
        ("learning-rate-decay-epochs", "100"), ("comparator-width", "1024"), ("instance-weight", "0.01"),
        ("class-weight", "0.01"), ("synthetic-per-class", "600"), ("seed", "806"), ("noise-size", "512"),
      ]),
    Preset(
      name: "sun", summary: "SUN scenes; published U 48.8, S 38.6, H 43.1", featureSize: 2048, attributeSize: 102,
      seenClassCount: 645,
      values: [
        ("batch-size", "1024"), ("epochs", "1000"), ("learning-rate", "5e-05"),
        ("learning-rate-decay-epochs", "100"), ("comparator-width", "1024"), ("instance-weight", "0.01"),
        ("class-weight", "0.01"), ("synthetic-per-class", "100"), ("seed", "4115"),
      ]),
    Preset(
      name: "tiny", summary: "a few seconds: for trying things out and for tests", featureSize: 32, attributeSize: 24,
      seenClassCount: 12,
      values: [
        ("batch-size", "64"), ("generator-width", "128"), ("critic-width", "128"), ("embedding-size", "64"),
        ("projection-size", "32"), ("comparator-width", "64"), ("instance-weight", "0.01"), ("class-weight", "0.01"),
        ("learning-rate", "0.0003"), ("epochs", "5"), ("synthetic-per-class", "50"),
        ("classifier-learning-rate", "0.005"),
      ]),
  ]

  /// - Throws: `ConfigurationError.unknownPreset`. Names are compared without regard to case.
  package static func named(_ name: String) throws -> Preset {
    guard let preset = all.first(where: { $0.name == name.lowercased() }) else {
      throw ConfigurationError.unknownPreset(name: name, known: all.map(\.name))
    }
    return preset
  }
}
