// A data set written in each of its forms. N rows, X features, A descriptor size, C classes.
import Files
import Foundation
import Matrices

/// The forms that a data set can have.
package enum DataForm: String, Sendable, CaseIterable {
  /// A folder of MATLAB files as GZSL code reads it.
  case xlsa17
  /// A folder whose features are mapped.
  case prepared
  /// One numpy archive.
  case npz
}

/// A data set that was checked, ready to be written.
struct WritableDataset {
  let files: DatasetFiles
  let dataset: GZSLDataset

  /// - Throws: `DatasetError` with everything that training would refuse.
  init(_ files: DatasetFiles, options: DataOptions) throws {
    self.files = files
    dataset = try GZSLDataset(DatasetCheck(files, options: options))
  }

  private var names: [String] { dataset.classNames }

  /// What the layout has no word for: classes with a descriptor that are neither seen nor unseen. Without it, all that no row trains would
  /// be unseen.
  private var unseenNames: [MatlabVariable] {
    guard !dataset.test.leftOutClasses(of: names.count).isEmpty else { return [] }
    return [MatlabVariable(DatasetFiles.unseenNames, .cells(dataset.test.unseenClasses.map { names[$0] }))]
  }

  /// `res101.mat` and `att_splits.mat`, with the names that other people's loaders look for.
  ///
  /// - Parameter locations: by the names of the layout without `_loc`.
  /// - Throws: `PathTaken` where `output` exists; `ArrayFileError` for features that the format cannot hold;
  ///   `StorageError`.
  func writeLayout(to output: String, locations: [String: [Int]]) throws {
    try NewPath.folder(output) { folder in
      try MatlabWriter.write(
        path: "\(folder)/res101.mat",
        [
          MatlabVariable("features", .transposed(dataset.features.rows)),
          MatlabVariable("labels", rowsFromZero: dataset.labels),
        ])
      try MatlabWriter.write(
        path: "\(folder)/att_splits.mat",
        [
          MatlabVariable("att", .transposed(dataset.descriptors)),
          MatlabVariable("original_att", .transposed(dataset.descriptors)),
          MatlabVariable("allclasses_names", .cells(names)),
        ] + unseenNames
          + DatasetFiles.locationNames.compactMap { name in
            locations[name].map { MatlabVariable("\(name)_loc", rowsFromZero: $0) }
          })
    }
  }

  /// One archive that `--data` takes, with rows from 0 and labels by name.
  ///
  /// - Throws: `PathTaken` where `output` exists; `StorageError`.
  func writeArchive(to output: String) throws {
    let rows = DatasetFiles.locationNames.compactMap { name in
      files.locations[name].map { NumpyArray(name, integers: $0) }
    }
    try NewPath.file(output) { path in
      try NumpyWriter.write(
        path: path,
        archive: [
          NumpyArray("features", matrix: dataset.features.rows),
          NumpyArray("labels", texts: dataset.labels.map { names[$0] }),
          NumpyArray("descriptors", matrix: dataset.descriptors), NumpyArray("classes", texts: names),
          NumpyArray("unseen", texts: dataset.test.unseenClasses.map { names[$0] }),
        ] + rows)
    }
  }
}

extension GZSLDataset {
  /// Writes the data set of `folder` (or file) in another form.
  ///
  /// - Returns: what a user should know of how it was read.
  /// - Throws: `DatasetError` where something is wrong with the data, `PathTaken` where `output` exists,
  ///   `StorageError`.
  package static func convert(
    folder: String, options: DataOptions, to output: String, form: DataForm
  ) throws -> GZSLDataset {
    let data = try WritableDataset(DatasetFiles(folder: folder, options: options), options: options)
    switch form {
    case .xlsa17: try data.writeLayout(to: output, locations: data.files.locations)
    case .npz: try data.writeArchive(to: output)
    case .prepared:
      // In the order of the labels, and under the names that every command expects.
      var files = data.files
      (files.descriptors, files.descriptorNames, files.labelNames) = (
        data.dataset.descriptors, data.dataset.classNames, nil
      )
      try PreparedFolder.write(files, options: DataOptions(), to: output)
    }
    return data.dataset
  }

  /// Brings parts into the xlsa17 layout. Where the parts name no validation classes, `train_loc` and `val_loc` are
  /// drawn.
  ///
  /// - Throws: `DatasetError` with everything that is wrong with the parts, `PathTaken` where `output` exists,
  ///   `StorageError`.
  package static func assemble(_ parts: DataParts, to output: String) throws -> GZSLDataset {
    var options = DataOptions()
    options.splitSeed = parts.draws.seed
    let files = DataPartsReader(parts).files
    let data = try WritableDataset(files, options: options)
    var locations = files.locations
    let task = data.dataset.test
    if locations["train"] == nil || locations["val"] == nil, task.seenClasses.count >= 3 {
      let held = ValidationSplit(
        locations: [:], test: task, labels: data.dataset.labels, source: RandomSource(seed: parts.draws.seed))
      let classes = Set(held.task.unseenClasses)
      locations["train"] = task.classifierRows.filter { !classes.contains(data.dataset.labels[$0]) }
      locations["val"] = task.classifierRows.filter { classes.contains(data.dataset.labels[$0]) }
    }
    try data.writeLayout(to: output, locations: locations)
    return data.dataset
  }
}
