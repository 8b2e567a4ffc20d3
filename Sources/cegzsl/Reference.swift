import ArgumentParser
import Collectives
import Files
import Foundation
import Matrices
import Training

/// Old habits: the authors' command line, run here.
struct Reference: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train with the flags of the authors' CE_GZSL.py, and print the command in the words of this program.",
    discussion: """
      mpirun -n 4 cegzsl reference --dataset AWA1 --class_embedding att --syn_num 1800 --batch_size 4096 --nz 85 --lr_decay_epoch 50

      The flags and their defaults are those of CE_GZSL.py: --dataset --dataroot --image_embedding --class_embedding --syn_num
      --batch_size --nz --embedSize --outzSize --ngh --ndh --nhF --ins_weight --cls_weight --ins_temp --cls_temp --nepoch --critic_iter
      --lr --lr_decay_epoch --lambda1 --classifier_lr --manualSeed. Data: DATAROOT/DATASET/IMAGE_EMBEDDING.mat and
      CLASS_EMBEDDING_splits.mat. Sizes of the data (--resSize, --attSize, --nclass_all, --nclass_seen) and of a GPU are not needed.
      """)

  @Flag(help: "Only print the command.")
  var print = false
  @Option(name: .customLong("run"), help: "Run directory. Default: models/DATASET-SEED.")
  var runDirectory: String?
  @Option(help: "latest, or a checkpoint's path, as for train.")
  var resume: String?
  @OptionGroup var threadOptions: ThreadOptions
  @Argument(parsing: .allUnrecognized, help: .hidden)
  var flags: [String] = []

  func run() throws {
    let reference: ReferenceFlags
    do { reference = try ReferenceFlags(flags) } catch let error as any ReportableError { leaveEarly(LastWords(error)) }
    var words = ["--data", reference.data, "--run", runDirectory ?? "models/" + reference.title]
    for (name, value) in reference.options { words += value == "true" ? ["--" + name] : ["--" + name, value] }
    if let resume { words += ["--resume", resume] }
    if let threads = threadOptions.threads { words += ["--threads", "\(threads)"] }
    if MPICommunicator.launchedRank == 0 {
      reference.notes.forEach { Swift.print("note: \($0)") }
      Swift.print("cegzsl train \(words.map(\.forShell).joined(separator: " "))")
      fflush(nil)
    }
    if print { return }
    let command = try Train.parse(words)
    try command.run()
  }
}
