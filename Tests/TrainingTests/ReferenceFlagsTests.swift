import Matrices
import Testing
import Training

/// The authors' command lines in our words.
@Suite struct ReferenceFlagsTests {
  private func values(_ line: String) throws -> [String: String] {
    let flags = try ReferenceFlags(line.split(separator: " ").map(String.init))
    return Dictionary(uniqueKeysWithValues: flags.options.map { ($0.name, $0.value) })
  }

  private func refusal(_ line: String) -> String {
    do {
      _ = try values(line)
      return ""
    } catch { return "\((error as? any ReportableError)?.exitStatus.rawValue ?? 0) \(error)" }
  }

  @Test func withoutFlagsItIsTheAuthorsCUB() throws {
    let flags = try ReferenceFlags([])
    #expect(flags.data == "./data/CUB" && flags.title == "CUB-3483")
    #expect(
      try values("") == [
        "class-embedding": "sent_splits.mat", "batch-size": "2048", "noise-size": "1024", "epochs": "2000",
        "learning-rate-decay-epochs": "100", "seed": "3483", "accumulate-comparator-gradient": "true",
        "evaluate-every": "1epochs",
      ])
  }

  /// The lines of the authors' README and of forks; the published settings are those of the presets.
  @Test(arguments: [
    (
      "awa1",
      "--dataset AWA1 --class_embedding att --syn_num 1800 --batch_size 4096 --attSize 85 --nz 85 --embedSize 2048 --outzSize 512 --nhF 2048 --ins_weight 0.001 --cls_weight 0.001 --ins_temp 0.1 --cls_temp 0.1 --manualSeed 9182 --nclass_all 50 --nclass_seen 40 --lr_decay_epoch 50 --nepoch 130"
    ),
    (
      "cub",
      "--dataset CUB --class_embedding sent --syn_num 100 --batch_size 2048 --nz 1024 --nhF 2048 --manualSeed 3483 --nepoch=450"
    ),
    (
      "sun",
      "--dataset SUN --class_embedding att --syn_num 100 --batch_size 1024 --attSize 102 --nz 102 --nhF 1024 --ins_weight 0.01 --cls_weight 0.01 --manualSeed 4115 --nclass_all 717 --nclass_seen 645 --lr_decay_epoch 100 --lr 5e-5 --nepoch 1000"
    ),
  ]) func publishedLinesAreThePresets(_ preset: String, _ line: String) throws {
    var (own, theirs) = (Configuration(), Configuration())
    try own.apply(try Preset.named(preset).values, place: "preset")
    try theirs.apply(try values(line).map { ($0.key, $0.value) }, place: "line")
    let differing = zip(own.resolved, theirs.resolved).filter { $0.0 != $0.1 }.map(\.0.name)
    #expect(Set(differing) == ["noise-size", "accumulate-comparator-gradient", "evaluate-every"])
  }

  @Test func flagsAreReadAsTheAuthorsParserReadsThem() throws {
    #expect(try values("--syn 7")["synthetic-per-class"] == "7")
    #expect(try values("--lr 0.5")["learning-rate"] == "0.5", "a whole name wins over longer ones")
    #expect(try values("--lambda1 5")["gradient-penalty-weight"] == "5.0")
    let flags = try ReferenceFlags([
      "--cuda", "--gpus", "0,1", "--nclass_all", "3", "--dataroot", "/d", "--dataset", "x",
    ])
    #expect(
      flags.data == "/d/x" && flags.notes[0].contains("--nclass_all") && flags.notes[1].contains("--cuda, --gpus"))
  }

  @Test func whatCannotBeFollowedIsRefused() {
    for (line, words) in [
      ("--batchsize 3", "64 reference: the authors' program has no flag --batchsize; did you mean --batch_size?"),
      ("--ins 3", "it may be --ins_weight or --ins_temp"), ("--nz", "--nz needs a value"),
      ("3", "'3' belongs to no flag"),
      ("--nz -1", "--nz: noise-size is '-1'"), ("--beta1 0.9", "--beta1 is 0.9; only 0.5"),
      ("--standardization", "--standardization: features are scaled"), ("--validation", "--select validation"),
      ("--gzsl False", "--gzsl is False"), ("--cuda=1", "takes no value"), ("--ins_temp 1e-50", "instance-temperature"),
    ] { #expect(refusal(line).contains(words) && refusal(line).hasPrefix("64"), "\(refusal(line))") }
  }
}
