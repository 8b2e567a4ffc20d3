import Kernels
import Matrices

/// G in one arena, D + E + H + F in another: the two groups that Adam moves separately.
package struct HybridModel: Sendable {
  package let sizes: ModelSizes
  /// Of all its products, and of the losses and the evaluation that go with it.
  package let context: ProductContext
  package let generatorArena: ParameterArena
  package let criticArena: ParameterArena
  package let generator: Generator
  package let critic: Critic
  /// Absent for `EmbeddingKind.none`.
  package let embedding: Embedding?
  package let projection: Projection?
  package let comparator: Comparator?

  /// - Parameters:
  ///   - context: this replica's, for its products over the rows of a batch.
  ///   - memory: makes a storage of so many zeros for the parameters; ranks of one host may share it.
  package init(
    sizes: ModelSizes, context: ProductContext, memory: (Int) throws -> FloatStorage
  ) rethrows {
    self.sizes = sizes
    self.context = context
    generatorArena = try ParameterArena(shapes: sizes.generatorShapes, memory: memory)
    criticArena = try ParameterArena(shapes: sizes.criticGroupShapes, memory: memory)
    generator = Generator(generatorArena, sizes: sizes, context: context)
    critic = Critic(criticArena, sizes: sizes, context: context)
    embedding =
      sizes.kind == .none ? nil : Embedding(criticArena, isHidden: sizes.kind.hasHiddenEmbedding, context: context)
    projection = sizes.kind.hasProjection ? Projection(criticArena, context: context) : nil
    comparator = sizes.kind.hasComparator ? Comparator(criticArena, sizes: sizes, context: context) : nil
  }

  package init(sizes: ModelSizes, context: ProductContext) {
    self.init(sizes: sizes, context: context) { FloatStorage(count: $0) }
  }

  package var arenas: [ParameterArena] { [generatorArena, criticArena] }

  /// The layers of D, E, H, F in the order in which their sums are made: the smallest last, since nothing hides its way, and E's, which
  /// the next step needs first, before.
  package var criticGroupLayers: [SummedLayer] {
    critic.summed + (embedding.map { [$0.layer.summed] } ?? []) + (comparator?.summed ?? [])
      + (projection.map { [$0.layer.summed] } ?? [])
  }

  /// Weights ~ N(0, 0.02²), biases zero; a weight depends on the seed, its parameter's name and place only.
  package func initialise(_ source: RandomSource) {
    for arena in arenas {
      for shape in arena.shapes {
        let view = arena.value(shape.name)
        if shape.isVector {
          view.fill(0)
        } else {
          fillNormal(view, source, .weights, step: Int(nameNumber(shape.name)), firstRow: 0, scale: 0.02)
        }
      }
    }
  }
}

/// FNV-1a of a name: the number under which a parameter draws its initial weights.
private func nameNumber(_ name: String) -> UInt32 {
  name.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
}
