// Parts of a trained model for other programs: one ONNX graph, or its arrays. X feature, A descriptor, E noise, H embedding, C classes.
import Evaluation
import Files
import Kernels
import Matrices

/// What of a model is exported.
package enum ModelPart: String, Sendable, CaseIterable {
  /// Raw features to scores and probabilities of classes: scaler, E, softmax.
  case classifier
  /// Raw features to embeddings: scaler, E.
  case embedding
  /// Noise and descriptor to raw features: G, scaler.
  case generator
}

/// A part of a model with all numbers that computing it takes.
package struct ModelExport {
  private let model: TrainedModel
  private let part: ModelPart
  private let layer: FinalLayer?
  private let answering: Answering
  private let programVersion: String

  /// - Parameters:
  ///   - answering: the classifier's classes.
  ///   - programVersion: for the metadata.
  /// - Throws: `ModelError.incomplete` for the classifier of a model that has none.
  package init(_ model: TrainedModel, _ part: ModelPart, answering: Answering, programVersion: String) throws {
    self.model = model
    self.part = part
    self.answering = answering
    self.programVersion = programVersion
    layer = part == .classifier ? try model.layer(answering) : nil
  }

  // MARK: Texts

  /// What every format keeps beside the arrays: a text, or names of classes in the data set's order, of which the scores are too.
  private enum Note {
    case text(String)
    case names([String])
  }

  private var notes: [(key: String, value: Note)] {
    let table = model.classes
    func names(_ numbers: [Int]) -> Note { .names(numbers.map { table.names[$0] }) }
    var result: [(key: String, value: Note)] = [
      ("program", .text("cegzsl \(programVersion)")), ("part", .text(part.rawValue)),
      ("iteration", .text("\(model.iteration)")), ("dataset_digest", .text(model.data.origin.datasetDigest)),
      ("class_names", names(Array(0..<table.count))), ("seen_classes", names(table.classes(.seen))),
      ("unseen_classes", names(table.classes(.unseen))),
    ]
    if let layer { result += [("answers", .text(answering.rawValue)), ("candidates", names(layer.candidates))] }
    return result
  }

  /// As texts; names are JSON arrays.
  package var metadata: [(key: String, value: String)] {
    notes.map { note in
      switch note.value {
      case .text(let text): (note.key, text)
      case .names(let names): (note.key, JSONValue.array(names.map(JSONValue.string)).text())
      }
    }
  }

  /// For an npz archive: the tensors, and arrays of texts.
  package var numpyArrays: [NumpyArray] {
    tensors.map { NumpyArray($0.name, shape: $0.shape, $0.data) }
      + notes.map { note in
        switch note.value {
        case .text(let text): NumpyArray(note.key, texts: [text])
        case .names(let names): NumpyArray(note.key, texts: names)
        }
      }
  }

  // MARK: Arrays

  /// The part's arrays under PyTorch's names and shapes; a feature is scaled by (x − minimum) / range / maximum.
  package var tensors: [Tensor] {
    let scaling = model.data.scaling
    var result = [
      Tensor(name: "scaler.minimum", matrix: scaling.minimum, shape: [model.featureSize]),
      Tensor(name: "scaler.range", matrix: scaling.range, shape: [model.featureSize]),
      Tensor(name: "scaler.maximum", shape: [1], floats: [scaling.maximum]),
    ]
    let prefix = part == .generator ? "generator." : "embedding."
    result += model.network.tensors.filter { $0.name.hasPrefix(prefix) }
    result.append(Tensor(name: "descriptors", matrix: model.classes.descriptors))
    if let layer {
      result.append(Tensor(name: "softmax.weight", matrix: layer.weight))
      result.append(Tensor(name: "softmax.bias", matrix: layer.bias, shape: [layer.classCount]))
    }
    return result
  }

  // MARK: ONNX

  /// - Returns: a graph from `features` [rows, X] to `logits` and `probabilities` [rows, C], or to `embeddings` [rows, H]; or from `noise`
  ///   [rows, E] and `descriptors` [rows, A] to `features` [rows, X].
  package var onnx: ONNXModel {
    var graph = ONNXModel(name: "cegzsl " + part.rawValue, programVersion: programVersion)
    for entry in metadata { graph.addMetadata(entry.key, entry.value) }
    if part == .generator { addGenerator(to: &graph) } else { addEmbedding(to: &graph) }
    return graph
  }

  private func addScaler(to graph: inout ONNXModel) {
    let scaling = model.data.scaling
    graph.addWeight("scaler.minimum", scaling.minimum, isVector: true)
    graph.addWeight("scaler.range", scaling.range, isVector: true)
    graph.addWeight("scaler.maximum", Matrix(rows: 1, columns: 1, elements: [scaling.maximum]), isVector: true)
  }

  private func addEmbedding(to graph: inout ONNXModel) {
    graph.addInput(ONNXModel.Value("features", columnCount: model.featureSize))
    addScaler(to: &graph)
    graph.addNode("Sub", ["features", "scaler.minimum"], output: "shifted")
    graph.addNode("Div", ["shifted", "scaler.range"], output: "ranged")
    // A model without an embedding classifies scaled features.
    let scaled = model.network.embedding == nil ? "embeddings" : "scaled"
    graph.addNode("Div", ["ranged", "scaler.maximum"], output: scaled)
    if let embedding = model.network.embedding {
      let sums = embedding.isHidden ? "embedding.sums" : "embeddings"
      graph.addLinear(
        scaled, weight: embedding.layer.weight, bias: embedding.layer.bias, name: "embedding.fc", output: sums)
      if embedding.isHidden { graph.addNode("Relu", [sums], output: "embeddings") }
    }
    guard let layer else { return graph.addOutput(ONNXModel.Value("embeddings", columnCount: model.embeddingSize)) }
    graph.addLinear("embeddings", weight: layer.weight, bias: layer.bias, name: "softmax", output: "logits")
    graph.addNode("Softmax", ["logits"], output: "probabilities", attributes: [("axis", .int(1))])
    graph.addOutput(ONNXModel.Value("logits", columnCount: layer.classCount))
    graph.addOutput(ONNXModel.Value("probabilities", columnCount: layer.classCount))
  }

  private func addGenerator(to graph: inout ONNXModel) {
    let (sizes, generator) = (model.network.sizes, model.network.generator)
    graph.addInput(ONNXModel.Value("noise", columnCount: sizes.noise))
    graph.addInput(ONNXModel.Value("descriptors", columnCount: sizes.attribute))
    addScaler(to: &graph)
    graph.addNode("Concat", ["noise", "descriptors"], output: "inputs", attributes: [("axis", .int(1))])
    graph.addLinear(
      "inputs", weight: generator.first.weight, bias: generator.first.bias, name: "generator.fc1", output: "hidden.sums"
    )
    graph.addNode("LeakyRelu", ["hidden.sums"], output: "hidden", attributes: [("alpha", .float(0.2))])
    graph.addLinear(
      "hidden", weight: generator.second.weight, bias: generator.second.bias, name: "generator.fc2",
      output: "output.sums")
    graph.addNode("Relu", ["output.sums"], output: "scaled")
    graph.addNode("Mul", ["scaled", "scaler.maximum"], output: "ranged")
    graph.addNode("Mul", ["ranged", "scaler.range"], output: "shifted")
    graph.addNode("Add", ["shifted", "scaler.minimum"], output: "features")
    graph.addOutput(ONNXModel.Value("features", columnCount: sizes.feature))
  }
}
