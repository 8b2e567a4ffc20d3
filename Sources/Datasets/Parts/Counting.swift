// Where numbers of classes and rows begin: MATLAB counts from 1, Python from 0, and files do not say.

/// Where counting begins, if a user says so.
package enum FirstNumber: String, Sendable, CaseIterable {
  case auto
  case zero = "0"
  case one = "1"

  var value: Int? {
    switch self {
    case .auto: nil
    case .zero: 0
    case .one: 1
    }
  }
}

/// Smallest and largest of some numbers, and how many things they number.
struct NumberRange {
  let least: Int
  let most: Int
  /// Unknown where another part of the data set could not be read.
  let count: Int?

  init?(_ numbers: some Collection<Int>, count: Int?) {
    guard let least = numbers.min(), let most = numbers.max() else { return nil }
    (self.least, self.most, self.count) = (least, most, count)
  }

  /// Whether they can count from here: with an unknown count, nothing is too large.
  func fits(from first: Int) -> Bool { least >= first && (count.map { most < first + $0 } ?? true) }
}

/// Where labels and rows begin.
struct Counting: Equatable {
  var firstLabel = 1
  var firstRow = 1
  var notes: [String] = []
  var problems: [String] = []

  /// In the xlsa17 layout both count from 1. Both from 0 is taken where that is certain: a number of 0 cannot count
  /// from 1. Where only one of them has a 0, nobody knows what the other means.
  ///
  /// - Parameters:
  ///   - labels: nil where labels are names.
  ///   - rows: nil where all lists are masks.
  ///   - labelPlace, rowPlace: where the first 0 stands, for messages.
  static func ofLayout(
    labels: NumberRange?, rows: NumberRange?, labelPlace: String, rowPlace: String,
    given: (label: FirstNumber, row: FirstNumber)
  ) -> Counting {
    var result = Counting()
    let labelsHaveZero = labels?.least == 0
    let rowsHaveZero = rows?.least == 0
    if let contradiction = labels.flatMap({ contradiction($0, "labels", "classes", given.label) }) {
      result.problems.append(contradiction)
    }
    if let contradiction = rows.flatMap({ contradiction($0, "rows of '…_loc'", "rows", given.row) }) {
      result.problems.append(contradiction)
    }
    guard result.problems.isEmpty else { return result }
    // What one of them is known to count from supports the other.
    let labelsMayBeZero = rows == nil || rowsHaveZero || given.row == .zero
    let rowsMayBeZero = labels == nil || labelsHaveZero || given.label == .zero
    result.firstLabel = given.label.value ?? (labelsHaveZero && labelsMayBeZero ? 0 : 1)
    result.firstRow = given.row.value ?? (rowsHaveZero && rowsMayBeZero ? 0 : 1)
    if labelsHaveZero, result.firstLabel == 1 {
      result.problems.append(
        "\(labelPlace) is 0, but labels are whole numbers from 1 in this layout. Counts from 0? Then give "
          + "--first-label 0; the rows of '…_loc' do not look as if they did (if they do, --first-row 0)")
    }
    if rowsHaveZero, result.firstRow == 1 {
      result.problems.append(
        "\(rowPlace) is 0, but rows are whole numbers from 1 in this layout. Counts from 0? Then give --first-row 0; "
          + "the labels do not look as if they did (if they do, --first-label 0)")
    }
    guard result.problems.isEmpty else { return result }
    let fromZero =
      (labels != nil && result.firstLabel == 0 ? ["labels"] : [])
      + (rows != nil && result.firstRow == 0 ? ["rows"] : [])
    if !fromZero.isEmpty {
      result.notes.append("\(fromZero.joined(separator: " and ")) count from 0 in these files, not from 1 as usual")
    }
    return result
  }

  private static func contradiction(_ range: NumberRange, _ what: String, _ things: String, _ given: FirstNumber)
    -> String?
  {
    let option = things == "classes" ? "--first-label" : "--first-row"
    if let first = given.value {
      guard !range.fits(from: first) else { return nil }
      return
        "\(what) run from \(range.least) to \(range.most), which does not count "
        + "\(range.count.map { "\($0) " } ?? "")\(things) from \(first), as \(option) says"
    }
    guard let count = range.count, range.least == 0, range.most >= count else { return nil }
    return
      "\(what) have both 0 and \(range.most), but there are \(count) \(things): they count neither from 0 nor from 1"
  }

  /// Numbers of classes outside the layout: nothing says where they begin but the numbers themselves.
  ///
  /// - Throws: `DataProblem` where they fit both ways, or none.
  static func firstLabel(_ range: NumberRange, place: String, given: FirstNumber, isMatlab: Bool) throws -> Int {
    if let problem = contradiction(range, place, "classes", given) { throw DataProblem(problem) }
    if let first = given.value { return first }
    let (zero, one) = (range.fits(from: 0), range.fits(from: 1))
    guard zero || one else {
      throw DataProblem(
        "\(place) runs from \(range.least) to \(range.most), but there are \(range.count ?? 0) classes with a "
          + "descriptor"
      )
    }
    guard zero && one else { return zero ? 0 : 1 }
    if isMatlab { return 1 }
    throw DataProblem(
      "\(place) runs from \(range.least) to \(range.most) for \(range.count ?? 0) classes: counts from 0 or from 1? "
        + "Give --first-label 0 or 1"
    )
  }

  /// Rows outside the layout: as `firstLabel`, but where both fit, as the file's users count.
  static func firstRow(_ range: NumberRange, place: String, given: FirstNumber, usual: Int) throws -> Int {
    if let problem = contradiction(range, place, "rows", given) { throw DataProblem(problem) }
    if let first = given.value { return first }
    let (zero, one) = (range.fits(from: 0), range.fits(from: 1))
    guard zero || one else {
      throw DataProblem("\(place) runs from \(range.least) to \(range.most), but there are \(range.count ?? 0) rows")
    }
    return zero && one ? usual : zero ? 0 : 1
  }
}
