// Descriptors of classes by themselves, a row for each class. C classes, A descriptor size.
import Files
import Kernels
import Matrices

/// Names and descriptors of classes in a file of their own.
package struct ClassDescriptors {
  package let names: [String]
  /// C×A.
  package let descriptors: Matrix
  /// What a user should know of how they were read.
  package let notes: [String]

  /// Of a csv file a column of names and the columns of numbers; of an npz, HDF5, safetensors or .mat file the arrays
  /// `classes` and `descriptors` (MATLAB's A×C, everyone else's C×A).
  ///
  /// - Parameters:
  ///   - reference: `FILE`, or `FILE:NAME`: the column of names of a csv file, else the array of descriptors.
  ///   - attributeSize: A.
  /// - Throws: `ArrayFileError`; `DataProblem` for descriptors of another size or that are not finite, and names that
  ///   are missing, empty or there twice; `StorageError`.
  package init(_ reference: ArrayReference, attributeSize: Int) throws {
    let file = try ArrayFile(reference)
    let read = try file.format == .csv ? file.descriptorTable(named: reference.name) : Self.arrays(file, reference.name)
    guard let names = read.names else {
      throw DataProblem(
        "\(reference): the descriptors have no class names; "
          + (file.format == .csv ? "a column 'class' is needed" : "an array 'classes' is needed"))
    }
    (self.names, descriptors, notes) = (names, read.descriptors, read.notes)
    try check(place: "\(reference)", attributeSize: attributeSize)
  }

  private static func arrays(
    _ file: ArrayFile, _ name: String?
  ) throws -> (names: [String]?, descriptors: Matrix, notes: [String]) {
    let names = try file.locate(.classNames).map { try ClassColumn($0, in: file, what: "class names").texts }
    let array = try file.array(.descriptors, name, ofOwnFile: true)
    let place = "\(file.path), '\(array.name)'"
    let axis = try file.axis(of: array, count: names?.count, place: place, what: "classes")
    return (names, try file.matrix(array.name, rows: axis.axis), axis.notes)
  }

  private func check(place: String, attributeSize: Int) throws {
    guard names.count == descriptors.rowCount else {
      throw DataProblem("\(place): there are \(descriptors.rowCount) descriptors, but \(names.count) class names")
    }
    guard descriptors.columnCount == attributeSize else {
      throw DataProblem(
        "\(place): the descriptors have \(descriptors.columnCount) numbers, and the model takes \(attributeSize); "
          + "describe classes as those that it was trained on, number for number")
    }
    if let empty = names.firstIndex(where: \.isEmpty) {
      throw DataProblem("\(place): row \(empty + 1) has no class name")
    }
    var seen: Set<String> = []
    if let twice = names.first(where: { !seen.insert($0).inserted }) {
      throw DataProblem("\(place): class '\(twice)' stands there twice; keep one")
    }
    if let bad = firstNonFinite(descriptors) {
      throw DataProblem("\(place): number \(bad.column + 1) of class '\(names[bad.row])' is not finite")
    }
  }
}

extension ArrayFile {
  /// Lower-case names of columns of class numbers: names, where there are no others.
  private static let classNumbers: Set = ["class_id", "class_index", "label", "labels"]

  /// Of a csv file a column of class names, and its columns of numbers but those that number the classes.
  ///
  /// - Parameter column: of the names; nil: the one whose name says so, else the first that is made of texts, else the
  ///   classes' numbers.
  /// - Returns: no names where there is no such column.
  func descriptorTable(named column: String?) throws -> (names: [String]?, descriptors: Matrix, notes: [String]) {
    let names =
      column.flatMap(description) ?? locate(.classNames) ?? arrays.first { $0.kind == .texts }
      ?? arrays.first { Self.classNumbers.contains($0.name.lowercased()) }
    // A class's number is no property of it.
    let others = FeatureRows.numberings.union(Self.classNumbers)
    let columns = arrays.filter { $0.name != names?.name }
    let numbers = columns.filter { $0.kind == .numbers && !others.contains($0.name.lowercased()) }
    let notes = leftOut(columns.filter { $0.kind != .numbers || others.contains($0.name.lowercased()) })
    return (
      try names.map { try ClassColumn($0, in: self, what: "class names").texts },
      try rows(ofColumns: numbers.map(\.name)).all(), notes
    )
  }
}
