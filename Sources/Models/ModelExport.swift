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
  private let head: Head?
  private let answering: Answering
  private let programVersion: String

  /// What answers: one layer of embeddings, and terms that are added to its scores.
  private struct Head {
    let layer: FinalLayer
    let terms: [HeadTerm]
  }

  /// - Parameters:
  ///   - answering: the classifier's classes.
  ///   - programVersion: for the metadata.
  /// - Throws: `ModelError.incomplete` for the classifier of a model that has none.
  package init(_ model: TrainedModel, _ part: ModelPart, answering: Answering, programVersion: String) throws {
    self.model = model
    self.part = part
    self.answering = answering
    self.programVersion = programVersion
    head =
      part == .classifier
      ? try Head(layer: model.finalLayer(answering), terms: model.classifiers().terms) : nil
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
    if let head {
      result += [
        ("answers", .text(answering.rawValue)), ("candidates", names(head.layer.candidates)),
        ("head", .text((try? model.classifiers().constants.head.rawValue) ?? "softmax")),
      ]
      if let gamma = model.gamma { result.append(("gamma", .text("\(gamma)"))) }
    }
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
    if let head {
      result.append(Tensor(name: "softmax.weight", matrix: head.layer.weight))
      result.append(Tensor(name: "softmax.bias", matrix: head.layer.bias, shape: [head.layer.classCount]))
      for term in head.terms {
        result += term.tensors
        result.append(Tensor(name: "\(term.part.rawValue).weight", shape: [1], floats: [term.weight]))
      }
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
    graph.addNode("Div", ["ranged", "scaler.maximum"], output: "scaled")
    // A model without an embedding classifies scaled features.
    var embeddings = "scaled"
    if let embedding = model.network.embedding {
      embeddings = "embeddings"
      let sums = embedding.isHidden ? "embedding.sums" : embeddings
      graph.addLinear(
        "scaled", weight: embedding.layer.weight, bias: embedding.layer.bias, name: "embedding.fc", output: sums)
      if embedding.isHidden { graph.addNode("Relu", [sums], output: embeddings) }
    } else if head == nil {
      embeddings = "embeddings"
      graph.addNode("Identity", ["scaled"], output: embeddings)
    }
    guard let head else { return graph.addOutput(ONNXModel.Value("embeddings", columnCount: model.embeddingSize)) }
    add(head, to: &graph, embeddings: embeddings)
  }

  /// Scores and probabilities from "scaled" features and embeddings.
  private func add(_ head: Head, to graph: inout ONNXModel, embeddings: String) {
    // Every summand's scores have a name; the last one's sum is "logits".
    func sum(_ place: Int) -> String { place == head.terms.count ? "logits" : "scores.\(place)" }
    graph.addLinear(embeddings, weight: head.layer.weight, bias: head.layer.bias, name: "softmax", output: sum(0))
    for (place, term) in head.terms.enumerated() {
      let name = term.part.rawValue
      term.addScores(to: &graph, input: term.input == .features ? "scaled" : embeddings)
      graph.addWeight("\(name).weight", Matrix(rows: 1, columns: 1, elements: [term.weight]), isVector: true)
      graph.addNode("Mul", ["\(name).alone", "\(name).weight"], output: "\(name).scores")
      graph.addNode("Add", [sum(place), "\(name).scores"], output: sum(place + 1))
    }
    graph.addNode("Softmax", ["logits"], output: "probabilities", attributes: [("axis", .int(1))])
    graph.addOutput(ONNXModel.Value("logits", columnCount: head.layer.classCount))
    graph.addOutput(ONNXModel.Value("probabilities", columnCount: head.layer.classCount))
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

extension HeadTerm {
  /// Its arrays, as a checkpoint has them, without the weight.
  var tensors: [Tensor] {
    let name = part.rawValue
    return [
      Tensor(name: name + ".mean", matrix: mean, shape: [inputSize]),
      Tensor(name: name + ".deviation", matrix: deviation, shape: [inputSize]),
      Tensor(name: name + ".targets", matrix: targets),
    ] + (map.map { [Tensor(name: name + ".map", matrix: $0)] } ?? [])
      + (bias.map { [Tensor(name: name + ".bias", matrix: $0, shape: [targets.rowCount])] } ?? [])
  }

  /// NAME.alone [rows, C] of the input [rows, I], as `scores(into:)` computes them.
  fileprivate func addScores(to graph: inout ONNXModel, input: String) {
    let name = part.rawValue
    graph.addWeight(name + ".mean", mean, isVector: true)
    graph.addWeight(name + ".deviation", deviation, isVector: true)
    graph.addNode("Sub", [input, name + ".mean"], output: name + ".centred")
    var compared = name + ".standardised"
    graph.addNode("Div", [name + ".centred", name + ".deviation"], output: compared)
    if let map {
      graph.addWeight(name + ".map", map)
      graph.addNode("MatMul", [compared, name + ".map"], output: name + ".mapped")
      compared = name + ".mapped"
    }
    if let bias {
      return graph.addLinear(compared, weight: targets, bias: bias, name: name + ".targets", output: name + ".alone")
    }
    // A row of zeros has the cosine 0 with everything.
    graph.addNode(
      "ReduceL2", [compared], output: name + ".norms", attributes: [("axes", .ints([1])), ("keepdims", .int(1))])
    graph.addWeight(name + ".least", Matrix(rows: 1, columns: 1, elements: [1e-12]), isVector: true)
    graph.addNode("Max", [name + ".norms", name + ".least"], output: name + ".divisors")
    graph.addNode("Div", [compared, name + ".divisors"], output: name + ".directions")
    let none = Matrix(rows: 1, columns: targets.rowCount)
    none.fill(0)
    graph.addLinear(
      name + ".directions", weight: targets, bias: none, name: name + ".targets", output: name + ".alone")
  }
}
