// Features by themselves, a row for each image. N rows, X features.
import Files
import Matrices

/// The features of a file, whatever its format: of an npz, HDF5 or .mat file the array `features` (MATLAB's X×N,
/// everyone else's N×X), of an npy file its array, of a csv file its columns of numbers.
package enum FeatureRows {
  /// Opens them to be read some rows at a time.
  ///
  /// - Parameters:
  ///   - reference: `FILE`, or `FILE:NAME`.
  ///   - featureSize: X, where it is known: it tells rows from columns where a file has them the other way round.
  /// - Returns: the rows, and what a user should know of how they are read.
  /// - Throws: `ArrayFileError`, or `DataProblem` where there are none.
  package static func open(_ reference: ArrayReference, featureSize: Int? = nil) throws -> (
    rows: RowBlocks, notes: [String]
  ) {
    let file = try ArrayFile(reference)
    if file.format == .csv, reference.name == nil { return try columns(of: file, except: []) }
    let array = try file.array(.features, reference.name, ofOwnFile: true)
    let place = "\(file.path), '\(array.name)'"
    let axis = try file.axis(of: array, count: featureSize, place: place, what: "features", countsColumns: true)
    return (try file.rows(of: array.name, axis.axis), axis.notes)
  }

  /// Lower-case names of columns that number the rows; pandas writes one under an empty name.
  static let numberings: Set = ["", "id", "index", "unnamed: 0"]

  /// The columns of a table that can be learned from: numbers, but no numbering of the rows and no labels.
  ///
  /// - Parameter used: columns that are known to be something else.
  static func columns(of file: ArrayFile, except used: Set<String>) throws -> (rows: RowBlocks, notes: [String]) {
    let others = numberings.union(["label", "labels", "class", "target", "split"])
    let columns = file.arrays.filter { !used.contains($0.name) }
    let (features, rest) = columns.reduce(into: ([ArrayFile.Description](), [ArrayFile.Description]())) {
      lists, column in
      let isFeature = column.kind == .numbers && !others.contains(column.name.lowercased())
      if isFeature { lists.0.append(column) } else { lists.1.append(column) }
    }
    return (try file.rows(ofColumns: features.map(\.name)), file.leftOut(rest))
  }
}

extension ArrayFile {
  /// The array that is meant: the one of that name; or the one whose name says so; or the only one.
  ///
  /// - Parameter ofOwnFile: whether the file was given for this part alone, so that it must be there.
  /// - Throws: `DataProblem` where it cannot be told which it is.
  func array(_ role: ArrayRole, _ name: String?, ofOwnFile: Bool) throws -> Description {
    guard let found = try find(role, name, ofOwnFile: ofOwnFile) else {
      throw DataProblem("\(path) has no '\(role.names[0])'; it has \(listText(arrays.map(\.name)))")
    }
    return found
  }

  /// The same; nil where a file that was not given for this part alone does not have it.
  func find(_ role: ArrayRole, _ name: String?, ofOwnFile: Bool) throws -> Description? {
    if let name {
      guard let path = try locate(name)?.path, let array = description(path) else {
        throw DataProblem("\(path) has no '\(name)'; it has \(listText(arrays.map(\.name)))")
      }
      return array
    }
    if let array = locate(role) { return array }
    guard ofOwnFile else { return nil }
    guard !arrays.isEmpty else { throw DataProblem("\(path) holds no array") }
    guard let only = arrays.first, arrays.count == 1 else {
      throw DataProblem(
        "\(path) has several arrays (\(listText(arrays.map(\.name)))), none of them named \(role.names[0]): say "
          + "which with \(path):NAME"
      )
    }
    return only
  }

  /// Which index of a matrix counts its rows: as the format's users have it, or the other where only that fits.
  ///
  /// - Parameters:
  ///   - count: of the rows, or of the columns if `countsColumns`; nil where it is unknown.
  ///   - what: the things that are counted.
  /// - Throws: `DataProblem` for what is no matrix.
  func axis(
    of array: Description, count: Int?, place: String, what: String, countsColumns: Bool = false
  ) throws -> (axis: RowAxis, notes: [String]) {
    guard array.sizes.count == 2 else {
      guard array.sizes.count != 1, array.sizes.count > 2,
        array.sizes.filter({ $0 != 1 }).count <= 2 || format != .matlab
      else {
        throw DataProblem("\(place) is \(sizesText(array.sizes)); a matrix is needed")
      }
      return (format == .matlab ? .last : .first, [])
    }
    let usual: RowAxis = format == .matlab ? .last : .first
    guard let count else { return (usual, []) }
    let usualIsFirst = (usual == .first) != countsColumns
    let (own, other) = usualIsFirst ? (array.sizes[0], array.sizes[1]) : (array.sizes[1], array.sizes[0])
    guard own != count, other == count else { return (usual, []) }
    return (
      usual == .first ? .last : .first,
      ["\(place) is \(sizesText(array.sizes)): its \(usualIsFirst ? "columns" : "rows") are the \(count) \(what)"]
    )
  }

  /// A note about columns that are no features.
  func leftOut(_ columns: [Description]) -> [String] {
    columns.isEmpty ? [] : ["\(path): \(listText(columns.map { "'\($0.name)'" })) left out, not numbers to learn from"]
  }
}
