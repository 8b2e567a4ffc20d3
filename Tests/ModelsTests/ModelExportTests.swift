import Collectives
import Datasets
import Evaluation
import Foundation
import Kernels
import Matrices
import Models
import Networks
import TestSupport
import Testing

@testable import Files

/// Exported graphs, computed by their nodes in Double, say what the model says. (That other programs take the bytes: `launch/interop`.)
@Suite struct ModelExportTests: SmallModels {
  let source = RandomSource(seed: 4)
  let featureSize = 11
  let attributeSize = 3
  let embeddingSize = 7
  let names = ["ä", "b\"", "=c", "d,", "e"]
  let roles: [ClassTable.Role] = [.seen, .unseen, .seen, .unused, .unseen]

  private func model(_ kind: EmbeddingKind) -> TrainedModel {
    let network = network(kind)
    // Biases begin at zero, where one that is left out would not be noticed.
    for tensor in network.tensors where tensor.name.hasSuffix(".bias") {
      if case .matrix(let bias) = tensor.data { fillNormal(bias, source, .synthesis, step: 8, firstRow: 0) }
    }
    let classifier = ClassifierFile(
      classifiers: FinalClassifiers(
        generalized: layer(network, [0, 1, 2, 4], step: 3), unseenOnly: layer(network, [1, 4], step: 4), epoch: 1),
      figures: nil, maker: .init(programVersion: "1", iteration: 7, epoch: 1, datasetDigest: "d", options: [:]))
    return TrainedModel(path: "", iteration: 7, network: network, data: data(), classifier: classifier)
  }

  // MARK: The operators that are used, by definition

  private typealias Table = [[Double]]

  private func table(_ matrix: Matrix) -> Table {
    (0..<matrix.rowCount).map { r in (0..<matrix.columnCount).map { Double(matrix[r, $0]) } }
  }

  /// Of two tables; one with a single row, or value, stands for as many as the other has.
  private func pairwise(_ a: Table, _ b: Table, _ body: (Double, Double) -> Double) -> Table {
    a.indices.map { r in
      a[r].indices.map { c in
        let row = b[b.count == 1 ? 0 : r]
        return body(a[r][c], row[row.count == 1 ? 0 : c])
      }
    }
  }

  private func softmax(_ row: [Double]) -> [Double] {
    let powers = row.map { exp($0 - (row.max() ?? 0)) }
    return powers.map { $0 / powers.reduce(0, +) }
  }

  private func apply(_ node: ONNXModel.Node, _ x: [Table]) throws -> Table {
    switch node.type {
    case "Sub": return pairwise(x[0], x[1], -)
    case "Div": return pairwise(x[0], x[1], /)
    case "Mul": return pairwise(x[0], x[1], *)
    case "Add": return pairwise(x[0], x[1], +)
    case "Identity": return x[0]
    case "Max": return pairwise(x[0], x[1], max)
    case "MatMul":
      return x[0].map { row in x[1][0].indices.map { k in zip(row, x[1]).reduce(0) { $0 + $1.0 * $1.1[k] } } }
    case "ReduceL2":
      #expect(node.attributes.map(\.name) == ["axes", "keepdims"])
      return x[0].map { [$0.reduce(0) { $0 + $1 * $1 }.squareRoot()] }
    case "Relu": return x[0].map { $0.map { max($0, 0) } }
    case "LeakyRelu":
      guard case .float(let alpha)? = node.attributes.first?.value else { break }
      return x[0].map { $0.map { $0 > 0 ? $0 : Double(alpha) * $0 } }
    case "Softmax": return x[0].map(softmax)
    case "Concat": return zip(x[0], x[1]).map { $0 + $1 }
    case "Gemm":
      return x[0].map { row in x[1].indices.map { u in zip(row, x[1][u]).reduce(x[2][0][u]) { $0 + $1.0 * $1.1 } } }
    default: break
    }
    throw CocoaError(.featureUnsupported)
  }

  private func outputs(_ graph: ONNXModel, _ inputs: [String: Matrix]) throws -> [String: Table] {
    #expect(Set(graph.inputs.map(\.name)) == Set(inputs.keys))
    var values = inputs.mapValues(table)
    for weight in graph.weights { values[weight.name] = table(weight.matrix) }
    for node in graph.nodes { values[node.output] = try apply(node, node.inputs.map { try #require(values[$0]) }) }
    return try Dictionary(uniqueKeysWithValues: graph.outputs.map { ($0.name, try #require(values[$0.name])) })
  }

  private func expectEqual(_ table: Table?, _ matrix: Matrix, _ tolerance: Double = 1e-5) throws {
    let table = try #require(table)
    #expect(table.count == matrix.rowCount && matrix.elements.contains { $0 != 0 })
    for r in table.indices {
      for c in table[r].indices {
        let (a, b) = (table[r][c], Double(matrix[r, c]))
        #expect(a == b || abs(a - b) < tolerance * max(1, abs(b)), "row \(r), column \(c): \(a), not \(b)")
      }
    }
  }

  @Test(arguments: EmbeddingKind.allCases, Answering.allCases)
  func graphsSayWhatTheModelSays(_ kind: EmbeddingKind, _ answering: Answering) throws {
    let model = model(kind)
    func graph(_ part: ModelPart) throws -> ONNXModel {
      try ModelExport(model, part, answering: answering, programVersion: "1").onnx
    }
    let x = noise(20, featureSize, step: 5)
    let rows = ClassifiedRows(of: model, rowCount: 20)
    try model.classify(x, answering: answering, into: rows)
    let (h, scores) = (rows.embeddings, rows.scores)
    try expectEqual(try outputs(try graph(.embedding), ["features": x])["embeddings"], h)
    let classified = try outputs(try graph(.classifier), ["features": x])
    try expectEqual(classified["logits"], scores)
    softmaxRows(scores)
    try expectEqual(classified["probabilities"], scores)

    let (noise, labels) = (noise(10, 4, step: 6), (0..<10).map { $0 % 5 })
    let descriptors = Matrix(rows: 10, columns: attributeSize)
    gatherRows(descriptors, from: model.classes.descriptors, labels[...])
    let features = Matrix(rows: 10, columns: featureSize)
    model.network.generate(
      into: features, noise: noise, base: model.network.generatorBase(model.classes.descriptors), labels: labels)
    model.data.scaling.unscale(features)
    try expectEqual(
      try outputs(try graph(.generator), ["noise": noise, "descriptors": descriptors])["features"], features)
  }

  /// Cosines of features and of embeddings, mapped or not, and Gaussian classes; one row has no direction.
  @Test(arguments: [EmbeddingKind.contrastive, .none], Answering.allCases)
  func headsOfSeveralPartsSayWhatTheModelSays(_ kind: EmbeddingKind, _ answering: Answering) throws {
    let (plain, x) = (model(kind), noise(20, featureSize, step: 5))
    let own = try plain.classifiers()
    // Scaled, it is zero.
    x.rows(0..<1).copy(from: plain.data.scaling.minimum)
    func term(_ part: HeadPart, _ mean: Matrix, width: Int?, weight: Float, step: Int) -> HeadTerm {
      let deviation = Matrix(rows: 1, columns: mean.columnCount)
      for i in 0..<mean.columnCount { deviation[0, i] = 0.5 + Float(i) / 10 }
      let targets = noise(classCount, width ?? mean.columnCount, step: step)
      normaliseRows(targets, norms: Matrix(rows: 1, columns: classCount))
      return HeadTerm(
        part, standardisation: (mean, deviation), map: width.map { noise(mean.columnCount, $0, step: step + 1) },
        targets: targets, weight: weight)
    }
    let gaussian = term(.gaussianFeatures, noise(1, featureSize, step: 25), width: nil, weight: 1.5, step: 26)
    let terms = [
      term(.ridgeFeatures, Matrix(rows: 1, columns: featureSize), width: 3, weight: 0.7, step: 20),
      term(.prototype, noise(1, plain.embeddingSize, step: 22), width: nil, weight: 2, step: 23),
      HeadTerm(
        .gaussianFeatures, standardisation: (gaussian.mean, gaussian.deviation), targets: gaussian.targets,
        comparison: .linear(bias: noise(1, classCount, step: 28)), weight: gaussian.weight),
    ]
    let model = TrainedModel(
      path: "", iteration: 7, network: plain.network, data: plain.data,
      classifier: ClassifierFile(
        classifiers: FinalClassifiers(
          generalized: own.generalized, unseenOnly: own.unseenOnly, epoch: 1, terms: terms,
          constants: HeadConstants(
            head: .stacked,
            parts: [.init(.softmax), .init(.ridgeFeatures), .init(.prototype), .init(.gaussianFeatures)], gamma: 0.25)),
        figures: nil, maker: try #require(plain.classifier).maker))
    let rows = ClassifiedRows(of: model, rowCount: 20)
    try model.classify(x, answering: answering, into: rows)
    let export = try ModelExport(model, .classifier, answering: answering, programVersion: "1")
    let found = try outputs(export.onnx, ["features": x])
    try expectEqual(found["logits"], rows.scores)
    softmaxRows(rows.scores)
    try expectEqual(found["probabilities"], rows.scores)
    let names = Set(export.tensors.map(\.name))
    #expect(
      names.isSuperset(of: [
        "ridge_features.mean", "ridge_features.deviation", "ridge_features.map", "ridge_features.targets",
        "ridge_features.weight", "prototype.targets", "prototype.weight", "softmax.weight",
        "gaussian_features.bias",
      ]) && !names.contains("prototype.map"))
    let metadata = Dictionary(uniqueKeysWithValues: export.metadata.map { ($0.key, $0.value) })
    #expect(metadata["head"] == "stacked" && metadata["gamma"] == "0.25")
  }

  @Test func namesAndArraysGoWithIt() throws {
    let model = model(.contrastive)
    let export = try ModelExport(model, .classifier, answering: .unseen, programVersion: "1")
    let metadata = Dictionary(uniqueKeysWithValues: export.metadata.map { ($0.key, $0.value) })
    #expect(metadata["class_names"] == #"["ä","b\"","=c","d,","e"]"# && metadata["candidates"] == #"["b\"","e"]"#)
    let names = export.numpyArrays.map(\.name)
    #expect(
      Set(names).isSuperset(of: [
        "scaler.minimum", "scaler.range", "scaler.maximum", "embedding.fc.weight", "softmax.weight", "softmax.bias",
        "descriptors", "class_names",
      ]))
    #expect(!names.contains { $0.hasPrefix("generator") || $0.hasPrefix("critic") })
    let bare = TrainedModel(path: "p", iteration: 7, network: model.network, data: model.data, classifier: nil)
    _ = try ModelExport(bare, .embedding, answering: .all, programVersion: "1")
    #expect(throws: ModelError.self) { try ModelExport(bare, .classifier, answering: .all, programVersion: "1") }
  }
}
