// From training rows and synthetic ones to the terms of a head, on rank 0. N rows, X feature, H classifier input, C classes.
import Datasets
import Kernels
import Matrices

/// What a head is fitted to.
struct HeadRows {
  let dataset: GZSLDataset
  let task: GZSLTask
  /// N×H: embeddings of the task's classifier rows.
  let real: Matrix
  /// Embeddings of synthetic rows of the unseen classes, class after class, as many of each; for the seen classes the same where a part
  /// needs them, else no row.
  let syntheticUnseen: Matrix
  let syntheticSeen: Matrix

  var labels: [Int] { task.classifierRows.map { dataset.labels[$0] } }
  var candidates: [Int] { (task.seenClasses + task.unseenClasses).sorted() }

  /// Scaled features of rows, some at a time.
  func features(_ rows: [Int], _ body: (Range<Int>, Matrix) -> Void) {
    for first in stride(from: 0, to: rows.count, by: 1024) {
      let range = first..<min(first + 1024, rows.count)
      let x = Matrix(rows: range.count, columns: dataset.features.featureSize)
      dataset.features.gather(into: x, rows[range])
      body(range, x)
    }
  }
}

/// Makes terms; what several of them, or several penalties, need is made once.
final class HeadFitting {
  private let rows: HeadRows
  private let settings: ClassifierSettings
  private let source: RandomSource
  private let drawNumber: Int
  private let context: ProductContext

  /// - Parameter drawNumber: separates the random draws of the trained part from those of others.
  init(_ rows: HeadRows, settings: ClassifierSettings, source: RandomSource, drawNumber: Int, context: ProductContext) {
    self.rows = rows
    self.settings = settings
    self.source = source
    self.drawNumber = drawNumber
    self.context = context.float32
  }

  private lazy var descriptors = CentredDescriptors(rows.dataset.descriptors, seen: rows.task.seenClasses)
  private lazy var places = Dictionary(uniqueKeysWithValues: rows.task.seenClasses.enumerated().map { ($1, $0) })
  private lazy var groups = rows.labels.map { places[$0] ?? 0 }

  private lazy var rowCounts = rows.task.seenClasses.indices.map { place in groups.count { $0 == place } }

  private lazy var ofFeatures: Standardisation = {
    var sums = GroupedSums(groups: rows.task.seenClasses.count, columns: rows.dataset.features.featureSize)
    rows.features(rows.task.classifierRows) { sums.add($1, groups: Array(groups[$0])) }
    return Standardisation(sums)
  }()

  private lazy var ofEmbeddings: Standardisation = {
    var sums = GroupedSums(groups: rows.task.seenClasses.count, columns: rows.real.columnCount)
    sums.add(rows.real, groups: groups)
    return Standardisation(sums)
  }()

  /// Zᵀ·Z of standardised features, X×X.
  private lazy var gramOfFeatures: DoubleMatrix = {
    let width = rows.dataset.features.featureSize
    var gram = DoubleMatrix(rows: width, columns: width)
    rows.features(rows.task.classifierRows) {
      let z = ofFeatures.standardise($1)
      context.addCrossProduct(of: z, z, to: &gram)
    }
    return gram
  }()

  /// Zᵀ·Z of standardised embeddings, H×H.
  private lazy var gramOfEmbeddings: DoubleMatrix = {
    var gram = DoubleMatrix(rows: rows.real.columnCount, columns: rows.real.columnCount)
    eachStandardised { _, z in context.addCrossProduct(of: z, z, to: &gram) }
    return gram
  }()

  /// Embeddings, some at a time: which of the classifier's rows they are.
  private func eachStandardised(_ body: (Range<Int>, Matrix) -> Void) {
    for first in stride(from: 0, to: rows.real.rowCount, by: 1024) {
      let range = first..<min(first + 1024, rows.real.rowCount)
      body(range, ofEmbeddings.standardise(rows.real.rows(range)))
    }
  }

  private lazy var toMeans = RidgeToMeans(ofFeatures, descriptors)
  private lazy var toDescriptors: RidgeToDescriptors = {
    let (targets, labels) = (descriptors.all.rounded, rows.labels)
    var cross = DoubleMatrix(rows: rows.real.columnCount, columns: targets.columnCount)
    eachStandardised { range, z in
      let own = Matrix(rows: range.count, columns: targets.columnCount)
      gatherRows(own, from: targets, labels[range])
      context.addCrossProduct(of: z, own, to: &cross)
    }
    return RidgeToDescriptors(
      ofEmbeddings, descriptors, gram: gramOfEmbeddings, cross: cross, rowCount: rows.real.rowCount)
  }()
  private lazy var gaussiansOfFeatures = ClassGaussians(ofFeatures, counts: rowCounts, gram: gramOfFeatures)
  private lazy var gaussiansOfEmbeddings = ClassGaussians(ofEmbeddings, counts: rowCounts, gram: gramOfEmbeddings)
  private lazy var regression = DescriptorRegression(descriptors)

  /// C×S, for parts that have one.
  func combination(_ constants: TermConstants) -> DoubleMatrix {
    regression.combination(penalty: constants.penalty ?? 0, kernelWidth: constants.kernelWidth)
  }

  /// Of a part whose classes' means are sums of seen classes' means; nil of others.
  func gaussians(_ part: HeadPart) -> ClassGaussians? {
    switch part {
    case .gaussianFeatures: gaussiansOfFeatures
    case .gaussianEmbedding: gaussiansOfEmbeddings
    case .softmax, .zla, .ridgeFeatures, .ridgeEmbedding, .prototype, .gaussianPrototype: nil
    }
  }

  /// A term of weight 1.
  ///
  /// - Parameters:
  ///   - part: none but softmax, which is trained.
  ///   - constants: all that the part has; a λ or a shrinkage that is missing counts as 0.
  func term(_ part: HeadPart, _ constants: TermConstants) -> HeadTerm {
    let candidates = rows.candidates
    let (penalty, shrinkage) = (constants.penalty ?? 0, constants.shrinkage ?? 0)
    return switch part {
    case .softmax: preconditionFailure("softmax is no term")
    case .ridgeFeatures: toMeans.term(penalty: penalty, candidates: candidates)
    case .ridgeEmbedding: toDescriptors.term(penalty: penalty, candidates: candidates)
    case .prototype:
      HeadTerm(
        .prototype, standardisation: ofEmbeddings.pair, targets: only(candidates, syntheticMeans).unitRows.rounded)
    case .zla: adjustedTerm()
    case .gaussianFeatures:
      gaussiansOfFeatures.term(
        part, combination: combination(constants), shrinkage: shrinkage, candidates: candidates)
    case .gaussianEmbedding:
      gaussiansOfEmbeddings.term(
        part, combination: combination(constants), shrinkage: shrinkage, candidates: candidates)
    case .gaussianPrototype:
      gaussiansOfEmbeddings.term(part, means: syntheticMeans, shrinkage: shrinkage, candidates: candidates)
    }
  }

  /// C×H, means of synthetic embeddings, standardised as real ones are.
  private lazy var syntheticMeans: DoubleMatrix = {
    var means = DoubleMatrix(rows: rows.dataset.descriptors.rowCount, columns: rows.real.columnCount)
    for (classes, synthetic) in [
      (rows.task.seenClasses, rows.syntheticSeen), (rows.task.unseenClasses, rows.syntheticUnseen),
    ] where !classes.isEmpty {
      let perClass = synthetic.rowCount / classes.count
      precondition(perClass > 0 && perClass * classes.count == synthetic.rowCount, "synthetic rows are missing")
      var sums = GroupedSums(groups: classes.count, columns: synthetic.columnCount)
      sums.add(synthetic, groups: (0..<synthetic.rowCount).map { $0 / perClass })
      for (place, number) in classes.enumerated() {
        for c in 0..<means.columnCount { means[number, c] = sums.sums[place, c] / Double(perClass) }
      }
    }
    return ofEmbeddings.standardise(means)
  }()

  private func adjustedTerm() -> HeadTerm {
    let candidates = rows.candidates
    let unit = Dictionary(uniqueKeysWithValues: candidates.enumerated().map { ($1, $0) })
    let perClass = rows.syntheticUnseen.rowCount / max(rows.task.unseenClasses.count, 1)
    let synthetic = rows.task.unseenClasses.flatMap { Array(repeating: $0, count: perClass) }
    let x = Matrix(rows: rows.real.rowCount + rows.syntheticUnseen.rowCount, columns: rows.real.columnCount)
    x.rows(0..<rows.real.rowCount).copy(from: ofEmbeddings.standardise(rows.real))
    x.rows(rows.real.rowCount..<x.rowCount).copy(from: ofEmbeddings.standardise(rows.syntheticUnseen))
    normaliseRows(x, norms: Matrix(rows: 1, columns: x.rowCount))
    let own = Matrix(rows: candidates.count, columns: rows.dataset.descriptors.columnCount)
    gatherRows(own, from: rows.dataset.descriptors, candidates[...])
    let classifier = PrototypeClassifier(
      descriptors: own, inputSize: x.columnCount, source: source, drawNumber: drawNumber, context: context)
    classifier.train(x: x, labels: (rows.labels + synthetic).map { unit[$0] ?? 0 }, settings: settings)
    let targets = Matrix(rows: rows.dataset.descriptors.rowCount, columns: x.columnCount)
    let prototypes = classifier.prototypes
    for (place, number) in candidates.enumerated() {
      targets.rows(number..<number + 1).copy(from: prototypes.rows(place..<place + 1))
    }
    return HeadTerm(.zla, standardisation: ofEmbeddings.pair, targets: targets)
  }

  // MARK: Baselines

  /// Cosines with the means of the seen classes' standardised features.
  func nearestMeans() -> HeadTerm {
    var targets = DoubleMatrix(rows: rows.dataset.descriptors.rowCount, columns: rows.dataset.features.featureSize)
    for (place, number) in rows.task.seenClasses.enumerated() {
      for c in 0..<targets.columnCount { targets[number, c] = ofFeatures.classMeans[place, c] }
    }
    return HeadTerm(.ridgeFeatures, standardisation: ofFeatures.pair, targets: targets.unitRows.rounded)
  }

  func standardisedFeatures(_ x: Matrix) -> Matrix { ofFeatures.standardise(x) }

  /// C×A.
  lazy var unitDescriptors = DoubleMatrix(rows.dataset.descriptors).unitRows.rounded

  func eszsl() -> ESZSL {
    let (width, size) = (rows.dataset.features.featureSize, unitDescriptors.columnCount)
    let seen = DoubleMatrix(unitDescriptors).rows(rows.task.seenClasses)
    // A row of Y·D is twice the class's descriptor less the sum of all.
    let sum = seen.columnMeans.map { $0 * Double(seen.rowCount) }
    var doubled = DoubleMatrix(unitDescriptors)
    for k in doubled.elements.indices { doubled.elements[k] *= 2 }
    let targets = doubled.subtracting(sum).rounded
    var cross = DoubleMatrix(rows: width, columns: size)
    let labels = rows.labels
    rows.features(rows.task.classifierRows) { range, x in
      let (z, own) = (ofFeatures.standardise(x), Matrix(rows: range.count, columns: size))
      gatherRows(own, from: targets, labels[range])
      context.addCrossProduct(of: z, own, to: &cross)
    }
    return ESZSL(
      rowCount: labels.count, gram: gramOfFeatures, cross: cross, products: seen.transposed.multiplied(by: seen))
  }
}
