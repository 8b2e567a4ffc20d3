// The program's step from a world of the oracle, and what comes of it.
import Collectives
import Kernels
import Matrices
import Networks
import TestSupport
import Training

/// The gradients of a step's last half, by name.
func gradients(_ step: HybridStep, ofGenerator: Bool) throws -> [String: Matrix] {
  Dictionary(
    uniqueKeysWithValues: try step.wholeGradients(ofGenerator: ofGenerator).map { ($0.shape.name, $0.gradient) })
}

/// The program's step with the parameters and settings of a world.
///
/// - Throws: `SharedMemoryError`, `CollectiveError`.
func makeStep(
  _ world: ReferenceWorld, communicator: any Communicator, kind: EmbeddingKind = .contrastive,
  precision: ProductPrecision = .float32, accumulatesComparatorGradient: Bool = false,
  options: StepOptions = StepOptions(criticIterations: 1)
) throws -> HybridStep {
  let sizes = ModelSizes(
    feature: world.x, attribute: world.a, noise: world.z, generatorWidth: world.g, criticWidth: world.d,
    embedding: world.h, projection: world.p, comparatorWidth: world.f, kind: kind)
  let model = try HybridModel(
    sizes: sizes, context: ProductContext(precision: precision), memory: communicator.hostStorage)
  for arena in model.arenas where communicator.isFirstOfHost {
    for shape in arena.shapes {
      let elements = (world.parameters[shape.name] ?? []).map { Float($0) }
      arena.value(shape.name).copy(from: Matrix(rows: shape.rowCount, columns: shape.columnCount, elements: elements))
    }
  }
  var settings = Configuration().lossSettings
  settings.gradientPenaltyWeight = Float(world.penaltyWeight)
  settings.instanceTemperature = Float(world.instanceTemperature)
  settings.classTemperature = Float(world.classTemperature)
  settings.instanceWeight = Float(world.instanceWeight)
  settings.classWeight = Float(world.classWeight)
  settings.semanticMargin = Float(world.margin)
  settings.accumulatesComparatorGradient = accumulatesComparatorGradient
  return try HybridStep(
    model: model, descriptors: matrix(world.descriptors), settings: settings, tree: BatchTree(rowCount: world.b),
    options: options, communicator: communicator)
}

/// The inputs of a world's one critic step and of its generator step.
struct WorldInputs: IterationInputs {
  let world: ReferenceWorld

  func batch(_ k: Int) -> Batch { Batch(labels: world.labels, negatives: world.negatives) }
  func fillFeatures(_ x: Matrix, _ k: Int, rows: Range<Int>) { x.copy(from: matrix(Array(world.features[rows]))) }
  func fillNoise(_ noise: Matrix, _ k: Int, rows: Range<Int>) { noise.copy(from: matrix(Array(world.noise[rows]))) }
  func fillInterpolation(_ alpha: Matrix, _ k: Int, rows: Range<Int>) {
    alpha.copy(from: matrix([Array(world.alpha[rows])]))
  }
  func fillGeneratorNoise(_ noise: Matrix, rows: Range<Int>) { noise.copy(from: matrix(Array(world.noise[rows]))) }
}
