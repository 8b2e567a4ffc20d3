// `model.safetensors`: every parameter under its PyTorch name and shape.
import Files
import Matrices
import Networks

extension HybridModel {
  /// Every parameter.
  private var parameters: [(shape: ParameterShape, value: Matrix)] {
    arenas.flatMap { arena in arena.shapes.map { ($0, arena.value($0.name)) } }
  }

  /// Every parameter under its PyTorch name and shape.
  package var tensors: [Tensor] {
    parameters.map { Tensor(name: $0.shape.name, shape: $0.shape.fileShape, data: .matrix($0.value)) }
  }

  /// Puts a file's parameters in place.
  ///
  /// - Throws: `SafetensorsError` for a parameter that is missing or of another shape.
  package func restore(from file: SafetensorsFile) throws {
    for (shape, value) in parameters { value.copy(from: try file.matrix(shape.name, shape: shape)) }
  }
}

extension SafetensorsFile {
  /// A tensor that has the shape of a parameter.
  ///
  /// - Throws: `SafetensorsError`.
  package func matrix(_ name: String, shape: ParameterShape) throws -> Matrix {
    try matrix(name, shape: shape.fileShape).reshaped(rows: shape.rowCount, columns: shape.columnCount)
  }
}

extension ModelSizes {
  /// The sizes of a model whose parameters a file holds: the shapes tell all of them, and the tensors that are there its kind.
  ///
  /// - Throws: `SafetensorsError` for a parameter that every model has and the file lacks, `ModelError.damaged` for shapes that cannot be;
  ///   whether the others fit, `restore` finds out.
  package init(of file: SafetensorsFile) throws {
    func shape(_ name: String) throws -> (outputs: Int, inputs: Int) {
      let tensor = try file.tensor(name + ".weight")
      guard tensor.shape.count == 2, tensor.shape.allSatisfy({ $0 > 0 }) else {
        throw ModelError.damaged(
          path: file.path, reason: "\(tensor.name) has the shape \(tensor.shape), and is no layer's")
      }
      return (tensor.shape[0], tensor.shape[1])
    }
    func optional(_ name: String) throws -> (outputs: Int, inputs: Int)? {
      file.contains(name + ".weight") ? try shape(name) : nil
    }
    let (generator, output) = (try shape("generator.fc1"), try shape("generator.fc2"))
    let critic = try shape("critic.fc1")
    let (embedding, projection) = (try optional("embedding.fc"), try optional("projection.fc"))
    let comparator = try optional("comparator.fc1")
    let kind: EmbeddingKind =
      switch (embedding != nil, projection != nil, comparator != nil) {
      case (_, true, true): .contrastive
      case (_, true, false): .instance
      case (_, false, true): .class
      case (true, false, false): .semantic
      case (false, false, false): .none
      }
    let attribute = critic.inputs - output.outputs
    guard attribute > 0, generator.inputs > attribute else {
      throw ModelError.damaged(
        path: file.path, reason: "the layers of generator and critic are not of one width of features and descriptors")
    }
    self.init(
      feature: output.outputs, attribute: attribute, noise: generator.inputs - attribute,
      generatorWidth: generator.outputs, criticWidth: critic.outputs, embedding: embedding?.outputs ?? 1,
      projection: projection?.outputs ?? 1, comparatorWidth: comparator?.outputs ?? 1, kind: kind)
  }
}
