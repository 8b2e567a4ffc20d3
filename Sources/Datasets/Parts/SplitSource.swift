import Files

/// What a file says of a split, in whatever form: a word for every row, lists or masks of rows, unseen classes.
struct SplitSource {
  private struct List {
    let rows: RowList
    /// The array's name; nil for rows that words gave, which count from 0.
    let array: String?
  }

  /// By `ArrayRole.rowNames`.
  private var lists: [String: List] = [:]
  private(set) var unseen: ClassColumn?
  /// Arrays that were read here, so that they are nothing else.
  private(set) var usedArrays: Set<String> = []
  var saysSomething: Bool { !lists.isEmpty || unseen != nil }
  private var notes: [String] = []
  private let isMatlab: Bool

  /// - Parameters:
  ///   - reference: what the user named; nil where the file is that of the features, which may say nothing of it.
  ///   - rowCount: N; nil where it is unknown.
  /// - Throws: `ArrayFileError`; `DataProblem` for what cannot be a split.
  init(_ file: ArrayFile, _ reference: ArrayReference?, rowCount: Int?) throws {
    isMatlab = file.format == .matlab
    if let reference, let only = try Self.onlyArray(reference, file) {
      try read(only, file, rowCount: rowCount)
      return
    }
    if let words = file.locate(.split), words.kind == .texts {
      try read(words, file, rowCount: rowCount)
      return
    }
    for name in ArrayRole.rowNames {
      guard let array = file.locate(.rows(name)) else { continue }
      usedArrays.insert(array.name)
      lists[name] = List(rows: try RowList(array, in: file, rowCount: rowCount), array: array.name)
    }
    if let array = file.locate(.unseen) {
      usedArrays.insert(array.name)
      unseen = try ClassColumn(array, in: file, what: "unseen classes")
    }
    guard reference == nil || !lists.isEmpty || unseen != nil else {
      throw DataProblem("\(file.path) says nothing of a split; it has \(listText(file.arrays.map(\.name)))")
    }
  }

  private static func onlyArray(_ reference: ArrayReference, _ file: ArrayFile) throws -> ArrayFile.Description? {
    guard let name = reference.name else { return file.arrays.count == 1 ? file.arrays[0] : nil }
    guard let path = try file.locate(name)?.path, let array = file.description(path) else {
      throw DataProblem("\(file.path) has no '\(name)'; it has \(listText(file.arrays.map(\.name)))")
    }
    return array
  }

  /// One array: a word for every row; classes that are unseen; or rows, of which its name says what for (test, if it
  /// does not).
  private mutating func read(_ array: ArrayFile.Description, _ file: ArrayFile, rowCount: Int?) throws {
    usedArrays.insert(array.name)
    let place = "\(file.path), '\(array.name)'"
    let texts = array.kind == .texts ? try file.texts(array.name) : []
    if array.kind == .texts, RowList.mask(texts) == nil {
      if rowCount == nil || texts.count == rowCount {
        lists = try SplitPlan.lists(ofColumn: texts, place: place).mapValues { List(rows: .numbers($0), array: nil) }
      } else {
        unseen = .names(texts)
      }
    } else if ArrayRole.unseen.fits(array.name) != nil {
      unseen = try ClassColumn(array, in: file, what: "unseen classes")
    } else {
      let name = ArrayRole.rowNames.first { ArrayRole.rows($0).fits(array.name) != nil } ?? "test"
      lists[name] = List(rows: try RowList(array, in: file, rowCount: rowCount), array: array.name)
      notes.append("\(place) is taken for the rows of '\(name)'")
    }
  }

  /// Row numbers from 0, and how they were counted.
  ///
  /// - Throws: `DataProblem` where they count neither from 0 nor from 1.
  func rows(rowCount: Int, given: FirstNumber) throws -> (lists: [String: [Int]], notes: [String]) {
    func names(_ isMask: Bool) -> String {
      lists.values.filter { $0.rows.isMask == isMask }.compactMap(\.array).sorted().map { "'\($0)'" }.joined(
        separator: ", ")
    }
    var notes = notes
    if !names(true).isEmpty { notes.append("\(names(true)): taken as masks of the \(rowCount) rows") }
    var first = 0
    let numbers = lists.values.filter { $0.array != nil }.flatMap(\.rows.numbers)
    if let range = NumberRange(numbers, count: rowCount) {
      let isLayout = lists.values.contains { $0.array?.hasSuffix("_loc") == true }
      first = try Counting.firstRow(
        range, place: "numbers of rows in \(names(false))", given: given, usual: isLayout || isMatlab ? 1 : 0)
      notes.append("\(names(false)): rows count from \(first)")
    }
    return (lists.mapValues { $0.rows.rows(from: $0.array == nil ? 0 : first) }, notes)
  }
}
