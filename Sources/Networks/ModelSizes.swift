import Kernels
import Matrices

/// What stands between a feature and the final classifier: the method, its two ablations, and the baselines of the same
/// paper (section 4, "effects of contrastive embedding").
package enum EmbeddingKind: String, Sendable, CaseIterable, Codable {
  /// Instance-level and class-level contrastive losses: CE-GZSL.
  case contrastive
  /// Instance-level loss only: E and H.
  case instance
  /// Class-level loss only: E and F.
  case `class`
  /// The "basic hybrid": a linear map into descriptor space, trained with a ranking loss.
  case semantic
  /// No embedding; the classifier works on features.
  case none

  package var hasProjection: Bool { self == .contrastive || self == .instance }
  package var hasComparator: Bool { self == .contrastive || self == .class }
  /// E followed by ReLU, as in the paper's embedding.
  package var hasHiddenEmbedding: Bool { hasProjection || hasComparator }
}

/// Widths of the hybrid model, Method.md, "Networks".
package struct ModelSizes: Sendable, Equatable {
  package var feature: Int
  package var attribute: Int
  package var noise: Int
  package var generatorWidth: Int
  package var criticWidth: Int
  package var embedding: Int
  package var projection: Int
  package var comparatorWidth: Int
  package var kind: EmbeddingKind

  // One parameter for each property: the initialiser that Swift would make, were it not of a package.
  package init(
    feature: Int, attribute: Int, noise: Int, generatorWidth: Int, criticWidth: Int, embedding: Int,
    projection: Int, comparatorWidth: Int, kind: EmbeddingKind = .contrastive
  ) {
    self.feature = feature
    self.attribute = attribute
    self.noise = noise
    self.generatorWidth = generatorWidth
    self.criticWidth = criticWidth
    self.embedding = embedding
    self.projection = projection
    self.comparatorWidth = comparatorWidth
    self.kind = kind
  }

  /// Width of what the final classifier sees.
  package var classifierInput: Int {
    switch kind {
    case .none: feature
    case .semantic: attribute
    case .contrastive, .instance, .class: embedding
    }
  }

  package var generatorShapes: [ParameterShape] {
    layer("generator.fc1", generatorWidth, noise + attribute) + layer("generator.fc2", feature, generatorWidth)
  }

  /// Critic first: its gradients are complete, and travel, while the others are computed.
  package var criticGroupShapes: [ParameterShape] {
    var shapes = layer("critic.fc1", criticWidth, feature + attribute) + layer("critic.fc2", 1, criticWidth)
    if kind.hasHiddenEmbedding { shapes += layer("embedding.fc", embedding, feature) }
    if kind == .semantic { shapes += layer("embedding.fc", attribute, feature) }
    if kind.hasProjection { shapes += layer("projection.fc", projection, embedding) }
    if kind.hasComparator {
      shapes += layer("comparator.fc1", comparatorWidth, embedding + attribute)
      shapes += layer("comparator.fc2", 1, comparatorWidth)
    }
    return shapes
  }

  /// Sums over rows that are no gradients yet: of the layers that see descriptors, class by class.
  package func criticClassShapes(classCount: Int) -> [ParameterShape] {
    [.matrix(Critic.classSumsName, rows: classCount, columns: criticWidth)]
      + (kind.hasComparator
        ? [.matrix(Comparator.classSumsName, rows: classCount, columns: comparatorWidth)] : [])
  }

  package func generatorClassShapes(classCount: Int) -> [ParameterShape] {
    [.matrix(Generator.classSumsName, rows: classCount, columns: generatorWidth)]
  }

  private func layer(_ name: String, _ outputs: Int, _ inputs: Int) -> [ParameterShape] {
    [.weight(name, outputs: outputs, inputs: inputs), .bias(name, outputs: outputs)]
  }

  /// Floating-point operations of one iteration for B global rows: the minimum of Method.md, which counts the products only
  /// (a multiply-add is two) and is the numerator of every utilization figure.
  package func flopsPerIteration(batchSize: Int, criticIterations: Int) -> Double {
    let (x, e, g, d) = (Double(feature), Double(noise), Double(generatorWidth), Double(criticWidth))
    let (h, z, f, b) = (Double(embedding), Double(projection), Double(comparatorWidth), Double(batchSize))
    let critic = 2 * (2 * d * x + d * x + 3 * d * x + e * g + g * x + 2 * x * h + 3 * h * z + 3 * h * f) + 4 * b * z
    let generator =
      2 * (e * g + 3 * g * x + e * g + 2 * d * x + 3 * x * h + 3 * h * z + 2 * h * f) + 12 * b * z
    return b * (Double(criticIterations) * critic + generator)
  }
}

/// A linear layer's parameters as views of an arena: weight [out, in], bias [1, out].
package struct LinearLayer: Sendable {
  package let name: String
  package let weight: Matrix
  package let bias: Matrix
  /// Of its products over the rows of a batch; those over classes are small and always float32.
  package let context: ProductContext

  package init(_ arena: ParameterArena, _ name: String, _ context: ProductContext) {
    self.name = name
    self.context = context
    weight = arena.value(name + ".weight")
    bias = arena.value(name + ".bias")
  }

  /// A layer whose parameters stand in no arena and are not trained.
  package init(weight: Matrix, bias: Matrix, context: ProductContext) {
    self.weight = weight
    self.bias = bias
    self.context = context
    name = ""
  }

  package var unitCount: Int { weight.rowCount }
  var weightName: String { name + ".weight" }
  var biasName: String { name + ".bias" }

  /// A layer whose gradients are sums over rows throughout.
  package var summed: SummedLayer {
    SummedLayer(
      name: name, unitCount: unitCount, blocks: [.rows(weightName), .columns(biasName)],
      parameters: [weightName, biasName])
  }

  /// output [N×units] ← W·x + b, x is N×inputs.
  package func forward(into output: Matrix, x: Matrix) {
    context.multiply(into: output, x, weight.transposed, finish: .bias(bias))
  }

  /// base [C×units], the columns of some units ← W[:, columns]·a + b: what a layer makes of the inputs that depend on the class alone
  /// (Method.md, identity 1).
  func classBase(into base: Matrix, units: Range<Int>, descriptors: Matrix, columns: Range<Int>) {
    guard !units.isEmpty else { return }
    context.float32.multiply(
      into: base.columns(units), descriptors, weight.rows(units).columns(columns).transposed,
      finish: .bias(bias.columns(units)))
  }

  /// dW[:, columns] = δᵀ·x, summed over some rows.
  ///
  /// - Parameters:
  ///   - delta: N×units.
  ///   - input: N×columns.
  ///   - columns: the inputs' place among the weight's columns; nil: all.
  package func weightSums(
    into sums: NamedMatrices, delta: Delta, input: Matrix, columns: Range<Int>? = nil, order: SumOrder
  ) {
    let whole = sums[weightName]
    context.multiply(into: columns.map { whole.columns($0) } ?? whole, delta.matrix.transposed, input, order: order)
  }

  /// db = the column sums of δ, N×units.
  package func biasSums(into sums: NamedMatrices, delta: Delta, order: SumOrder) {
    columnSums(of: delta.matrix, into: sums[biasName], order: order)
  }

  /// The gradients of some units for the inputs that depend on the class alone: `classDelta` [S×units] holds δ summed by class over
  /// the whole batch, and one product of S rows does the rest (Method.md, identity 1).
  func finishClasses(
    _ sums: NamedMatrices, units: Range<Int>, classDelta: Matrix, descriptors: Matrix, columns: Range<Int>
  ) {
    context.float32.multiply(into: sums[weightName].rows(units).columns(columns), classDelta.transposed, descriptors)
  }
}
