// Features, labels, descriptors and a split from files in any format. N rows, X features, A descriptor size, C classes.
import Files
import Foundation
import Matrices

/// Where the parts of a data set lie that nobody has put into a layout. What is not given is looked for, by its name,
/// in the file of the features.
package struct DataParts: Sendable {
  package var features: ArrayReference
  package var labels: ArrayReference?
  package var descriptors: ArrayReference?
  package var classNames: ArrayReference?
  package var split: ArrayReference?
  /// Names of unseen classes, or their numbers where classes have none.
  package var unseen: [String]?
  package var draws = SplitDraws()
  package var firstLabel = FirstNumber.auto
  package var firstRow = FirstNumber.auto

  package init(features: ArrayReference) { self.features = features }
}

/// Reads parts, and goes on after a problem, so that all are seen at once.
struct DataPartsReader {
  private(set) var files: DatasetFiles
  private let parts: DataParts
  private var opened: [String: ArrayFile] = [:]
  /// Columns of a csv file that are something else than features.
  private var usedColumns: Set<String> = []
  private var labelColumn: (column: ClassColumn, place: String, isMatlab: Bool)?

  init(_ parts: DataParts) {
    self.parts = parts
    files = DatasetFiles(folder: parts.features.path)
    files.descriptorFile = ((parts.descriptors?.path ?? parts.features.path) as NSString).lastPathComponent
    // Nothing can be found in a file that cannot be opened.
    files.problems += failures { _ = try open(parts.features.path) }
    guard files.problems.isEmpty else { return }
    readLabels()
    readDescriptors()
    numberLabels()
    readSplit()
    readFeatures()
  }

  private mutating func open(_ path: String) throws -> ArrayFile {
    if let known = opened[path] { return known }
    let references = [parts.features, parts.labels, parts.descriptors, parts.classNames, parts.split].compactMap { $0 }
    let file = try ArrayFile(
      path: path, headings: Set(references.filter { $0.path == path }.compactMap(\.name)))
    opened[path] = file
    return file
  }

  /// The array that plays a role, in the file that was given for it or else in that of the features.
  private mutating func find(_ role: ArrayRole, _ reference: ArrayReference?) throws -> (
    file: ArrayFile, array: ArrayFile.Description
  )? {
    let file = try open(reference?.path ?? parts.features.path)
    return try file.find(role, reference?.name, ofOwnFile: reference != nil).map { (file, $0) }
  }

  private mutating func note(column array: ArrayFile.Description, of file: ArrayFile) {
    if file.format == .csv, file.path == parts.features.path { usedColumns.insert(array.name) }
  }

  // MARK: labels and classes

  private mutating func readLabels() {
    files.problems += failures {
      guard let found = try find(.labels, parts.labels) else {
        throw DataProblem(
          "\(parts.features.path) has no array 'labels' (N class names or numbers); say where they are with --labels")
      }
      note(column: found.array, of: found.file)
      let column = try ClassColumn(found.array, in: found.file, what: "labels")
      labelColumn = (column, "\(found.file.path), '\(found.array.name)'", found.file.format == .matlab)
    }
  }

  private mutating func readDescriptors() {
    files.problems += failures {
      guard let reference = parts.classNames, let found = try find(.classNames, reference) else { return }
      files.descriptorNames = try ClassColumn(found.array, in: found.file, what: "class names").texts
    }
    files.problems += failures {
      let path = parts.descriptors?.path ?? parts.features.path
      let file = try open(path)
      if file.format == .csv {
        guard parts.descriptors != nil else {
          throw DataProblem(
            "nothing says where the classes' descriptors are; give --descriptors FILE, one row for each class")
        }
        try readDescriptorTable(file)
      } else {
        try readDescriptorArray()
      }
    }
    checkDescriptors()
  }

  /// A column of class names, and columns of numbers.
  private mutating func readDescriptorTable(_ file: ArrayFile) throws {
    let table = try file.descriptorTable(named: parts.descriptors?.name)
    files.notes += table.notes
    files.descriptors = table.descriptors
    if let names = table.names, files.descriptorNames == nil { files.descriptorNames = names }
  }

  private mutating func readDescriptorArray() throws {
    guard let found = try find(.descriptors, parts.descriptors) else {
      throw DataProblem(
        "\(parts.features.path) has no array 'descriptors' (C×A); say where they are with --descriptors")
    }
    if files.descriptorNames == nil, parts.classNames == nil {
      // Beside the descriptors, or in the file of the features.
      let places = [found.file, try open(parts.features.path)]
      for file in places where file.format != .csv && files.descriptorNames == nil {
        guard let names = file.locate(.classNames), names.name != found.array.name else { continue }
        files.descriptorNames = try ClassColumn(names, in: file, what: "class names").texts
      }
    }
    let place = "\(found.file.path), '\(found.array.name)'"
    let axis = try found.file.axis(
      of: found.array, count: files.descriptorNames?.count ?? greatestLabelCount(among: found.array.sizes),
      place: place,
      what: "classes")
    files.notes += axis.notes
    files.descriptors = try found.file.matrix(found.array.name, rows: axis.axis)
  }

  /// The only size that labels by number can mean, if it is one of these.
  private func greatestLabelCount(among sizes: [Int]) -> Int? {
    guard case .numbers(let numbers)? = labelColumn?.column, let most = numbers.max() else { return nil }
    let possible = sizes.filter { $0 >= most }
    return possible.count == 1 ? possible[0] : sizes.first { $0 == most || $0 == most + 1 }
  }

  private mutating func checkDescriptors() {
    let place = parts.descriptors?.path ?? parts.features.path
    files.checkDescriptors(place: place)
    if let names = files.descriptorNames, let descriptors = files.descriptors, names.count != descriptors.rowCount {
      files.problems.append("\(place): there are \(descriptors.rowCount) descriptors, but \(names.count) class names")
      files.descriptorNames = nil
    }
  }

  private mutating func numberLabels() {
    files.problems += failures {
      guard let labelColumn, let descriptors = files.descriptors else { return }
      if let names = files.descriptorNames, let labels = labelColumn.column.byName(names) {
        files.labels = labels
        return
      }
      switch labelColumn.column {
      case .names(let texts):
        guard let names = files.descriptorNames else {
          throw DataProblem(
            "\(labelColumn.place) has class names, but the descriptors have none to join them by: give a csv file "
              + "with a column of class names, an array 'classes', or --classes FILE")
        }
        let strangers = Set(texts).subtracting(names).sorted()
        throw DataProblem(
          "\(labelColumn.place): no descriptor for \(listText(strangers)); the descriptors are of \(listText(names))")
      case .numbers(let numbers):
        guard let range = NumberRange(numbers, count: descriptors.rowCount) else {
          throw DataProblem("\(labelColumn.place) is empty")
        }
        let first = try Counting.firstLabel(
          range, place: labelColumn.place, given: parts.firstLabel, isMatlab: labelColumn.isMatlab)
        files.notes.append("labels count from \(first)")
        files.labels = numbers.map { $0 - first }
      }
    }
  }

  // MARK: split

  private mutating func readSplit() {
    files.problems += failures {
      let file = try open(parts.split?.path ?? parts.features.path)
      let source = try SplitSource(file, parts.split, rowCount: labelColumn?.column.count)
      if file.path == parts.features.path { usedColumns.formUnion(source.usedArrays) }
      guard let labels = files.labels, let descriptors = files.descriptors else { return }
      // What is to be drawn wins over what the file of the features happens to say.
      let isIgnored = parts.draws.unseenFraction != nil && parts.split == nil && source.saysSomething
      if isIgnored { files.notes.append("\(file.path) has a split, which is not used: unseen classes are drawn") }
      let (given, countingNotes) =
        isIgnored ? ([:], []) : try source.rows(rowCount: labels.count, given: parts.firstRow)
      let named = parts.unseen.map(ClassColumn.names) ?? (isIgnored ? nil : source.unseen)
      let names = files.descriptorNames
      let plan = try SplitPlan(
        labels: labels, classCount: descriptors.rowCount, given: given,
        named: try named.map { try classes($0, count: descriptors.rowCount) }, draws: parts.draws,
        name: { names?[$0] ?? "class \($0 + 1)" })
      files.locations = plan.locations
      files.unseenClasses = plan.unseen
      files.notes += countingNotes + plan.notes
    }
  }

  /// Zeros and ones in the place of every class, or of every row; nil for what is no mask.
  private func mask(_ column: ClassColumn, count: Int) throws -> [Int]? {
    guard case .numbers(let values) = column, values.count > 2, values.allSatisfy({ $0 < 2 }) else { return nil }
    if values.count == count { return values.indices.filter { values[$0] == 1 } }
    guard let labels = files.labels, values.count == labels.count else {
      throw DataProblem(
        "unseen classes: \(values.count) zeros and ones, but there are \(count) classes; give their names or numbers, or a place for each"
      )
    }
    let classes = Set(labels.indices.filter { values[$0] == 1 }.map { labels[$0] })
    if let row = labels.indices.first(where: { values[$0] == 0 && classes.contains(labels[$0]) }) {
      throw DataProblem(
        "unseen classes: a place for each row, but rows of the class of row \(row + 1) are marked both ways")
    }
    return classes.sorted()
  }

  /// Numbers from 0 of classes that are named, numbered as the labels are, or marked.
  private func classes(_ column: ClassColumn, count: Int) throws -> [Int] {
    if let mask = try mask(column, count: count) { return mask }
    if let names = files.descriptorNames, let found = column.byName(names) { return found }
    let numbers = column.texts.compactMap { Int($0) }
    guard numbers.count == column.count, case .numbers(let labelNumbers)? = labelColumn?.column,
      let labels = files.labels,
      let number = labelNumbers.first
    else {
      let names = files.descriptorNames ?? []
      let strangers = Set(column.texts).subtracting(names).sorted()
      throw DataProblem(
        "no descriptor for the unseen classes \(listText(strangers)); the descriptors "
          + (names.isEmpty ? "have no names" : "are of \(listText(names))"))
    }
    let first = number - labels[0]
    if let outside = numbers.first(where: { !(0..<count).contains($0 - first) }) {
      throw DataProblem("unseen class \(outside) does not exist: there are \(count) classes, counted from \(first)")
    }
    return numbers.map { $0 - first }
  }

  // MARK: features

  private mutating func readFeatures() {
    files.problems += failures {
      let file = try open(parts.features.path)
      if file.format == .csv, parts.features.name == nil {
        let columns = try FeatureRows.columns(of: file, except: usedColumns)
        files.notes += columns.notes
        files.features = try columns.rows.all()
      } else {
        let array = try file.array(.features, parts.features.name, ofOwnFile: true)
        let axis = try file.axis(
          of: array, count: labelColumn?.column.count, place: "\(file.path), '\(array.name)'", what: "rows")
        files.notes += axis.notes
        files.features = try file.matrix(array.name, rows: axis.axis)
      }
      files.checkFeatures(place: file.path, labelCount: labelColumn?.column.count)
    }
  }
}

extension RowBlocks {
  func all() throws -> Matrix { try next(rowCount) ?? Matrix(rows: 0, columns: columnCount) }
}
