// A trained model in use. N rows, X feature, A descriptor, H classifier input (the embedding), C classes.
import Checkpoints
import Evaluation
import Files
import Kernels
import Matrices
import Networks

/// Which classes may be answered.
package enum Answering: String, Sendable, CaseIterable {
  /// Seen and unseen classes: what U, S and H are about.
  case all
  /// Unseen classes alone, by the softmax that was trained for them: what T1 is about.
  case unseen
}

/// A model with all that using it takes: no data set, no optimizer. Rows go from raw features through `embed` to `scores`.
///
///     let model = try TrainedModel.load(run: "runs/first", .best).model
///     let rows = ClassifiedRows(of: model, rowCount: x.rowCount)
///     try model.classify(x, answering: .all, into: rows)
///
/// Every row's result is the same bits whichever rows are with it, and those of the run's own evaluation: rows may come in blocks of any
/// size. It may be used from one thread at a time; the products take all threads of the pool.
package struct TrainedModel: Sendable {
  /// The checkpoint's directory.
  package let path: String
  /// Iterations that it was trained for.
  package let iteration: Int
  /// E and G, among others; they take and give scaled features.
  package let network: HybridModel
  package let data: ClassesFile
  /// nil: saved without an evaluation, and not completed since.
  package let classifier: ClassifierFile?

  /// Rows that are scaled at a time.
  private static let block = 1024

  package init(
    path: String, iteration: Int, network: HybridModel, data: ClassesFile, classifier: ClassifierFile?
  ) {
    let (sizes, classes) = (network.sizes, data.classes)
    precondition(sizes.feature == data.scaling.featureSize && sizes.attribute == classes.attributeSize)
    if let layer = classifier?.classifiers.generalized {
      // What is read from files was held against the model before.
      precondition(layer.classCount == classes.count && layer.weight.columnCount == sizes.classifierInput)
    }
    self.path = path
    self.iteration = iteration
    self.network = network
    self.data = data
    self.classifier = classifier
  }

  package var classes: ClassTable { data.classes }
  /// X: width of raw features.
  package var featureSize: Int { network.sizes.feature }
  /// A.
  package var attributeSize: Int { network.sizes.attribute }
  /// H: X for a model without an embedding.
  package var embeddingSize: Int { network.sizes.classifierInput }

  /// h [N×H] ← what the classifier sees of raw features x [N×X], which must be finite.
  package func embed(_ x: Matrix, into h: Matrix) {
    precondition(x.columnCount == featureSize && h.columnCount == embeddingSize && h.rowCount == x.rowCount)
    let scaled = Matrix(rows: min(x.rowCount, Self.block), columns: featureSize)
    for first in stride(from: 0, to: x.rowCount, by: Self.block) {
      let rows = first..<min(first + Self.block, x.rowCount)
      let part = scaled.rows(0..<rows.count)
      data.scaling.scale(x.rows(rows), into: part)
      network.embed(part, into: h.rows(rows))
    }
  }

  /// What any head answers to raw features x [N×X], which must be finite.
  ///
  /// - Parameter rows: of N rows, out.
  /// - Throws: `ModelError.incomplete` for a model without a classifier.
  package func classify(_ x: Matrix, answering: Answering, into rows: ClassifiedRows) throws {
    let classifiers = try classifiers()
    data.scaling.scale(x, into: rows.scaledFeatures)
    network.embed(rows.scaledFeatures, into: rows.embeddings)
    classifiers.scores(
      into: rows.scores, features: rows.scaledFeatures, h: rows.embeddings, amongUnseen: answering == .unseen,
      context: network.context)
  }

  /// Classes that can be answered, ascending.
  ///
  /// - Throws: `ModelError.incomplete`.
  package func candidates(_ answering: Answering) throws -> [Int] {
    try finalLayer(answering).candidates
  }

  /// What validation chose to subtract from the scores of seen classes; nil: nobody chose one.
  package var gamma: Double? { classifier?.classifiers.constants.gamma }

  /// The head with all its parts.
  ///
  /// - Throws: `ModelError.incomplete`.
  package func classifiers() throws -> FinalClassifiers {
    guard let classifiers = classifier?.classifiers else {
      throw ModelError.incomplete(path: path, lacks: "classifier: its run was not evaluated there")
    }
    return classifiers
  }

  /// The part of a head that is a layer of embeddings; without weights where it has none.
  ///
  /// - Throws: `ModelError.incomplete`.
  package func finalLayer(_ answering: Answering) throws -> FinalLayer {
    let classifiers = try classifiers()
    return answering == .all ? classifiers.generalized : classifiers.unseenOnly
  }
}

// MARK: - Loading

extension TrainedModel {
  /// Loads the model of a run.
  ///
  /// - Parameter precision: of the products; nil: what the run was trained and evaluated with.
  /// - Returns: the model, and a warning for each damaged checkpoint that was passed over.
  /// - Throws: `ModelError`, `CheckpointError`, `StorageError`; what `ProductPrecision.requireSupport` throws.
  package static func load(
    run: String, _ choice: CheckpointChoice, precision: ProductPrecision? = nil
  ) throws -> (model: TrainedModel, warnings: [String]) {
    let (checkpoint, warnings) = try choice.load(run: run)
    return (try TrainedModel(checkpoint, precision: precision), warnings)
  }

  /// - Parameters:
  ///   - checkpoint: loaded with `CheckpointChoice.filesForUse` at least.
  ///   - precision: as for `load`.
  /// - Throws: `ModelError`, `CheckpointError.damaged`; what `ProductPrecision.requireSupport` throws.
  package init(_ checkpoint: LoadedCheckpoint, precision: ProductPrecision? = nil) throws {
    guard let classes = checkpoint[.classes] else {
      throw ModelError.incomplete(
        path: checkpoint.path, lacks: "classes: it was saved by a version that did not keep them")
    }
    let precision = precision ?? checkpoint.state["--precision"].flatMap(ProductPrecision.init(rawValue:)) ?? .float32
    try precision.requireSupport()
    do {
      let network = HybridModel(
        sizes: try ModelSizes(of: checkpoint.model), context: ProductContext(precision: precision))
      try network.restore(from: checkpoint.model)
      let data = try ClassesFile(classes)
      let classifier = try checkpoint[.classifier].map(ClassifierFile.init)
      guard network.sizes.feature == data.scaling.featureSize,
        network.sizes.attribute == data.classes.attributeSize
      else { throw ModelError.damaged(path: classes.path, reason: "its features or descriptors are not the model's") }
      if let layer = classifier?.classifiers.generalized {
        let widths = [HeadTerm.Input.features: network.sizes.feature, .embedding: network.sizes.classifierInput]
        guard layer.classCount == data.classes.count, layer.weight.columnCount == network.sizes.classifierInput,
          classifier?.classifiers.terms.allSatisfy({ $0.inputSize == widths[$0.input] }) ?? true
        else {
          throw ModelError.damaged(path: checkpoint.path, reason: "its classifier is of another model or other classes")
        }
      }
      self.init(
        path: checkpoint.path, iteration: checkpoint.iteration, network: network, data: data, classifier: classifier)
    } catch let error as SafetensorsError {
      throw CheckpointError.damaged(path: error.path, reason: "\(error.problem)")
    }
  }
}
