import ArgumentParser
import Datasets
import Files
import Foundation
import Matrices

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a data set in another form: an xlsa17 folder, a prepared folder, or one .npz file.",
    discussion: """
      cegzsl convert DIR data.npz
      cegzsl convert data.npz DIR
      cegzsl convert DIR DIR.prepared --to prepared

      Every --data takes each of them, with the same results.
      """)

  @Argument(help: "A folder, or an .npz file (or .h5, .mat, .safetensors) with everything.")
  var data: String
  @Argument(help: "New folder or file; nothing is overwritten.")
  var out: String
  @Option(help: "xlsa17, prepared or npz. Default: npz for a name that ends so, else xlsa17.")
  var to: DataForm?
  @OptionGroup var files: DataFileOptions

  func run() throws {
    try withRootRank {
      let form = to ?? ((out as NSString).pathExtension.lowercased() == "npz" ? .npz : .xlsa17)
      let dataset = try GZSLDataset.convert(folder: data, options: files.options, to: out, form: form)
      printNotes(dataset.notes)
      print(printable(dataset.summary))
      print("wrote \(out) (\(form.rawValue))")
    }
  }
}

extension DataForm: ExpressibleByArgument {}

extension GZSLDataset {
  /// What there is, in two lines.
  var summary: String {
    let unseen = listed(test.unseenClasses)
    return "\(labels.count) rows × \(features.featureSize), descriptors of \(descriptors.columnCount): "
      + "\(test.classifierRows.count) rows train \(test.seenClasses.count) seen classes, \(test.seenRows.count) test "
      + "them, \(test.unseenRows.count) test \(test.unseenClasses.count) unseen ones\nunseen: \(unseen)"
  }

  private func listed(_ classes: [Int]) -> String {
    classes.prefix(12).map { classNames[$0] }.joined(separator: ", ") + (classes.count > 12 ? ", …" : "")
  }

  /// The default, or less where there are fewer rows.
  var handyBatchSize: Int { min(256, max(1, test.classifierRows.count / 2)) }
}
