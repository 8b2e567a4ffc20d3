// One iteration with every input fixed, from a safetensors file; B rows, X feature, A descriptor, E noise, S classes.
import Collectives
import Files
import Kernels
import Matrices
import Networks
import Optimizers

/// A parity case cannot be used.
package struct ParityCaseError: ReportableError {
  package let path: String
  package let reason: String
  package var exitStatus: ExitStatus { .badData }
  package var description: String { "\(path): \(reason). A parity case holds what 'cegzsl parity --help' lists." }
}

/// A fixed iteration: parameters, descriptors, and for each step its rows, labels and draws.
package struct ParityCase: Sendable {
  package let file: SafetensorsFile
  package let sizes: ModelSizes
  package let criticIterations: Int
  package let batchSize: Int

  /// - Throws: `SafetensorsError`, or `ParityCaseError` for a file that is no case.
  package init(path: String) throws {
    let file = try SafetensorsFile(path: path)
    func shape(_ name: String) throws -> [Int] {
      let shape = try file.tensor(name).shape
      guard shape.count == 2, shape.allSatisfy({ $0 > 0 }) else {
        throw ParityCaseError(path: path, reason: "tensor '\(name)' has shape \(shape), not two positive sizes")
      }
      return shape
    }
    func rows(_ layer: String) throws -> Int { try shape("parameters/\(layer).weight")[0] }
    let features = try shape("critic/0/features")
    sizes = ModelSizes(
      feature: features[1], attribute: try shape("attributes")[1], noise: try shape("critic/0/noise")[1],
      generatorWidth: try rows("generator.fc1"), criticWidth: try rows("critic.fc1"),
      embedding: try rows("embedding.fc"), projection: try rows("projection.fc"),
      comparatorWidth: try rows("comparator.fc1"))
    batchSize = features[0]
    criticIterations = Int(try Self.number("critic_iterations", file))
    self.file = file
    guard criticIterations >= 1 else {
      throw ParityCaseError(path: path, reason: "critic_iterations is \(criticIterations)")
    }
  }

  private static func number(_ name: String, _ file: SafetensorsFile) throws -> Double {
    guard let text = file.metadata[name], let value = Double(text), value.isFinite else {
      throw ParityCaseError(path: file.path, reason: "its metadata has no number '\(name)'")
    }
    return value
  }

  private func settings() throws -> (loss: LossSettings, optimizer: Adam, learningRate: Double) {
    var loss = Configuration().lossSettings
    loss.gradientPenaltyWeight = Float(try Self.number("gradient_penalty_weight", file))
    loss.instanceTemperature = Float(try Self.number("instance_temperature", file))
    loss.classTemperature = Float(try Self.number("class_temperature", file))
    loss.instanceWeight = Float(try Self.number("instance_weight", file))
    loss.classWeight = Float(try Self.number("class_weight", file))
    let adam = Adam(
      beta1: try Self.number("beta1", file), beta2: try Self.number("beta2", file),
      epsilon: try Self.number("epsilon", file))
    return (loss, adam, try Self.number("learning_rate", file))
  }

  /// Runs the iteration on all ranks and returns every tensor that a case can expect, named without its prefix
  /// ("critic/0/losses", "parameters/generator.fc1.weight", …): the same on every rank.
  ///
  /// - Parameters:
  ///   - microBatchSize: most rows of a micro-batch; nil: the batch is not cut unless it is huge.
  ///   - mostRowsAhead: see `FakesAhead`.
  /// - Throws: `SafetensorsError`, `ParityCaseError`, `NonFiniteError`, `CollectiveError`.
  package func run(
    _ communicator: any Communicator, microBatchSize: Int? = nil, mostRowsAhead: Int = FakesAhead.enoughRows
  ) throws -> [Tensor] {
    let (loss, optimizer, rate) = try settings()
    let model = try HybridModel(sizes: sizes, context: ProductContext(), memory: communicator.hostStorage)
    // Ranks of a host share the parameters; all wait for each other before the first step.
    for arena in model.arenas where communicator.isFirstOfHost {
      for shape in arena.shapes {
        let given = try file.matrix("parameters/" + shape.name, shape: shape.fileShape)
        arena.value(shape.name).copy(from: given.reshaped(rows: shape.rowCount, columns: shape.columnCount))
      }
    }
    var options = StepOptions(criticIterations: criticIterations)
    options.optimizer = optimizer
    options.groupRows = microBatchSize
    options.mostRowsAhead = mostRowsAhead
    let step = try HybridStep(
      model: model, descriptors: try file.matrix("attributes"), settings: loss, tree: BatchTree(rowCount: batchSize),
      options: options, communicator: communicator)
    var results: [Tensor] = []
    let inputs = FixedInputs(parityCase: self)
    let (_, losses) = try step.iteration(
      inputs, criticIterations: criticIterations, learningRate: rate, place: file.path
    ) { k, losses in
      let values = [losses.wasserstein, losses.penalty, losses.instance, losses.class, losses.total]
      results.append(Tensor(name: "critic/\(k)/losses", shape: [5], data: .float64(values)))
      results += tensors(
        "critic/\(k)/gradients/", try step.wholeGradients(ofGenerator: false).map { ($0.shape, $0.gradient) })
    }
    let values = [losses.adversarial, losses.instance, losses.class, losses.total]
    results.append(Tensor(name: "generator/losses", shape: [4], data: .float64(values)))
    results += tensors(
      "generator/gradients/", try step.wholeGradients(ofGenerator: true).map { ($0.shape, $0.gradient) })
    try step.waitForParameters()
    for arena in model.arenas {
      results += tensors("parameters/", arena.shapes.map { ($0, arena.value($0.name)) })
    }
    return results
  }

  private func tensors(_ prefix: String, _ matrices: [(ParameterShape, Matrix)]) -> [Tensor] {
    matrices.map { shape, matrix in
      Tensor(name: prefix + shape.name, shape: shape.fileShape, data: .matrix(matrix.copied()))
    }
  }

  private func labels(_ k: Int) throws -> [Int] {
    let name = "critic/\(k)/labels"
    let tensor = try file.tensor(name)
    let classes = try file.tensor("attributes").shape[0]
    guard case .int64(let values) = tensor.data, values.count == batchSize else {
      throw ParityCaseError(path: file.path, reason: "tensor '\(name)' is not \(batchSize) int64 labels")
    }
    for (row, value) in values.enumerated() where value < 0 || value >= classes {
      throw ParityCaseError(
        path: file.path, reason: "label \(value) in row \(row) of '\(name)' is outside 0..<\(classes)")
    }
    return values.map(Int.init)
  }
}

extension ParityCase {
  /// The inputs as the file has them.
  private struct FixedInputs: IterationInputs {
    let parityCase: ParityCase

    func batch(_ k: Int) throws -> Batch { Batch(labels: try parityCase.labels(k)) }

    func fillFeatures(_ x: Matrix, _ k: Int, rows: Range<Int>) throws {
      try fill(x, "critic/\(k)/features", x.columnCount, rows)
    }

    func fillNoise(_ noise: Matrix, _ k: Int, rows: Range<Int>) throws {
      try fill(noise, "critic/\(k)/noise", noise.columnCount, rows)
    }

    func fillGeneratorNoise(_ noise: Matrix, rows: Range<Int>) throws {
      try fill(noise, "generator/noise", noise.columnCount, rows)
    }

    func fillInterpolation(_ alpha: Matrix, _ k: Int, rows: Range<Int>) throws {
      try fill(alpha.reshaped(rows: rows.count, columns: 1), "critic/\(k)/alpha", 1, rows)
    }

    private func fill(_ matrix: Matrix, _ name: String, _ columns: Int, _ rows: Range<Int>) throws {
      matrix.copy(from: try parityCase.file.matrix(name, shape: [parityCase.batchSize, columns]).rows(rows))
    }
  }
}
