// N rows, X features, A descriptor size, C classes.
import Files
import Matrices

/// The two files of the layout, and what was read of them.
struct LayoutReader {
  let featurePath: String
  let descriptorPath: String
  private var featureFile: ArrayFile?
  private var descriptorFile: ArrayFile?
  private(set) var labels: ClassColumn?
  private(set) var names: [String]?
  private(set) var lists: [String: RowList] = [:]
  private(set) var imageFolders: [String]?
  /// Names of the unseen classes, where the file says them.
  private(set) var unseenNames: [String]?
  private(set) var notes: [String] = []

  init(featurePath: String, descriptorPath: String) {
    self.featurePath = featurePath
    self.descriptorPath = descriptorPath
  }

  mutating func openFeatures() throws { featureFile = try Self.open(featurePath) }
  mutating func openDescriptors() throws { descriptorFile = try Self.open(descriptorPath) }

  private static func open(_ path: String) throws -> ArrayFile {
    let file = try ArrayFile(path: path)
    guard file.format != .csv else {
      throw DataProblem(
        "\(path) is text, no MATLAB or HDF5 file. Was it downloaded whole? 'cegzsl assemble' makes the layout from "
          + "csv files"
      )
    }
    return file
  }

  /// A variable by its name, at the top or inside a structure.
  private mutating func find(_ name: String, in file: ArrayFile) throws -> ArrayFile.Description? {
    guard let found = try file.locate(name), let array = file.description(found.path) else { return nil }
    if let structure = found.structure {
      let note = "\(file.path): variables are read from inside '\(structure)'"
      if !notes.contains(note) { notes.append(note) }
    }
    return array
  }

  private mutating func require(_ name: String, in file: ArrayFile) throws -> ArrayFile.Description {
    guard let found = try find(name, in: file) else {
      let known = file.arrays.map(\.name)
      throw DataProblem(
        "\(file.path), '\(name)' is missing; the file has \(known.isEmpty ? "nothing" : listText(known))")
    }
    return found
  }

  mutating func readLabels() throws {
    guard let featureFile else { return }
    let found = try ClassColumn(try require("labels", in: featureFile), in: featureFile, what: "labels")
    guard found.count > 0 else { throw DataProblem("\(featureFile.path), 'labels' is empty") }
    labels = found
  }

  mutating func readNames() throws {
    guard let descriptorFile, let array = try find("allclasses_names", in: descriptorFile) else { return }
    names = try ClassColumn(array, in: descriptorFile, what: "class names").texts
    guard let unseen = try find(DatasetFiles.unseenNames, in: descriptorFile) else { return }
    unseenNames = try ClassColumn(unseen, in: descriptorFile, what: "class names").texts
  }

  /// N×X; nil without a file.
  mutating func features() throws -> Matrix? {
    guard let featureFile else { return nil }
    let array = try require("features", in: featureFile)
    return try featureFile.matrix(array.name, rows: try axis(of: array, in: featureFile, count: labels?.count, "rows"))
  }

  /// C×A; nil without a file.
  mutating func descriptors() throws -> Matrix? {
    guard let descriptorFile else { return nil }
    let array = try require("att", in: descriptorFile)
    let axis = try axis(
      of: array, in: descriptorFile, count: names?.count ?? classCountOfLabels(array.sizes), "classes")
    if descriptorFile.format == .matlab, let count = names?.count ?? classCountOfLabels(array.sizes),
      array.sizes.last != count,
      array.sizes.first == count, array.sizes.count == 2
    {
      throw DataProblem(
        "\(descriptorFile.path): 'att' is \(sizesText(array.sizes)) and seems transposed: it must be A×C, one column "
          + "for each of the \(count) classes, so \(sizesText(array.sizes.reversed())). Store att' (MATLAB) or att.T (Python)"
          + (names == nil ? "; if it is right, say so by adding 'allclasses_names'" : ""))
    }
    return try descriptorFile.matrix(array.name, rows: axis)
  }

  /// How many classes labels tell of, where that is one of the sizes and classes have no names.
  private func classCountOfLabels(_ sizes: [Int]) -> Int? {
    guard case .numbers(let numbers)? = labels, let most = numbers.max(), let least = numbers.min() else { return nil }
    return sizes.first { $0 == most + (least == 0 ? 1 : 0) }
  }

  /// MATLAB's matrices have a column for each thing. h5py's users store them as they came, or the other way round, and
  /// the count says which.
  private mutating func axis(of array: ArrayFile.Description, in file: ArrayFile, count: Int?, _ things: String) throws
    -> RowAxis
  {
    guard array.sizes.filter({ $0 != 1 }).count <= 2 else {
      throw DataProblem("\(file.path), '\(array.name)' is \(sizesText(array.sizes)); a matrix is needed")
    }
    guard file.format != .matlab, let count, array.sizes.last != count, array.sizes.first == count else { return .last }
    notes.append(
      "\(file.path): '\(array.name)' is \(sizesText(array.sizes)), a row for each of the \(count) \(things), and was "
        + "read so"
    )
    return .first
  }

  /// Lists of rows; those that the descriptor file lacks altogether come from another.
  mutating func readLocations(orFrom other: ArrayFile?) throws {
    guard let descriptorFile else { return }
    var file = descriptorFile
    if let other, try find("trainval_loc", in: descriptorFile) == nil { file = other }
    // All or none: a list that cannot be read is not a missing one.
    var found: [String: RowList] = [:]
    for name in DatasetFiles.locationNames {
      guard let array = try find(name + "_loc", in: file) else { continue }
      found[name] = try RowList(array, in: file, rowCount: labels?.count)
    }
    lists = found
  }

  /// The folder that holds an image is its class in AWA, CUB and FLO; SUN nests folders, so this is used only where it
  /// is one name per label.
  mutating func readImageFolders() throws {
    guard let featureFile, let array = try find("image_files", in: featureFile), array.kind == .texts else { return }
    imageFolders = try featureFile.texts(array.name).map { path in
      let parts = path.split(whereSeparator: { $0 == "/" || $0 == "\\" })
      return parts.count >= 2 ? String(parts[parts.count - 2]) : ""
    }
  }
}
