import ArgumentParser
import Datasets
import Files
import Foundation
import Matrices
import Models
import Reports
import Training

struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write one HTML page about one run, or about several side by side; it works offline and needs no script.",
    discussion: """
      cegzsl report runs/first --output first.html
      cegzsl report runs/first runs/second --output both.html

      Losses, figures over training, the seen-unseen curve with AUSUC, accuracies and confusion of the classes, a map of
      real and synthetic embeddings, baselines, the options that differ, the split, and the commands that repeat it. What
      a run does not have is named, with the command that brings it. The map needs the run's data set where config.yaml
      and results.json say it is. An older page of that name is replaced.
      """)

  @Argument(help: ArgumentHelp("Run directories of train.", valueName: "run"))
  var runs: [String]
  @Option(help: ArgumentHelp("The page.", valueName: "file.html"))
  var output: String
  @Flag(help: "Leave out the map of embeddings: no data set is read.")
  var withoutMap = false
  @OptionGroup var threadOptions: ThreadOptions

  func validate() throws {
    if runs.isEmpty { throw ValidationError("Name at least one run directory.") }
  }

  func run() throws {
    try withRootRank(threads: threadOptions.threads) {
      try OutputFile.requireApart(outputs: [output], inputs: runs)
      let subjects = try runs.map(subject)
      let page = ReportPage(subjects, version: Build.version).html
      try OutputFile.text(output) { try $0(page) }
      print("\(output.forTerminal): \(subjects.count) run(s), \(page.utf8.count / 1024 + 1) KiB")
    }
  }

  private func subject(_ run: String) throws -> ReportPage.Subject {
    let record = try RunRecord(run: run, options: RunFiles.options(run))
    if withoutMap { return ReportPage.Subject(record: record, map: nil, mapProblem: "it was left out") }
    do {
      return ReportPage.Subject(record: record, map: try map(record), mapProblem: nil)
    } catch {
      // The page is worth having without it.
      writeError("note: \(run): no map: \(error)")
      return ReportPage.Subject(record: record, map: nil, mapProblem: "\(error)")
    }
  }

  /// - Throws: why there can be none.
  private func map(_ record: RunRecord) throws -> EmbeddingMap {
    guard let folder = record.data else { throw NoMap(reason: "the run has no results that name its data") }
    let (model, warnings) = try TrainedModel.load(run: record.path, .best)
    warnings.forEach { writeError("warning: \($0)") }
    var configuration = Configuration()
    // A run of another version may have options that this one does not know; whether the data are the same, their digest says.
    for option in record.options { try? configuration.apply([option], place: record.path) }
    let dataset = try GZSLDataset.load(folder: folder, options: configuration.dataOptions)
    guard dataset.contentDigest == model.data.origin.datasetDigest else {
      throw NoMap(reason: "the data in \(folder) are no longer those that the run was trained on")
    }
    return EmbeddingMap(model: model, dataset: dataset, seed: UInt64(configuration.seed))
  }
}

private struct NoMap: ReportableError {
  let reason: String
  var exitStatus: ExitStatus { .badData }
  var description: String { reason }
}

/// What commands read of run directories.
enum RunFiles {
  /// Names and values of `config.yaml`; none, and a note, where it cannot be read.
  static func options(_ run: String) -> [(name: String, value: String)] {
    let path = run + "/config.yaml"
    guard let bytes = FileManager.default.contents(atPath: path) else { return [] }
    do {
      return try ConfigurationFile.parse(String(decoding: bytes, as: UTF8.self), path: path)
    } catch {
      writeError("note: options are shown as their defaults: \(error)")
      return []
    }
  }
}
