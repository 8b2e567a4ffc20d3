import Evaluation
import Testing
import Training

@Suite struct ConfigurationTests {
  @Test func resolvedValuesReadBack() throws {
    var configuration = Configuration()
    try configuration.apply(Preset.named("CUB").values, place: "preset")
    try configuration.apply(
      [("evaluate-every", "5epochs"), ("embedding", "semantic"), ("learning-rate", "3e-4")], place: "test")
    var copy = Configuration()
    try copy.apply(configuration.resolved.map { ($0.name, $0.value) }, place: "copy")
    #expect(copy == configuration)
    #expect(copy.classEmbedding == "sent_splits.mat" && copy.batchSize == 2048 && copy.evaluateEvery == .epochs(5))
  }

  @Test func refusals() {
    var configuration = Configuration()
    #expect(
      throws: ConfigurationError.unknownName(name: "batch-sise", place: "test", nearest: "batch-size")
    ) { try configuration.apply([("batch-sise", "3")], place: "test") }
    for (name, value) in [
      ("batch-size", "0"), ("batch-size", "-1"), ("batch-size", "many"), ("learning-rate", "0"),
      ("learning-rate", "nan"), ("instance-temperature", "0"), ("precision", "float16"), ("keep", "1"),
      ("evaluate-every", "5 years"), ("accumulate-comparator-gradient", "yes"),
    ] {
      #expect(throws: ConfigurationError.self, "\(name) \(value)") {
        try configuration.apply([(name, value)], place: "test")
      }
    }
    #expect(throws: ConfigurationError.self) { try Preset.named("awa3") }
  }

  @Test func intervals() {
    #expect(Interval("120") == .iterations(120) && Interval("0") == .never && Interval("1epoch") == .epochs(1))
    #expect(Interval("epochs") == nil && Interval("-3") == nil)
    #expect(Interval.epochs(2).isDue(after: 20, iterationsPerEpoch: 10))
    #expect(!Interval.epochs(2).isDue(after: 10, iterationsPerEpoch: 10))
  }
}

@Suite struct AccuracyTests {
  @Test func meansAreOverClasses() {
    // Class 1: 1 of 4, class 2: 1 of 1; the mean over rows would be 2 of 5.
    let table = PerClassAccuracy(predictions: [1, 2, 2, 2, 2], labels: [1, 1, 1, 1, 2])
    #expect(table.mean == 0.625)
    #expect(PerClassAccuracy(predictions: [], labels: []).mean == 0)
    #expect(GeneralizedAccuracy(unseen: 0, seen: 0).harmonic == 0)
    #expect(GeneralizedAccuracy(unseen: 0.5, seen: 0.25).harmonic == 1.0 / 3)
  }
}
