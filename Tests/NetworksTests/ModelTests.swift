import Kernels
import Matrices
import Networks
import TestSupport
import Testing

@Suite struct ModelTests {
  private func sizes(_ kind: EmbeddingKind) -> ModelSizes {
    ModelSizes(
      feature: 23, attribute: 5, noise: 7, generatorWidth: 17, criticWidth: 41, embedding: 19, projection: 11,
      comparatorWidth: 13, kind: kind)
  }

  @Test func kindsHaveTheNetworksThatTheyNeed() {
    func names(_ kind: EmbeddingKind) -> Set<String> {
      Set(HybridModel(sizes: sizes(kind), context: ProductContext()).criticArena.shapes.map(\.name))
    }
    func layer(_ name: String) -> Set<String> { [name + ".weight", name + ".bias"] }
    let critic = layer("critic.fc1").union(layer("critic.fc2"))
    let comparator = layer("comparator.fc1").union(layer("comparator.fc2"))
    let (embedding, projection) = (layer("embedding.fc"), layer("projection.fc"))
    #expect(names(.none) == critic)
    #expect(names(.semantic) == critic.union(embedding))
    #expect(names(.instance) == critic.union(embedding).union(projection))
    #expect(names(.class) == critic.union(embedding).union(comparator))
    #expect(names(.contrastive) == critic.union(embedding).union(projection).union(comparator))
    let widths = EmbeddingKind.allCases.map { sizes($0).classifierInput }
    #expect(widths == [19, 19, 19, 5, 23])
    #expect(HybridModel(sizes: sizes(.semantic), context: ProductContext()).embedding?.layer.unitCount == 5)
  }

  /// A weight depends on seed, name and place: not on which other networks there are.
  @Test func initialWeightsFollowFromSeedAndName() {
    func model(_ kind: EmbeddingKind, seed: UInt64) -> HybridModel {
      let model = HybridModel(sizes: sizes(kind), context: ProductContext())
      model.initialise(RandomSource(seed: seed))
      return model
    }
    let (whole, other) = (model(.contrastive, seed: 3), model(.contrastive, seed: 4))
    for kind in EmbeddingKind.allCases where kind != .semantic {
      let some = model(kind, seed: 3)
      for shape in some.criticArena.shapes {
        #expect(some.criticArena.value(shape.name).elements == whole.criticArena.value(shape.name).elements)
      }
      #expect(some.generator.first.weight.elements == whole.generator.first.weight.elements)
    }
    var weights: [[Float]] = []
    for (arena, differing) in zip(whole.arenas, other.arenas) {
      for shape in arena.shapes {
        let elements = arena.value(shape.name).elements
        if shape.isVector {
          #expect(elements.allSatisfy { $0 == 0 }, "\(shape.name)")
        } else {
          #expect(elements != differing.value(shape.name).elements, "\(shape.name)")
          weights.append(elements)
        }
      }
    }
    // No two begin alike, and all are N(0, 0.02²): 3000 of them, whose deviation is known to 1.3 %.
    #expect(Set(weights.map { $0[0] }).count == weights.count)
    let all = weights.joined().map(Double.init)
    let variance = all.reduce(0) { $0 + $1 * $1 } / Double(all.count)
    #expect(all.count > 2500 && abs(variance.squareRoot() - 0.02) < 0.0015)
    #expect(abs(all.reduce(0, +) / Double(all.count)) < 0.002)
  }

  /// Over all ranks, the sums of every layer's units are each parameter once, but for b₂ of D and F, whose gradients are 0.
  @Test(arguments: EmbeddingKind.allCases, [1, 2, 3, 50]) func ranksShareOutAllSums(_ kind: EmbeddingKind, _ ranks: Int)
  {
    let (sizes, classCount) = (sizes(kind), 6)
    let model = HybridModel(sizes: sizes, context: ProductContext())
    for (layers, arena, classShapes) in [
      (model.generator.summed, model.generatorArena, sizes.generatorClassShapes(classCount: classCount)),
      (model.criticGroupLayers, model.criticArena, sizes.criticClassShapes(classCount: classCount)),
    ] {
      let layout = MatrixLayout(shapes: arena.shapes + classShapes)
      let sums = NamedMatrices(layout: layout, storage: FloatStorage(count: layout.count))
      for layer in layers {
        for rank in 0..<ranks {
          let units = layer.units(rank: rank, rankCount: ranks)
          for block in layer.blocks {
            let part = block.matrix(sums, units: units)
            for r in 0..<part.rowCount { for c in 0..<part.columnCount { part[r, c] += 1 } }
          }
        }
      }
      let summed = Set(layers.flatMap { $0.blocks.map(\.name) })
      for shape in layout.shapes {
        let counts = sums[shape.name].elements
        if shape.name.hasSuffix("fc2.bias") && !shape.name.hasPrefix("generator") {
          #expect(counts == [0] && !summed.contains(shape.name))
        } else if let columns = layers.lazy.flatMap(\.blocks).first(where: { $0.name == shape.name })?.columns {
          // The columns of descriptors are made from the class sums.
          #expect(columns.count == shape.columnCount - sizes.attribute || shape.name.hasPrefix("comparator"))
          for r in 0..<shape.rowCount {
            for c in 0..<shape.columnCount {
              #expect(sums[shape.name][r, c] == (columns.contains(c) ? 1 : 0), "\(shape.name)[\(r), \(c)]")
            }
          }
        } else if summed.contains(shape.name) {
          #expect(counts.allSatisfy { $0 == 1 }, "\(shape.name)")
        } else {
          // What `finish` makes of the class sums.
          #expect(counts.allSatisfy { $0 == 0 } && layers.contains { $0.parameters.contains(shape.name) })
        }
      }
      let moved = layers.flatMap(\.parameters)
      #expect(moved.count == Set(moved).count)
      #expect(Set(moved).isSubset(of: Set(arena.shapes.map(\.name))))
      #expect(
        Set(arena.shapes.map(\.name)).subtracting(moved).allSatisfy {
          $0 == "critic.fc2.bias" || $0 == "comparator.fc2.bias"
        })
    }
  }

  /// The products that a step cannot do without, counted one by one.
  @Test func operationsAreThoseOfTheProducts() {
    let s = sizes(.contrastive)
    func product(_ m: Int, _ k: Int, _ n: Int) -> Double { 2 * Double(m) * Double(k) * Double(n) }
    let b = 10
    let (x, e, g, d) = (s.feature, s.noise, s.generatorWidth, s.criticWidth)
    let (h, z, f) = (s.embedding, s.projection, s.comparatorWidth)
    let pairs = product(b, z, b)
    // D of both rows, ∇D, D's one weight gradient; G; E and its weight gradient; H and F with both ways back; similarities and back.
    let critic =
      product(2 * b, x, d) + product(b, d, x) + product(d, 3 * b, x) + product(b, e, g) + product(b, g, x)
      + 2 * product(b, x, h) + 3 * product(b, h, z) + 3 * product(b, h, f) + 2 * pairs
    // G with both ways back; D of fakes and back; E and H of both rows, and back for fakes; F and back; similarities of twice as many
    // rows, and back for half of them.
    let generator =
      2 * product(b, e, g) + 3 * product(b, g, x) + 2 * product(b, x, d) + 3 * product(b, x, h) + 3 * product(b, h, z)
      + 2 * product(b, h, f) + (4 + 2) * pairs
    #expect(s.flopsPerIteration(batchSize: b, criticIterations: 5) == 5 * critic + generator)
  }
}
