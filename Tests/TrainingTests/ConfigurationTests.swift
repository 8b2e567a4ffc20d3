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

  /// Names and defaults are promises: `config.yaml` of existing runs and users' scripts have them.
  @Test func namesAndDefaultsStay() {
    let expected = """
      preset= features=res101.mat class-embedding=att_splits.mat first-label=auto first-row=auto batch-size=256 leaf-rows=0 micro-batch-size=0
      projection-memory=1024 epochs=100 max-iterations=0 learning-rate=0.0001 learning-rate-decay-epochs=0 noise-size=0
      generator-width=4096 critic-width=4096 embedding-size=2048 projection-size=512 comparator-width=2048
      embedding=contrastive instance-weight=0.001 class-weight=0.001 instance-temperature=0.1 class-temperature=0.1
      gradient-penalty-weight=10.0 semantic-margin=1.0 critic-iterations=5 accumulate-comparator-gradient=false
      synthetic-per-class=100 head=softmax classifier-epochs=25 classifier-learning-rate=0.001 classifier-batch-size=0 select=last
      evaluate-every=0 checkpoint-every=10epochs keep=3 watchdog=600 verify-every=200 seed=1 initial= precision=float32
      """
    let actual = Configuration().resolved.map { "\($0.name)=\($0.value)" }
    #expect(actual == expected.split { $0 == " " || $0 == "\n" }.map(String.init))
    // What a resumed run must not change.
    #expect(Configuration().trajectory.count == 25)
  }

  @Test func refusals() {
    var configuration = Configuration()
    #expect(
      throws: ConfigurationError.unknownName(name: "batch-sise", place: "test", nearest: "batch-size")
    ) { try configuration.apply([("batch-sise", "3")], place: "test") }
    for (name, value) in [
      ("batch-size", "0"), ("batch-size", "-1"), ("batch-size", "many"), ("learning-rate", "0"),
      ("learning-rate", "nan"), ("learning-rate", "1e-50"), ("instance-temperature", "1e-40"),
      ("class-temperature", "1e-50"),
      ("gradient-penalty-weight", "1e50"), ("instance-weight", "1e-60"), ("classifier-learning-rate", "1e50"),
      ("instance-temperature", "0"), ("precision", "float16"), ("keep", "1"),
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
