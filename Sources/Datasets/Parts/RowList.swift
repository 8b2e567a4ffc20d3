import Files

/// Rows that a file lists: by their numbers, or as a mask with a place for every row.
enum RowList: Equatable {
  case numbers([Int])
  case mask([Bool])

  /// - Parameters:
  ///   - array: a column, or a row.
  ///   - rowCount: N; nil where it is unknown.
  /// - Throws: `ArrayFileError`, or `DataProblem` for what is neither.
  init(_ array: ArrayFile.Description, in file: ArrayFile, rowCount: Int?) throws {
    let place = "\(file.path), '\(array.name)'"
    guard array.sizes.filter({ $0 != 1 }).count <= 1 else {
      throw DataProblem("\(place) is \(sizesText(array.sizes)), must be a list")
    }
    if array.kind == .texts {
      guard let mask = Self.mask(try file.texts(array.name)), rowCount == nil || mask.count == rowCount else {
        throw DataProblem("\(place) is made of texts; rows are numbers, or True and False for each row")
      }
      self = .mask(mask)
      return
    }
    let values = try file.numbers(array.name)
    if array.kind == .booleans {
      guard rowCount == nil || values.count == rowCount else {
        throw DataProblem("\(place) is a mask of \(values.count) places, but there are \(rowCount ?? 0) rows")
      }
      self = .mask(values.map { $0 != 0 })
      return
    }
    // Zeros and ones in the place of every row; as numbers they would name two rows over and over.
    if values.count == rowCount, values.count > 2, values.allSatisfy({ $0 == 0 || $0 == 1 }) {
      self = .mask(values.map { $0 == 1 })
      return
    }
    self = .numbers(
      try values.enumerated().map { index, value in
        guard let row = Int(exactly: value), row >= 0 else {
          let hint = values.allSatisfy({ $0 == 0 || $0 == 1 || $0 == -1 }) ? "; a mask has 0 and 1" : ""
          throw DataProblem(
            "\(place): entry \(index + 1) is \(numberText(value)); rows are whole numbers from 1, or from 0\(hint)")
        }
        return row
      })
  }

  /// True and False, as pandas writes them; nil for other texts.
  static func mask(_ texts: [String]) -> [Bool]? {
    let words = texts.map { $0.lowercased() }
    return words.allSatisfy { $0 == "true" || $0 == "false" } ? words.map { $0 == "true" } : nil
  }

  /// Rows from 0.
  func rows(from first: Int) -> [Int] {
    switch self {
    case .numbers(let numbers): numbers.map { $0 - first }
    case .mask(let mask): mask.indices.filter { mask[$0] }
    }
  }

  var numbers: [Int] {
    if case .numbers(let numbers) = self { numbers } else { [] }
  }

  var isMask: Bool {
    if case .mask = self { true } else { false }
  }
}

/// The class of each row, or a list of classes: numbers or names.
enum ClassColumn: Equatable {
  case numbers([Int])
  case names([String])

  /// - Throws: `ArrayFileError`, or `DataProblem` for what is no list, or has a number that is not whole.
  init(_ array: ArrayFile.Description, in file: ArrayFile, what: String) throws {
    let place = "\(file.path), '\(array.name)'"
    guard array.sizes.filter({ $0 != 1 }).count <= 1 || array.kind == .texts else {
      let isOneHot = array.kind != .texts && array.sizes.count == 2
      throw DataProblem(
        "\(place) is \(sizesText(array.sizes)), must be N×1"
          + (isOneHot ? ": one number for each row; from a one-hot matrix, the place of the one (argmax)" : ""))
    }
    if array.kind == .texts {
      self = .names(try file.texts(array.name))
      return
    }
    if let cells = try file.cells(array.name) {
      if Self.areNames(cells) {
        self = .names(cells)
        return
      }
      let numbers = cells.compactMap { Double($0) }.compactMap { Int(exactly: $0) }
      if numbers.count == cells.count, numbers.allSatisfy({ $0 >= 0 }) {
        self = .numbers(numbers)
        return
      }
      // Else what is wrong is said below, with its row.
    }
    self = .numbers(
      try file.numbers(array.name).enumerated().map { index, value in
        guard let number = Int(exactly: value), number >= 0 else {
          throw DataProblem(
            "\(place): row \(index + 1) is \(numberText(value)); \(what) are whole numbers from 1, or from 0")
        }
        return number
      })
  }

  /// Whether cells of a table that are mostly numbers are names all the same: codes such as 250.01, V27.0 or 007.
  private static func areNames(_ cells: [String]) -> Bool {
    guard !cells.contains(where: \.isEmpty) else { return false }
    return cells.contains { cell in
      guard let number = Double(cell) else { return true }
      guard number.isFinite, number >= 0 else { return false }
      return number != number.rounded() || (cell.count > 1 && cell.hasPrefix("0") && cell.allSatisfy(\.isNumber))
    }
  }

  var count: Int {
    switch self {
    case .numbers(let numbers): numbers.count
    case .names(let names): names.count
    }
  }

  /// As texts, for classes whose names are numbers.
  var texts: [String] {
    switch self {
    case .numbers(let numbers): numbers.map(String.init)
    case .names(let names): names
    }
  }

  /// Class numbers from 0 by name; nil where a text is no class's name.
  func byName(_ classNames: [String]) -> [Int]? {
    let place = Dictionary(classNames.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let found = texts.map { place[$0] }
    guard found.contains(nil) else { return found.compactMap { $0 } }
    // 7 means 007 where all names are such numbers.
    let values = classNames.map(Int.init)
    guard Set(values).count == values.count, !values.contains(nil) else { return nil }
    let number = Dictionary(values.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let meant = texts.map { text in Int(text).flatMap { number[$0] } }
    return meant.contains(nil) ? nil : meant.compactMap { $0 }
  }
}

/// Whole numbers without a point.
func numberText(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }
