// What the networks make of the classes' descriptors, the same for all rows: S seen classes, D, G and K units of the critic's, the
// generator's and the comparator's first layer. Each rank makes the columns of its own units, when they have moved; those of the others
// arrive with their parameters.
import Collectives
import Kernels
import Matrices
import Networks

/// In memory that the ranks of a host share.
struct ClassTerms {
  /// S×D and S×G: W_a·a + b₁ of the critic and of the generator.
  let criticBase: Matrix
  let generatorBase: Matrix
  let comparator: ComparatorClasses
  /// The same by the layers whose units their columns are.
  let byLayer: [String: Matrix]

  /// - Throws: `SharedMemoryError`, `CollectiveError`.
  init(model: HybridModel, classCount: Int, communicator: any Communicator) throws {
    let sizes = model.sizes
    func shared(_ columns: Int) throws -> Matrix {
      // As `paddedMatrix` has it; the others may have it as well.
      let padded = (columns + 31) / 32 * 32
      let stride = padded % 1024 == 0 ? padded + 32 : padded
      return Matrix(
        storage: try communicator.hostStorage(count: classCount * stride), offset: 0, rowCount: classCount,
        columnCount: columns, rowStride: stride)
    }
    criticBase = try shared(sizes.criticWidth)
    generatorBase = try shared(sizes.generatorWidth)
    comparator = ComparatorClasses(v: try shared(sizes.comparatorWidth), classCount: classCount, sizes: sizes)
    var byLayer = [model.critic.first.name: criticBase, model.generator.first.name: generatorBase]
    if let layer = model.comparator?.first.name { byLayer[layer] = comparator.v }
    self.byLayer = byLayer
  }
}

extension HybridStep {
  /// The terms of this rank's units of a layer, which have moved; nothing where the layer sees no descriptors.
  func makeClassTerms(_ layer: SummedLayer) {
    let units = layer.units(rank: communicator.rank, rankCount: communicator.rankCount)
    if layer.name == model.critic.first.name {
      model.critic.classBase(into: classes.criticBase, units: units, descriptors: descriptors)
    } else if layer.name == model.generator.first.name {
      model.generator.classBase(into: classes.generatorBase, units: units, descriptors: descriptors)
    } else if layer.name == model.comparator?.first.name {
      model.comparator?.classTerm(into: classes.comparator.v, units: units, descriptors: descriptors)
    }
  }

  /// All terms, where parameters have been set by others than the updates. Every rank calls it at the beginning of a step.
  ///
  /// - Throws: `CollectiveError`.
  func prepareClassTerms() throws {
    guard !hasClassTerms else { return }
    hasClassTerms = true
    for values in [criticValues, generatorValues] {
      for (number, layer) in values.layers.enumerated() where classes.byLayer[layer.name] != nil {
        makeClassTerms(layer)
        try values.begin(number)
      }
    }
  }
}
