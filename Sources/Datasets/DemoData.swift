// A small data set made from nothing. C classes, A attributes, X features, N images.
import Files
import Foundation
import Kernels
import Matrices

/// The built-in demonstration: an xlsa17-style folder whose classes are defined by their attributes.
///
/// An image is ReLU(signal of its class + nuisance + white noise). The signal is a nonlinear function of the attributes, so
/// that a linear map from attributes to features misses part of it; the nuisance (think of pose and light) has few
/// directions, is common to all classes and larger than the differences between them, so that the nearest class mean is
/// a poor judge while a trained embedding learns to ignore it. The same seed gives the same files.
package enum DemoData {
  package static let seenClassCount = 30
  package static let unseenClassCount = 8
  package static let attributeCount = 32
  package static let featureCount = 256
  /// Images of a class: this many, plus up to half of it.
  private static let imagesPerClass = 60
  private static let nuisanceCount = 12

  /// Writes `res101.mat` and `att_splits.mat`.
  ///
  /// - Throws: `PathTaken` where one of them is there with other contents; `PathEmpty`; `StorageError`.
  package static func write(to folder: String, seed: UInt64 = 1) throws {
    try NewPath.folders(folder)
    let source = RandomSource(seed: seed)
    let classCount = seenClassCount + unseenClassCount
    let attributes = attributes(source, classCount)
    let context = ProductContext()
    let signal = signal(source, attributes, context)
    let unseen = Set(source.sample(unseenClassCount, below: classCount, .demoData, step: 10))

    var labels: [Int] = []
    for c in 0..<classCount {
      let extra = source.integer(below: imagesPerClass / 2, .demoData, step: 11, row: c)
      labels += Array(repeating: c, count: imagesPerClass + extra)
    }
    // Images of all classes mixed, as in a real file.
    let order = source.sample(labels.count, below: labels.count, .demoData, step: 12)
    labels = order.map { labels[$0] }
    let features = images(source, labels, signal, context)

    try put(
      folder + "/res101.mat",
      [MatlabVariable("features", .transposed(features)), MatlabVariable("labels", rowsFromZero: labels)])
    try put(
      folder + "/att_splits.mat", splits(source, labels: labels, attributes: attributes, unseen: unseen))
  }

  /// Somebody's own files of that name are not touched.
  private static func put(_ path: String, _ variables: [MatlabVariable]) throws {
    try NewPath.replacing(path) { aside in
      try MatlabWriter.write(path: aside, variables)
      guard
        !FileManager.default.fileExists(atPath: path) || FileManager.default.contentsEqual(atPath: path, andPath: aside)
      else { throw PathTaken(path: path) }
    }
  }

  /// C×A in 0...1: eight groups of four related attributes, so that classes share some and differ in others.
  private static func attributes(_ source: RandomSource, _ classCount: Int) -> Matrix {
    let result = Matrix(rows: classCount, columns: attributeCount)
    for c in 0..<classCount {
      for group in 0..<attributeCount / 4 {
        let strong = source.integer(below: 4, .demoData, step: 1, row: c * 100 + group)
        for k in 0..<4 {
          let wobble = source.uniform(.demoData, step: 2, row: c * attributeCount + group * 4 + k)
          result[c, group * 4 + k] = (k == strong ? 0.7 : 0.05) + 0.25 * wobble
        }
      }
    }
    return result
  }

  /// C×X: W·[a; tanh-mixed a], a two-layer random network of the attributes.
  private static func signal(_ source: RandomSource, _ attributes: Matrix, _ context: ProductContext) -> Matrix {
    let hidden = 96
    let first = Matrix(rows: hidden, columns: attributeCount)
    let second = Matrix(rows: featureCount, columns: hidden)
    fillNormal(first, source, .demoData, step: 3, firstRow: 0, scale: 0.6)
    fillNormal(second, source, .demoData, step: 4, firstRow: 0, scale: 0.06)
    let mixed = Matrix(rows: attributes.rowCount, columns: hidden)
    context.multiply(into: mixed, attributes, first.transposed)
    for r in 0..<mixed.rowCount {
      for c in 0..<hidden { mixed[r, c] = Float(tanh(2 * Double(mixed[r, c]))) }
    }
    let result = Matrix(rows: attributes.rowCount, columns: featureCount)
    context.multiply(into: result, mixed, second.transposed)
    return result
  }

  /// N×X.
  private static func images(
    _ source: RandomSource, _ labels: [Int], _ signal: Matrix, _ context: ProductContext
  ) -> Matrix {
    let count = labels.count
    let directions = Matrix(rows: featureCount, columns: nuisanceCount)
    fillNormal(directions, source, .demoData, step: 5, firstRow: 0, scale: 0.5)
    let amounts = Matrix(rows: count, columns: nuisanceCount)
    fillNormal(amounts, source, .demoData, step: 6, firstRow: 0)
    let white = Matrix(rows: count, columns: featureCount)
    fillNormal(white, source, .demoData, step: 7, firstRow: 0, scale: 0.6)
    let result = Matrix(rows: count, columns: featureCount)
    gatherRows(result, from: signal, labels[...])
    context.multiply(into: result, amounts, directions.transposed, accumulate: true)
    add(result, white)
    let offset = Matrix(rows: 1, columns: featureCount)
    offset.fill(0.3)
    apply(.biasReLU(offset), to: result)
    return result
  }

  private static func splits(
    _ source: RandomSource, labels: [Int], attributes: Matrix, unseen: Set<Int>
  ) -> [MatlabVariable] {
    let normalised = attributes.copied()
    normaliseRows(normalised, norms: Matrix(rows: 1, columns: attributes.rowCount))
    let seen = (0..<attributes.rowCount).filter { !unseen.contains($0) }
    let validationClasses = Set(source.sample(6, below: seen.count, .demoData, step: 13).map { seen[$0] })
    var lists: [String: [Int]] = [:]
    for (row, label) in labels.enumerated() {
      if unseen.contains(label) {
        lists["test_unseen_loc", default: []].append(row)
      } else if source.integer(below: 5, .demoData, step: 14, row: row) == 0 {
        lists["test_seen_loc", default: []].append(row)
      } else {
        lists["trainval_loc", default: []].append(row)
        lists[validationClasses.contains(label) ? "val_loc" : "train_loc", default: []].append(row)
      }
    }
    let classNames = (0..<attributes.rowCount).map(className)
    return [
      MatlabVariable("att", .transposed(normalised)), MatlabVariable("original_att", .transposed(attributes)),
      MatlabVariable("allclasses_names", .cells(classNames)),
    ] + lists.keys.sorted().map { MatlabVariable($0, rowsFromZero: lists[$0] ?? []) }
  }

  private static func className(_ index: Int) -> String {
    let adjectives = ["striped", "spotted", "long-tailed", "crested", "dwarf", "giant", "marsh", "desert"]
    let animals = ["otter", "heron", "lynx", "tapir", "newt"]
    return adjectives[index % adjectives.count] + " " + animals[index / adjectives.count % animals.count]
  }
}
