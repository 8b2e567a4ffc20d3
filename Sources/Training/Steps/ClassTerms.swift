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
  /// By the layers whose units the columns are: the matrix, and what makes the columns of some units.
  private let byLayer: [String: (matrix: Matrix, make: @Sendable (Range<Int>) -> Void)]

  /// - Parameter descriptors: S×A.
  /// - Throws: `SharedMemoryError`, `CollectiveError`.
  init(model: HybridModel, descriptors: Matrix, communicator: any Communicator) throws {
    let (sizes, classCount) = (model.sizes, descriptors.rowCount)
    func shared(_ columns: Int) throws -> Matrix {
      // As `paddedMatrix` has it; the others may have it as well.
      let padded = (columns + 31) / 32 * 32
      let stride = padded % 1024 == 0 ? padded + 32 : padded
      return Matrix(
        storage: try communicator.hostStorage(count: classCount * stride), offset: 0, rowCount: classCount,
        columnCount: columns, rowStride: stride)
    }
    let (ofCritic, ofGenerator, v) = (
      try shared(sizes.criticWidth), try shared(sizes.generatorWidth), try shared(sizes.comparatorWidth)
    )
    criticBase = ofCritic
    generatorBase = ofGenerator
    comparator = ComparatorClasses(v: v, classCount: classCount, sizes: sizes)
    let (critic, generator) = (model.critic, model.generator)
    var byLayer: [String: (matrix: Matrix, make: @Sendable (Range<Int>) -> Void)] = [
      critic.first.name: (ofCritic, { critic.classBase(into: ofCritic, units: $0, descriptors: descriptors) }),
      generator.first.name: (
        ofGenerator, { generator.classBase(into: ofGenerator, units: $0, descriptors: descriptors) }
      ),
    ]
    if let comparator = model.comparator {
      byLayer[comparator.first.name] = (v, { comparator.classTerm(into: v, units: $0, descriptors: descriptors) })
    }
    self.byLayer = byLayer
  }

  /// A column for each unit of a layer, by the layer's name.
  var matrices: [String: Matrix] { byLayer.mapValues(\.matrix) }

  /// Makes the columns of some units of a layer; returns whether it has any: others see no descriptors.
  @discardableResult
  func make(_ layer: String, units: Range<Int>) -> Bool {
    guard let term = byLayer[layer] else { return false }
    term.make(units)
    return true
  }
}

extension HybridStep {
  /// The terms of this rank's units of a layer, which have moved; returns whether it has any.
  @discardableResult
  func makeClassTerms(_ layer: SummedLayer) -> Bool {
    classes.make(layer.name, units: layer.units(rank: communicator.rank, rankCount: communicator.rankCount))
  }

  /// All terms, where parameters have been set by others than the updates; the layers' parameters travel along, as always. Every rank
  /// calls it at the beginning of a step.
  ///
  /// - Throws: `CollectiveError`.
  func prepareClassTerms() throws {
    guard !hasClassTerms else { return }
    hasClassTerms = true
    for values in [criticValues, generatorValues] {
      for (number, layer) in values.layers.enumerated() where makeClassTerms(layer) { try values.begin(number) }
    }
  }
}
