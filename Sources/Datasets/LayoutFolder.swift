// The xlsa17 layout as it stands in a folder, as its own tools and other people's programs write it.
// N rows, X features, A descriptor size, C classes.
import Files
import Foundation
import Matrices

extension DatasetFiles {
  /// Reads `res101.mat` (`features` X×N, `labels` N×1) and `att_splits.mat` (`att` A×C, `allclasses_names`, `…_loc`).
  mutating func readLayout(_ options: DataOptions) {
    // A file may also lie elsewhere.
    func place(_ file: String) -> String { file.hasPrefix("/") ? file : "\(folder)/\(file)" }
    let (featurePath, descriptorPath) = (place(options.featureFile), place(options.classEmbeddingFile))
    var layout = LayoutReader(featurePath: featurePath, descriptorPath: descriptorPath)
    // One of both can still be looked at without the other.
    let missing = [descriptorPath, featurePath].filter { !FileManager.default.fileExists(atPath: $0) }
    if !missing.isEmpty { problems.append(Self.advice(folder: folder, missing: missing)) }
    if !missing.contains(descriptorPath) { problems += failures { try layout.openDescriptors() } }
    if !missing.contains(featurePath) { problems += failures { try layout.openFeatures() } }
    problems += failures {
      try layout.readLabels()
      try layout.readImageFolders()
    }
    problems += failures { try layout.readNames() }
    problems += failures { descriptors = try layout.descriptors() }
    descriptorNames = layout.names
    checkDescriptors(place: "\(descriptorPath), 'att'")
    if let descriptors, let names = descriptorNames, names.count != descriptors.rowCount {
      problems.append(
        "\(descriptorPath): 'att' has \(descriptors.rowCount) classes (columns), but 'allclasses_names' has "
          + "\(names.count)"
      )
      descriptorNames = nil
    }
    problems += failures { features = try layout.features() }
    checkFeatures(place: featurePath, labelCount: layout.labels?.count)
    // The labels of res101.mat follow att_splits.mat, whatever descriptor file is chosen.
    var other: ArrayFile?
    let usual = "\(folder)/att_splits.mat"
    if options.classEmbeddingFile != "att_splits.mat", FileManager.default.fileExists(atPath: usual) {
      problems += failures {
        let file = try ArrayFile(path: usual)
        other = file
        labelNames = try file.locate("allclasses_names").map { try file.texts($0.path) }
      }
    }
    problems += failures { try layout.readLocations(orFrom: other) }
    count(layout, options)
    if let folders = layout.imageFolders { useImageFolders(folders) }
    if labelNames == nil, descriptorNames != nil, options.classEmbeddingFile != "att_splits.mat",
      case .numbers? = layout.labels
    {
      notes.append(
        "labels are taken to number the classes of \(options.classEmbeddingFile) in its order, which only an att_splits.mat with "
          + "'allclasses_names' beside it would check")
    }
    if let names = layout.unseenNames {
      problems += failures {
        unseenClasses = try labelsByName(names, place: "\(descriptorPath), '\(Self.unseenNames)'")
      }
    }
    notes += layout.notes
  }

  /// What to do with a folder that lacks files of the layout.
  private static func advice(folder: String, missing: [String]) -> String {
    guard let entries = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      return "there is no folder \(folder); give the folder with the data, or the file, with --data"
    }
    let names = missing.map { ($0 as NSString).lastPathComponent }.joined(separator: " and ")
    let start = "\(folder) has no \(names)"
    let arrays = entries.filter { name in
      ["npz", "npy", "csv", "h5", "hdf5", "safetensors", "mat"].contains((name as NSString).pathExtension.lowercased())
    }.sorted()
    guard !arrays.isEmpty else { return "\(start), and nothing else to read either; is it the right folder?" }
    if arrays.count == 1, !arrays[0].hasSuffix(".mat") {
      return "\(start). If \(arrays[0]) holds everything, give the file itself: --data \(folder)/\(arrays[0])"
    }
    return
      "\(start); it has \(listText(arrays)). 'cegzsl assemble --features FILE --labels FILE --descriptors FILE --out "
      + "DIR' makes the layout of such files; other names of .mat files are given with --features and --class-embedding"
  }

  /// Labels and rows from 0, once it is known where they begin.
  private mutating func count(_ layout: LayoutReader, _ options: DataOptions) {
    let lists = layout.lists.filter { !$0.value.isMask }
    let masks = Set(layout.lists.keys).subtracting(lists.keys)
    if !masks.isEmpty {
      let names = Self.locationNames.filter(masks.contains).map { "\($0)_loc" }.joined(separator: ", ")
      notes.append("\(names): masks of the \(layout.labels?.count ?? 0) rows instead of their numbers, taken as such")
    }
    var numbers: [Int]?
    if case .numbers(let found)? = layout.labels { numbers = found }
    let classCount = descriptors?.rowCount ?? descriptorNames?.count
    let firstZero = numbers?.firstIndex(of: 0).map { $0 + 1 } ?? 1
    let listWithZero = Self.locationNames.first { lists[$0]?.numbers.contains(0) == true } ?? "trainval"
    let placeOfZero = lists[listWithZero]?.numbers.firstIndex(of: 0).map { $0 + 1 } ?? 1
    let counting = Counting.ofLayout(
      labels: numbers.flatMap { NumberRange($0, count: classCount) },
      rows: NumberRange(lists.values.flatMap(\.numbers), count: layout.labels?.count),
      labelPlace: "\(layout.featurePath), 'labels': row \(firstZero)",
      rowPlace: "\(layout.descriptorPath), '\(listWithZero)_loc': entry \(placeOfZero)",
      given: (options.firstLabel, options.firstRow))
    notes += counting.notes
    problems += counting.problems
    guard counting.problems.isEmpty else { return }
    locations = layout.lists.mapValues { $0.rows(from: counting.firstRow) }
    if let numbers {
      labels = numbers.map { $0 - counting.firstLabel }
    } else if case .names(let texts)? = layout.labels {
      problems += failures { labels = try labelsByName(texts, place: "\(layout.featurePath), 'labels'") }
    }
  }

  private func labelsByName(_ texts: [String], place: String) throws -> [Int] {
    guard let names = labelNames ?? descriptorNames else {
      throw DataProblem("\(place) has class names, but there is no 'allclasses_names' to join them by")
    }
    guard let labels = ClassColumn.names(texts).byName(names) else {
      throw DataProblem(
        "\(place) has classes that 'allclasses_names' does not name: "
          + "\(listText(Set(texts).subtracting(names).sorted()))"
      )
    }
    return labels
  }

  private mutating func useImageFolders(_ folders: [String]) {
    guard let labels, folders.count == labels.count, let names = descriptorNames else { return }
    var nameOf: [Int: String] = [:]
    for (label, folder) in zip(labels, folders) {
      guard nameOf[label] == nil || nameOf[label] == folder else { return }
      nameOf[label] = folder
    }
    guard Set(nameOf.values).count == nameOf.count, Set(nameOf.values).isSubset(of: names) else { return }
    var result = (0..<names.count).map { nameOf[$0] ?? "" }
    // Labels without an image take the names that are left, in order.
    var left = names.filter { !nameOf.values.contains($0) }[...]
    for i in result.indices where result[i].isEmpty { result[i] = left.popFirst() ?? "class \(i + 1)" }
    labelNames = result
  }
}

/// Whether a path leads to a file, also through links.
func isPlainFile(_ path: String) -> Bool {
  var isDirectory: ObjCBool = false
  return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && !isDirectory.boolValue
}
